#include "mime/tree.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "mime/encoded_word.hpp"
#include "mime/gmime.hpp"
#include "mime/gmime_params.hpp"
#include "mime/multipart.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxDefects = 100;

std::string_view code_of(GMimeParserWarning warning) noexcept {
  switch (warning) {
    case GMIME_WARN_DUPLICATED_HEADER: return "duplicate_field";
    case GMIME_WARN_DUPLICATED_PARAMETER: return "duplicate_parameter";
    case GMIME_WARN_UNENCODED_8BIT_HEADER: return "8bit_in_header";
    case GMIME_WARN_INVALID_CONTENT_TYPE: return "bad_content_type";
    case GMIME_WARN_INVALID_RFC2047_HEADER_VALUE: return "bad_encoded_word";
    case GMIME_WARN_MALFORMED_MULTIPART: return "malformed_multipart";
    case GMIME_WARN_TRUNCATED_MESSAGE: return "truncated";
    case GMIME_WARN_MALFORMED_MESSAGE: return "malformed_message";
    case GMIME_CRIT_INVALID_HEADER_NAME: return "bad_field_name";
    case GMIME_CRIT_CONFLICTING_HEADER: return "conflicting_field";
    case GMIME_CRIT_CONFLICTING_PARAMETER: return "conflicting_parameter";
    case GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY: return "missing_boundary";
    case GMIME_WARN_INVALID_PARAMETER: return "bad_parameter";
    case GMIME_WARN_INVALID_ADDRESS_LIST: return "bad_address_list";
    case GMIME_CRIT_NESTING_OVERFLOW: return "nesting_overflow";
    default: return "other";
  }
}

void collect_warning(gint64 offset, GMimeParserWarning warning, const gchar* item, gpointer user_data) {
  auto& defects = *static_cast<std::vector<MimeDefect>*>(user_data);
  if (defects.size() >= kMaxDefects) return;
  defects.push_back({std::string(code_of(warning)), offset > 0 ? static_cast<std::size_t>(offset) : 0, printable(text_or_empty(item), 80)});
}

/// A GMime stream that reads the caller's memory without a copy.
struct BorrowedStream {
  explicit BorrowedStream(std::string_view raw)
      // GMime only reads here: the stream does not own the array, and nobody writes to it.
      : array{reinterpret_cast<guint8*>(const_cast<char*>(raw.data())), static_cast<guint>(raw.size())}, stream(g_mime_stream_mem_new()) {
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream.get()), FALSE);
    g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream.get()), &array);
  }
  GByteArray array;
  GPtr<GMimeStream> stream;
};

/// What the enclosing message looks like to the walk.
struct Walk {
  std::string_view raw;
  const Limits& limits;
  std::size_t parts = 0;
};

void note(MimePart& part, std::string_view code, std::size_t offset, std::string detail = {}) {
  part.defects.push_back({std::string(code), offset, std::move(detail)});
}

/// The still encoded content; GMime's substreams carry their bounds in the message.
std::string_view encoded_content(const Walk& walk, GMimePart* leaf) {
  GMimeDataWrapper* wrapper = g_mime_part_get_content(leaf);
  GMimeStream* stream = wrapper == nullptr ? nullptr : g_mime_data_wrapper_get_stream(wrapper);
  if (stream == nullptr || stream->bound_start < 0) return {};
  const auto begin = std::min(static_cast<std::size_t>(stream->bound_start), walk.raw.size());
  const auto end = stream->bound_end < 0 ? walk.raw.size() : std::min(static_cast<std::size_t>(stream->bound_end), walk.raw.size());
  return walk.raw.substr(begin, end > begin ? end - begin : 0);
}

Bytes decoded_content(GMimePart* leaf) {
  GMimeDataWrapper* wrapper = g_mime_part_get_content(leaf);
  if (wrapper == nullptr) return {};
  const GPtr<GMimeStream> out(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(wrapper, out.get());
  const GByteArray* array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out.get()));
  if (array == nullptr || array->len == 0) return {};
  return {array->data, array->data + array->len};
}

