// What the page of the X.400 mailbox adds to the frame of every page (page.cpp). What it asks is docs/x400-mailbox.md.
#pragma once

#include <string_view>

namespace postern::api {

extern const std::string_view kX400Body, kX400Css;
extern const std::string_view kX400MessageScript;  ///< One message: what it says, and what became of it.
extern const std::string_view kX400ActsScript;     ///< What can be done with it, and the questions asked before.
extern const std::string_view kX400WriteScript;    ///< A new one.
extern const std::string_view kX400Script;         ///< Folders, lists, associations, and following all of them. Comes last.

}  // namespace postern::api
