// Entities made fit for a detached signature (RFC 8551 3.1.3, RFC 3156 5): no octet over 127, no line over 998.
#include "base/text.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"

namespace postern {
namespace {

class Converter {
 public:
  explicit Converter(const Limits& limits) : m_limits(limits) {}

  Result<std::string> convert(std::string_view entity, std::size_t depth) {
    if (depth > m_limits.mime_depth) return fail(ErrorCode::TooLarge, "the message nests too deep", "mime_depth");
    if (++m_parts > m_limits.mime_parts + 1) return fail(ErrorCode::TooLarge, "the message has too many parts", "mime_parts");
    POSTERN_TRY(const MessageView view, MessageView::parse(entity, m_limits));
    if (is_7bit(view.body())) return std::string(entity);
    const HeaderField* field = view.find("Content-Type");
    const ContentType type = field == nullptr ? ContentType{"text/plain", {}} : parse_content_type(field->value);
    if (type.type == "multipart/signed" || type.type == "multipart/encrypted") {
      return fail(ErrorCode::Conflict, "an inner entity is signed or encrypted and holds 8-bit octets; it cannot be changed", "content");
    }
    if (type.is_multipart()) return multipart(view, type, depth);
    if (type.type == "message/rfc822") return message(view, depth);
    return leaf(view, type);
  }

 private:
  Result<std::string> multipart(const MessageView& view, const ContentType& type, std::size_t depth) {
    const std::string boundary = type.parameter("boundary");
    POSTERN_TRY(const MultipartView parts, split_multipart(view.body(), boundary, m_limits.mime_parts));
    std::vector<std::string> converted;
    for (const std::string_view part : parts.parts) {
      POSTERN_TRY(std::string entity, convert(part, depth + 1));
      converted.push_back(std::move(entity));
    }
    const std::vector<std::string_view> views(converted.begin(), converted.end());
    // Preamble and epilogue are seen by nobody; what is not 7-bit there goes.
    POSTERN_TRY(std::string body, make_multipart_body(views, boundary, is_7bit(parts.preamble) ? parts.preamble : std::string_view{}));
    if (is_7bit(parts.epilogue)) body += parts.epilogue;
    if (!is_7bit(body)) return fail(ErrorCode::Conflict, "a part has a header that is not ASCII; it cannot be changed", "content");
    return make_entity(header_without_encoding(view, {}), body);
  }

  /// RFC 2046 5.2.1: message/rfc822 itself may not be encoded, so what is inside is.
  Result<std::string> message(const MessageView& view, std::size_t depth) {
    POSTERN_TRY(const std::string inner, convert(view.body(), depth + 1));
    if (!is_7bit(inner))
      return fail(ErrorCode::Conflict, "an enclosed message has a header that is not ASCII; it cannot be changed", "content");
    return make_entity(header_without_encoding(view, {}), inner);
  }

  static Result<std::string> leaf(const MessageView& view, const ContentType& type) {
    const std::string encoding = to_lower(view.value("Content-Transfer-Encoding"));
    if (!encoding.empty() && encoding != "7bit" && encoding != "8bit" && encoding != "binary") {
      return fail(ErrorCode::Conflict, "a part is labelled " + printable(encoding, 40) + " but holds other octets", "content");
    }
    if (!type.type.starts_with("text/")) {
      return make_entity(header_without_encoding(view, "Content-Transfer-Encoding: base64\r\n"), encode_base64_body(view.body()));
    }
    const LineBreaks breaks = has_only_crlf(view.body()) ? LineBreaks::Text : LineBreaks::Binary;
    return make_entity(header_without_encoding(view, "Content-Transfer-Encoding: quoted-printable\r\n"),
                       encode_quoted_printable(view.body(), breaks));
  }

  static std::string header_without_encoding(const MessageView& view, std::string_view append) {
    std::string out;
    for (const HeaderField& field : view.fields()) {
      if (!field.is("Content-Transfer-Encoding")) out += field.raw;
    }
    return out.append(append);
  }

  const Limits& m_limits;
  std::size_t m_parts = 0;
};

}  // namespace

Result<std::string> to_7bit(std::string_view entity, const Limits& limits) { return Converter(limits).convert(entity, 0); }

}  // namespace postern