bool is_base64_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || std::string_view("+/= \t\r\n").find(c) != std::string_view::npos; });
}

bool is_known_encoding(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 9> known = {"",       "7bit",       "8bit",     "binary", "quoted-printable",
                                                     "base64", "x-uuencode", "uuencode", "x-uue"};
  return std::find(known.begin(), known.end(), name) != known.end();
}

void check_encoding(const Walk& walk, std::string_view encoded, MimePart& part) {
  const auto offset = static_cast<std::size_t>(encoded.empty() ? 0 : encoded.data() - walk.raw.data());
  if (!is_known_encoding(part.transfer_encoding)) note(part, "bad_transfer_encoding", offset, printable(part.transfer_encoding, 40));
  if (part.transfer_encoding == "base64" && !is_base64_text(encoded)) note(part, "bad_base64", offset);
  const bool claims_ascii =
      part.transfer_encoding.empty() || part.transfer_encoding == "7bit" || part.transfer_encoding == "quoted-printable";
  if (claims_ascii && !is_ascii(encoded)) note(part, "8bit_in_7bit", offset, part.transfer_encoding);
}

void check_charset(MimePart& part) {
  if (!part.type.starts_with("text/") || part.charset.empty()) return;
  const std::string_view text = as_text(part.content);
  const bool wrong = (part.charset == "utf-8" && !is_utf8(text)) || (part.charset == "us-ascii" && !is_ascii(text));
  if (wrong) note(part, "bad_charset_bytes", 0, part.charset);
  const GIConv converter = g_iconv_open("UTF-8", g_mime_charset_iconv_name(part.charset.c_str()));
  if (converter == reinterpret_cast<GIConv>(-1)) {
    note(part, "unknown_charset", 0, printable(part.charset, 40));
  } else {
    g_iconv_close(converter);
  }
}

/// The field's value as it came.
std::string raw_value(GMimeObject* object, const char* name) {
  GMimeHeader* header = g_mime_header_list_get_header(g_mime_object_get_header_list(object), name);
  return header == nullptr ? std::string{} : text_or_empty(g_mime_header_get_raw_value(header));
}

void read_type(GMimeObject* object, MimePart& part) {
  const std::string raw = raw_value(object, "Content-Type");
  GMimeContentType* type = g_mime_object_get_content_type(object);
  part.type =
      to_lower(text_or_empty(g_mime_content_type_get_media_type(type)) + "/" + text_or_empty(g_mime_content_type_get_media_subtype(type)));
  if (!raw.empty() && !is_media_type(raw)) {
    part.type = "text/plain";  // RFC 2045 5.2
    note(part, "bad_content_type", 0, printable(trim(raw), 80));
  } else if (!raw.empty()) {
    part.parameters = parameters_of(g_mime_content_type_get_parameters(parsed_type(raw).get()));
  }
  if (const auto charset = part.parameters.find("charset"); charset != part.parameters.end()) part.charset = to_lower(charset->second);
}

void read_disposition(GMimeObject* object, MimePart& part) {
  if (const std::string raw = raw_value(object, "Content-Disposition"); !raw.empty()) {
    const auto parsed = parsed_disposition(raw);
    part.disposition = to_lower(made_valid_utf8(text_or_empty(g_mime_content_disposition_get_disposition(parsed.get()))));
    part.filename = made_valid_utf8(text_or_empty(g_mime_content_disposition_get_parameter(parsed.get(), "filename")));
  }
  if (!part.filename.empty()) return;
  if (const auto name = part.parameters.find("name"); name != part.parameters.end()) part.filename = name->second;
}

void read_header(GMimeObject* object, MimePart& part) {
  read_type(object, part);
  read_disposition(object, part);
  part.transfer_encoding = to_lower(trim(raw_value(object, "Content-Transfer-Encoding")));
  part.content_id = made_valid_utf8(text_or_empty(g_mime_object_get_content_id(object)));
  part.description = decode_header_text(raw_value(object, "Content-Description"));
}

Result<MimePart> walk_object(Walk& walk, GMimeObject* object, std::size_t depth);

