// JSON out: written straight into one string that was reserved before, so that secrets in it are in one place and nothing is copied twice.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace postern::vault {

/// At least the bytes that append_json will need.
[[nodiscard]] std::size_t json_size(const boost::json::value& value) noexcept;
[[nodiscard]] std::size_t json_size(const boost::json::object& object) noexcept;
void append_json(std::string& out, const boost::json::value& value);
void append_json(std::string& out, const boost::json::object& object);
/// With quotes. Text that is no UTF-8 must not come here (the HTTP face refuses it).
void append_json_text(std::string& out, std::string_view text);

/// Overwrites every string in it.
void wipe_json(boost::json::value& value) noexcept;
void wipe_json(boost::json::object& object) noexcept;

}  // namespace postern::vault
