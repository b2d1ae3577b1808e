#include "seals/pkcs11_uri.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kMaxUri = 4096;
constexpr std::size_t kMaxValue = 255;

// RFC 7512 2.3: pk11-res-avail, besides letters and digits; '&' stands in paths only, '/' '?' '|' in queries only.
bool is_plain(char c, bool query) {
  if (is_alnum(c)) return true;
  if (std::string_view("-._~:[]@!$'()*+,=").find(c) != std::string_view::npos) return true;
  return query ? c == '/' || c == '?' || c == '|' : c == '&';
}

Result<std::string> decode(std::string_view text, bool query, std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!is_plain(text[i], query)) return fail(ErrorCode::BadInput, "has a character that must be written as %XX", std::string(field));
      out.push_back(text[i]);
      continue;
    }
    const auto byte = hex_decode(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return fail(ErrorCode::BadInput, "has a % without two hexadecimal digits", std::string(field));
    out.push_back(static_cast<char>(byte->front()));
    i += 2;
  }
  if (out.empty()) return fail(ErrorCode::BadInput, "is empty: leave it out or give it a value", std::string(field));
  if (out.size() > kMaxValue) return fail(ErrorCode::TooLarge, "has more than 255 bytes", std::string(field));
  return out;
}

/// Into a field that is given once. What ends up in messages and in calls of C must be text without control characters.
Status set_text(std::string& place, std::string value, std::string_view field, std::size_t limit) {
  if (!place.empty()) return fail(ErrorCode::BadInput, "is given twice", std::string(field));
  const bool controls = std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (controls || !is_utf8(value)) return fail(ErrorCode::BadInput, "must be UTF-8 text without control characters", std::string(field));
  if (value.size() > limit) return fail(ErrorCode::TooLarge, "has at most " + std::to_string(limit) + " bytes", std::string(field));
  place = std::move(value);
  return {};
}

Status set_slot(Pkcs11Uri& uri, const std::string& value) {
  std::uint64_t slot = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), slot);
  if (error != std::errc{} || end != value.data() + value.size()) return fail(ErrorCode::BadInput, "is not a number", "slot-id");
  if (uri.slot_id) return fail(ErrorCode::BadInput, "is given twice", "slot-id");
  uri.slot_id = slot;
  return {};
}

Status set_type(Pkcs11Uri& uri, std::string_view value) {
  if (uri.type != Pkcs11KeyType::Any) return fail(ErrorCode::BadInput, "is given twice", "type");
  if (value == "secret-key")
    uri.type = Pkcs11KeyType::SecretKey;
  else if (value == "private")
    uri.type = Pkcs11KeyType::Private;
  else
    return fail(ErrorCode::BadInput, "a seal uses a secret-key (AES) or a private (RSA) key", "type");
  return {};
}

Status set_path(Pkcs11Uri& uri, std::string_view name, std::string value) {
  // The sizes of the fields of CK_TOKEN_INFO.
  if (name == "token") return set_text(uri.token, std::move(value), name, 32);
  if (name == "serial") return set_text(uri.serial, std::move(value), name, 16);
  if (name == "manufacturer") return set_text(uri.manufacturer, std::move(value), name, 32);
  if (name == "model") return set_text(uri.model, std::move(value), name, 16);
  if (name == "object") return set_text(uri.object, std::move(value), name, kMaxValue);
  if (name == "slot-id") return set_slot(uri, value);
  if (name == "type") return set_type(uri, value);
  if (name == "id") {
    if (!uri.id.empty()) return fail(ErrorCode::BadInput, "is given twice", "id");
    uri.id = to_bytes(value);
    return {};
  }
  return fail(ErrorCode::BadInput,
              "is not used here: name a token (token, serial, manufacturer, model, slot-id) and a key (object, id, type)",
              printable(name, 40));
}

Status set_pin_source(Pkcs11Uri& uri, std::string value) {
  if (value.starts_with("file:")) value.erase(0, 5);
  if (value.starts_with("///")) value.erase(0, 2);
  if (!value.starts_with('/')) return fail(ErrorCode::BadInput, "write file:/PATH, a file that holds the PIN (chmod 600)", "pin-source");
  return set_text(uri.pin_file, std::move(value), "pin-source", kMaxValue);
}

Status set_query(Pkcs11Uri& uri, std::string_view name, std::string value) {
  if (name == "pin-source") return set_pin_source(uri, std::move(value));
  if (name == "module-path") {
    if (!value.starts_with('/')) return fail(ErrorCode::BadInput, "must be absolute", "module-path");
    return set_text(uri.module_path, std::move(value), name, kMaxValue);
  }
  return fail(ErrorCode::BadInput, "is not used here: only module-path and pin-source are", printable(name, 40));
}

// A refused attribute is named, its value never is: it may be a PIN.
Status set_attribute(Pkcs11Uri& uri, std::string_view attribute, bool query) {
  const std::size_t equals = attribute.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fail(ErrorCode::BadInput, "every part of a PKCS#11 URI is NAME=VALUE", "seal");
  const std::string_view name = attribute.substr(0, equals);
  if (name == "pin-value")
    return fail(ErrorCode::BadInput, "a PIN does not belong into a setting: put it into a file, pin-source=file:/PATH", "pin-value");
  POSTERN_TRY(std::string value, decode(attribute.substr(equals + 1), query, printable(name, 40)));
  return query ? set_query(uri, name, std::move(value)) : set_path(uri, name, std::move(value));
}

Status check_whole(const Pkcs11Uri& uri) {
  if (uri.module_path.empty())
    return fail(ErrorCode::BadInput, "is missing: write ?module-path=/PATH of the token's PKCS#11 library", "module-path");
  if (uri.token_text().empty()) return fail(ErrorCode::BadInput, "is missing: write token=LABEL (or serial, or slot-id)", "token");
  if (uri.object.empty() && uri.id.empty()) return fail(ErrorCode::BadInput, "is missing: write object=LABEL (or id) of the key", "object");
  return {};
}

}  // namespace

std::string Pkcs11Uri::token_text() const {
  std::string out;
  const auto add = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += (out.empty() ? "" : ";") + std::string(name) + "=" + value;
  };
  add("token", token);
  add("serial", serial);
  add("manufacturer", manufacturer);
  add("model", model);
  add("slot-id", slot_id ? std::to_string(*slot_id) : "");
  return out;
}

Result<Pkcs11Uri> parse_pkcs11_uri(std::string_view text) {
  if (text.size() > kMaxUri) return fail(ErrorCode::TooLarge, "a PKCS#11 URI has 4,096 bytes at most", "seal");
  if (!istarts_with(text, "pkcs11:")) return fail(ErrorCode::BadInput, "a PKCS#11 URI begins with pkcs11:", "seal");
  text.remove_prefix(7);
  const std::size_t mark = text.find('?');
  Pkcs11Uri uri;
  for (const std::string_view part : split(text.substr(0, mark), ';')) {
    if (!part.empty()) POSTERN_CHECK(set_attribute(uri, part, false));
  }
  if (mark != std::string_view::npos) {
    for (const std::string_view part : split(text.substr(mark + 1), '&')) POSTERN_CHECK(set_attribute(uri, part, true));
  }
  POSTERN_CHECK(check_whole(uri));
  return uri;
}

}  // namespace postern::seals
