// A draft of the operator's X.400 mailbox as docs/x400-mailbox.md "Body of POST /messages" describes it, in and out.
#pragma once

#include "api/x400_json.hpp"
#include "ipm/read.hpp"

namespace postern::api {

/// Puts what the body says into `out`; what it leaves out stays as it is, null stands for the usual. The cabinet knows the messages that
/// are referred to. BadInput names the field; NotFound.
[[nodiscard]] Status read_draft(const boost::json::object& body, cabinet::Cabinet& cabinet, cabinet::Request& out);

/// The same form; attachments by their numbers. `view`: what is in its content, where that is an interpersonal one.
[[nodiscard]] boost::json::object json_of(const cabinet::Cabinet::Draft& draft, const std::optional<ipm::MessageView>& view);

}  // namespace postern::api
