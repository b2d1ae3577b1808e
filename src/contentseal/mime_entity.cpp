#include "contentseal/mime_entity.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "seal/decoded.hpp"

namespace postern::contentseal {
namespace {

/// RFC 5322 2.2: a field name is of printable characters without the colon. X.400 contents are BER, which begins otherwise.
std::optional<bool> begins_with_field_name(std::string_view text) {
  const auto end = std::ranges::find_if(text, [](char c) { return c <= 0x20 || c >= 0x7f || c == ':'; });
  if (end == text.end()) return text.size() < kMostMimeHeader ? std::nullopt : std::optional(false);
  return *end == ':' && end != text.begin();
}

/// Where the empty line after the header is passed; npos: it is not there.
std::size_t end_of_header(std::string_view text) {
  const std::size_t crlf = text.find("\r\n\r\n"), lf = text.find("\n\n");
  if (crlf == std::string_view::npos && lf == std::string_view::npos) return std::string_view::npos;
  return crlf < lf ? crlf + 4 : lf + 2;
}

bool is_smime_header(std::string_view header, const Limits& limits) {
  const auto view = MessageView::parse(header, limits);
  const HeaderField* field = view ? view->find("Content-Type") : nullptr;
  if (field == nullptr) return false;
  const std::string type = to_lower(postern::parse_content_type(field->value).type);
  return type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime";
}

}  // namespace

std::optional<bool> begins_smime_entity(ByteView front) {
  const std::string_view text = as_text(front.first(std::min(front.size(), kMostMimeHeader)));
  const std::optional<bool> named = begins_with_field_name(text);
  if (!named || !*named) return named;
  const std::size_t end = end_of_header(text);
  if (end != std::string_view::npos) return is_smime_header(text.substr(0, end), {});
  return text.size() < kMostMimeHeader ? std::nullopt : std::optional(false);
}

std::optional<Bytes> unwrapped_mime(ByteView octets, const Limits& limits) {
  if (!begins_smime_entity(octets).value_or(false)) return std::nullopt;
  auto der = decoded_content(as_text(octets), limits);
  if (!der) return std::nullopt;
  return *std::move(der);
}

}  // namespace postern::contentseal
