// What the page of keys adds to the frame of every page (page.cpp).
#pragma once

#include <string_view>

namespace postern::api {

extern const std::string_view kKeysBody, kKeysCss, kKeysScript;

}  // namespace postern::api
