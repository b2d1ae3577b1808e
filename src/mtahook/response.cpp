#include "mtahook/response.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace postern::mtahook {
namespace {

namespace json = boost::json;

constexpr std::size_t kNameOctets = 255;
constexpr std::size_t kValueOctets = 64U * 1024;
constexpr std::size_t kAddressOctets = 1024;

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

/// RFC 5322 3.6.8: ftext.
Status check_name(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kNameOctets && std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
  if (good) return {};
  return fail(ErrorCode::BadInput, "must be the name of a header field", "name");
}

Status check_value(std::string_view value) {
  const bool control = std::ranges::any_of(value, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7F'; });
  if (!control && value.size() <= kValueOctets && is_utf8(value)) return {};
  return fail(ErrorCode::BadInput, "must be one line of text, at most " + std::to_string(kValueOctets) + " octets", "value");
}

Status check_address(std::string_view address, bool may_be_empty) {
  const bool odd = std::ranges::any_of(address, [](char c) { return (c >= 0 && c < ' ') || c == '\x7F' || c == '<' || c == '>'; });
  if (!odd && (may_be_empty || !address.empty()) && address.size() <= kAddressOctets && is_utf8(address)) return {};
  return fail(ErrorCode::BadInput, "must be an address without brackets", "value");
}

json::object tagged(std::string_view type) { return {{"type", type}}; }

struct Writer {
  Result<json::object> operator()(const AddHeader& one) const { return field(tagged("addHeader"), one.name, one.value); }
  Result<json::object> operator()(const InsertHeader& one) const { return field(indexed("insertHeader", one.index), one.name, one.value); }
  Result<json::object> operator()(const ChangeHeader& one) const { return field(indexed("changeHeader", one.index), one.name, one.value); }
  Result<json::object> operator()(const DeleteHeader& one) const {
    POSTERN_CHECK(check_name(one.name));
    json::object out = indexed("deleteHeader", one.index);
    out["name"] = one.name;
    return out;
  }
  Result<json::object> operator()(const AddRecipient& one) const { return address("addRecipient", one.address, false, true); }
  Result<json::object> operator()(const DeleteRecipient& one) const { return address("deleteRecipient", one.address, false, false); }
  Result<json::object> operator()(const ChangeFrom& one) const { return address("changeFrom", one.address, true, true); }

 private:
  static json::object indexed(std::string_view type, std::uint32_t index) {
    json::object out = tagged(type);
    out["index"] = index;
    return out;
  }
  static Result<json::object> field(json::object out, const std::string& name, const std::string& value) {
    POSTERN_CHECK(check_name(name));
    POSTERN_CHECK(check_value(value));
    out["name"] = name;
    out["value"] = value;
    return out;
  }
  static Result<json::object> address(std::string_view type, const std::string& address, bool may_be_empty, bool parameters) {
    POSTERN_CHECK(check_address(address, may_be_empty));
    json::object out = tagged(type);
    out["value"] = address;
    if (parameters) out["parameters"] = json::object();
    return out;
  }
};

Result<json::object> write(const Accept& accept) {
  json::object out{{"action", "accept"}};
  json::array list;
  for (std::size_t i = 0; i < accept.modifications.size(); ++i) {
    auto one = std::visit(Writer(), accept.modifications[i]);
    if (!one) return fail(ErrorCode::BadInput, one.error().what, "modifications[" + std::to_string(i) + "]." + one.error().field);
    list.push_back(*std::move(one));
  }
  if (!list.empty()) out["modifications"] = std::move(list);
  return out;
}

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
  // The one key of the protocol in snake case; with another spelling the MTA says 5.0.0 without a word.
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
