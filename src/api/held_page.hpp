// What the live page (page.cpp) has for held mail: a list, a dialog to look at one message and to decide, and their script.
#pragma once

#include <string_view>

namespace postern::api {

extern const std::string_view kHeldList, kHeldDialog, kHeldCss, kHeldScript;

}  // namespace postern::api