/// RFC 2045 6.4: composite types may not be encoded; software differs in what it sees then.
void check_container(MimePart& part) {
  const std::string& encoding = part.transfer_encoding;
  if (!encoding.empty() && encoding != "7bit" && encoding != "8bit" && encoding != "binary")
    note(part, "encoded_multipart", 0, printable(encoding, 40));
}

Status walk_multipart(Walk& walk, GMimeMultipart* multipart, MimePart& part, std::size_t depth) {
  check_container(part);
  const int count = g_mime_multipart_get_count(multipart);
  for (int i = 0; i < count; ++i) {
    POSTERN_TRY(MimePart child, walk_object(walk, g_mime_multipart_get_part(multipart, i), depth + 1));
    part.children.push_back(std::move(child));
  }
  // Not g_mime_multipart_get_boundary(): that makes one up where there is none and writes the field anew, and with some parameters GMime
  // then asks for gigabytes.
  if (g_mime_object_get_content_type_parameter(GMIME_OBJECT(multipart), "boundary") == nullptr) note(part, "missing_boundary", 0);
  if (count > 0 && !multipart->write_end_boundary) note(part, "missing_end_boundary", 0);
  if (count == 0) part.content = to_bytes(text_or_empty(g_mime_multipart_get_prologue(multipart)));
  return {};
}

Result<MimePart> walk_object(Walk& walk, GMimeObject* object, std::size_t depth) {
  if (depth > walk.limits.mime_depth) {
    return fail(ErrorCode::TooLarge, "the message nests deeper than " + std::to_string(walk.limits.mime_depth) + " levels", "mime_depth");
  }
  if (++walk.parts > walk.limits.mime_parts + 1) {  // the message itself is not a part
    return fail(ErrorCode::TooLarge, "the message has more than " + std::to_string(walk.limits.mime_parts) + " parts", "mime_parts");
  }
  MimePart part;
  read_header(object, part);
  if (GMIME_IS_MULTIPART(object)) {
    POSTERN_CHECK(walk_multipart(walk, GMIME_MULTIPART(object), part, depth));
  } else if (GMIME_IS_MESSAGE_PART(object)) {
    check_container(part);
    GMimeMessage* message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
    GMimeObject* inner = message == nullptr ? nullptr : g_mime_message_get_mime_part(message);
    if (inner != nullptr) {
      POSTERN_TRY(MimePart child, walk_object(walk, inner, depth + 1));
      part.children.push_back(std::move(child));
    }
  } else if (GMIME_IS_PART(object)) {
    check_encoding(walk, encoded_content(walk, GMIME_PART(object)), part);
    part.content = decoded_content(GMIME_PART(object));
    check_charset(part);
  }
  return part;
}

}  // namespace

std::size_t MimePart::part_count() const noexcept {
  std::size_t count = 1;
  for (const MimePart& child : children) count += child.part_count();
  return count;
}

Result<MimePart> parse_mime_tree(std::string_view raw, const Limits& limits) {
  if (raw.size() > limits.message_bytes) {
    return fail(ErrorCode::TooLarge, "the message is longer than " + std::to_string(limits.message_bytes) + " octets", "message_bytes");
  }
  POSTERN_CHECK(check_structure(raw, limits));
  ensure_gmime();
  const BorrowedStream source(raw);
  const GPtr<GMimeParser> parser(g_mime_parser_new_with_stream(source.stream.get()));
  const GOptions options(g_mime_parser_options_new());
  std::vector<MimeDefect> warnings;
  g_mime_parser_options_set_warning_callback(options.get(), collect_warning, &warnings);
  const GPtr<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), options.get()));
  GMimeObject* root = message ? g_mime_message_get_mime_part(message.get()) : nullptr;
  if (root == nullptr) return MimePart{};
  Walk walk{raw, limits};
  POSTERN_TRY(MimePart tree, walk_object(walk, root, 0));
  tree.defects.insert(tree.defects.begin(), warnings.begin(), warnings.end());
  return tree;
}

}  // namespace postern
