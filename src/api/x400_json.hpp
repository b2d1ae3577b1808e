// Values of the operator's X.400 mailbox as docs/x400-mailbox.md describes them, and the bodies of its calls.
#pragma once

#include <boost/json/object.hpp>

#include "cabinet/cabinet.hpp"
#include "http/message.hpp"

namespace postern::api {

enum class Detail { Listed, Whole };
[[nodiscard]] boost::json::object json_of(const cabinet::Item& item, Detail detail);
[[nodiscard]] boost::json::object json_of(const cabinet::Step& step);
[[nodiscard]] boost::json::object json_of(const cabinet::FolderState& folder);
[[nodiscard]] boost::json::object json_of(const cabinet::AccessReport& report);

/// The body of POST /messages. BadInput names the field.
struct CreateBody {
  cabinet::Request request;
  std::optional<MessageId> reply_to;
};
[[nodiscard]] Result<CreateBody> create_body(const http::Request& request);
/// The body of .../submit, which may be empty.
[[nodiscard]] Result<cabinet::Wish> submit_body(const http::Request& request);
/// An object; an empty body is an empty one.
[[nodiscard]] Result<boost::json::object> optional_body(const http::Request& request);
/// {id} of the path.
[[nodiscard]] Result<MessageId> message_id(const http::Request& request);
[[nodiscard]] Result<MessageId> message_id(std::string_view text, std::string_view field);

}  // namespace postern::api
