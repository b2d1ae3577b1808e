#include "seal/line_shield.hpp"

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"

namespace postern {
namespace {

bool has_fragile_line(std::string_view body) {
  if (body.starts_with("From ") || body.find("\nFrom ") != std::string_view::npos) return true;
  return body.find(" \r\n") != std::string_view::npos || body.find("\t\r\n") != std::string_view::npos ||
         (!body.empty() && is_wsp(body.back()));
}

bool is_identity_encoding(const MessageView& view) {
  const std::string encoding = view.value("Content-Transfer-Encoding");
  return encoding.empty() || iequals(encoding, "7bit") || iequals(encoding, "8bit");
}

std::string quoted_printable_leaf(const MessageView& view) {
  std::string fields;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("Content-Transfer-Encoding")) fields += field.raw;
  }
  return make_entity(fields + "Content-Transfer-Encoding: quoted-printable\r\n", encode_quoted_printable(view.body()));
}

std::string shield(std::string_view entity, const Limits& limits, std::size_t depth);

/// Puts shielded parts in the places of the parts; delimiters, preamble and epilogue keep their bytes.
std::string shield_parts(const MessageView& view, const MultipartView& parts, const Limits& limits, std::size_t depth) {
  std::string out;
  const char* at = view.raw().data();
  for (const std::string_view part : parts.parts) {
    out.append(at, part.data());
    out += shield(part, limits, depth + 1);
    at = part.data() + part.size();
  }
  return out.append(at, view.raw().data() + view.raw().size());
}

std::string shield(std::string_view entity, const Limits& limits, std::size_t depth) {
  const auto view = MessageView::parse(entity, limits);
  if (!view || depth > limits.mime_depth) return std::string(entity);
  const HeaderField* field = view->find("Content-Type");
  const ContentType type = field == nullptr ? ContentType{"text/plain", {}} : parse_content_type(field->value);
  if (type.is_multipart() && type.type != "multipart/signed" && type.type != "multipart/encrypted") {
    const auto parts = split_multipart(view->body(), type.parameter("boundary"), limits.mime_parts);
    return parts ? shield_parts(*view, *parts, limits, depth) : std::string(entity);
  }
  const bool fragile = type.type.starts_with("text/") && is_identity_encoding(*view) && has_fragile_line(view->body());
  return fragile ? quoted_printable_leaf(*view) : std::string(entity);
}

}  // namespace

std::string shield_lines(std::string_view entity, const Limits& limits) {
  // Most mail has no such line anywhere, and then nothing is taken apart.
  return has_fragile_line(entity) ? shield(entity, limits, 0) : std::string(entity);
}

}  // namespace postern
