// Values of the operator's X.400 mailbox as docs/x400-mailbox.md describes them, and the bodies of its calls.
#pragma once

#include <boost/json/object.hpp>

#include "cabinet/cabinet.hpp"
#include "http/message.hpp"

namespace postern::api {

enum class Detail { Listed, Whole };
[[nodiscard]] boost::json::object json_of(const cabinet::Item& item, Detail detail);
/// Seconds since 1970 as RFC 3339; null where there is none.
[[nodiscard]] boost::json::value time_of(const std::optional<std::int64_t>& seconds);
/// Names of the bits of sdk::Submission::flags.
[[nodiscard]] boost::json::array flags_of(std::uint32_t flags);
[[nodiscard]] boost::json::object json_of(const cabinet::Step& step);
[[nodiscard]] boost::json::object json_of(const cabinet::FolderState& folder);
[[nodiscard]] boost::json::object json_of(const cabinet::AccessReport& report);

/// The body of .../submit, which may be empty.
[[nodiscard]] Result<cabinet::Wish> submit_body(const http::Request& request);
/// A field of a body; empty where it is missing or null. BadInput names it.
[[nodiscard]] Result<std::string> text_in(const boost::json::object& object, const char* field);
[[nodiscard]] Result<std::optional<std::int64_t>> time_in(const boost::json::object& object, const char* field);
/// The version of a message that whoever changes it has seen.
[[nodiscard]] Result<std::uint64_t> seen_version(const boost::json::object& body);
/// The same where the body may leave it out.
[[nodiscard]] Result<std::optional<std::uint64_t>> seen_version_if_any(const boost::json::object& body);
/// An object; an empty body is an empty one.
[[nodiscard]] Result<boost::json::object> optional_body(const http::Request& request);
/// {id} of the path.
[[nodiscard]] Result<MessageId> message_id(const http::Request& request);
[[nodiscard]] Result<MessageId> message_id(std::string_view text, std::string_view field);

}  // namespace postern::api
