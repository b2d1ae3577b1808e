#include "mtahook/response.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace postern::mtahook {
namespace {

namespace json = boost::json;

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

Result<json::object> write(const Accept&) { return json::object{{"action", "accept"}}; }

/// RFC 3463 2: class "." subject "." detail, each of up to three digits; the class is that of the reply.
bool is_enhanced(std::string_view text, int status) {
  const auto parts = split(text, '.');
  if (parts.size() != 3 || parts[0] != std::to_string(status / 100)) return false;
  return std::ranges::all_of(
      parts, [](std::string_view part) { return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, is_digit); });
}

Result<json::object> write(const Reject& reject) {
  if (reject.status < 400 || reject.status > 599) return fail(ErrorCode::BadInput, "must be from 400 to 599", "response.status");
  if (!is_enhanced(reject.enhanced_status, reject.status))
    return fail(ErrorCode::BadInput, "must be like 5.7.1, and of the class of the status", "response.enhanced_status");
  if (reject.message.empty() || reject.message.size() > kMessageOctets || !std::ranges::all_of(reject.message, is_printable))
    return fail(ErrorCode::BadInput, "must be a line of printable ASCII, at most " + std::to_string(kMessageOctets) + " octets",
                "response.message");
  // The one key of the protocol in snake case; another spelling the MTA would skip without a word.
  return json::object{{"action", "reject"},
                      {"response", json::object{{"status", reject.status},
                                                {"enhanced_status", reject.enhanced_status},
                                                {"message", reject.message},
                                                {"disconnect", reject.disconnect}}}};
}

}  // namespace

Result<std::string> write_response(const Response& response) {
  POSTERN_TRY(const json::object out, std::visit([](const auto& one) { return write(one); }, response));
  return json::serialize(out);
}

}  // namespace postern::mtahook
