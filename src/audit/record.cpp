#include "audit/record.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>

#include "base/cursor.hpp"
#include "base/text.hpp"

namespace postern {
namespace {

/// Boost.JSON's grammar without building anything: says only whether the text is one object.
struct ObjectHandler {
  static constexpr std::size_t max_object_size = 1000, max_array_size = 10000, max_key_size = 4096, max_string_size = kAuditFactsBytes;
  using error = boost::system::error_code;
  bool object = false;
  bool first = true;

  bool begin(bool is_object) {
    if (std::exchange(first, false)) object = is_object;
    return true;
  }
  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return begin(true); }
  bool on_object_end(std::size_t, error&) { return true; }
  bool on_array_begin(error&) { return begin(false); }
  bool on_array_end(std::size_t, error&) { return true; }
  bool on_key_part(boost::json::string_view, std::size_t, error&) { return true; }
  bool on_key(boost::json::string_view, std::size_t, error&) { return true; }
  bool on_string_part(boost::json::string_view, std::size_t, error&) { return true; }
  bool on_string(boost::json::string_view, std::size_t, error&) { return begin(false); }
  bool on_number_part(boost::json::string_view, error&) { return true; }
  bool on_int64(std::int64_t, boost::json::string_view, error&) { return begin(false); }
  bool on_uint64(std::uint64_t, boost::json::string_view, error&) { return begin(false); }
  bool on_double(double, boost::json::string_view, error&) { return begin(false); }
  bool on_bool(bool, error&) { return begin(false); }
  bool on_null(error&) { return begin(false); }
  bool on_comment_part(boost::json::string_view, error&) { return true; }
  bool on_comment(boost::json::string_view, error&) { return true; }
};

bool is_json_object(std::string_view text) {
  if (text == "{}") return true;
  boost::json::parse_options options;
  options.max_depth = 16;
  boost::json::basic_parser<ObjectHandler> parser(options);
  boost::system::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  return !error && used == text.size() && parser.handler().object;
}

bool is_kind(std::string_view kind) {
  return !kind.empty() && kind.size() <= kAuditKindBytes &&
         std::ranges::all_of(kind, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

Status check_record(const AuditRecord& record) {
  if (!is_kind(record.kind)) return fail(ErrorCode::BadInput, "give 1 to 64 of a-z, 0-9, '.', '_', '-'", "audit kind");
  const auto is_id = [](const std::string& id) { return id.size() <= 64 && is_ascii(id); };
  if (!is_id(record.correlation.get())) return fail(ErrorCode::BadInput, "at most 64 ASCII characters", "audit correlation");
  if (!is_id(record.message.get())) return fail(ErrorCode::BadInput, "at most 64 ASCII characters", "audit message");
  if (record.actor.size() > kAuditActorBytes || !is_utf8(record.actor))
    return fail(ErrorCode::BadInput, "at most 512 bytes of UTF-8", "audit actor");
  if (record.facts.size() > kAuditFactsBytes) return fail(ErrorCode::BadInput, "at most 64 KiB", "audit facts");
  if (!is_utf8(record.facts) || !is_json_object(record.facts)) return fail(ErrorCode::BadInput, "give one JSON object", "audit facts");
  return {};
}

AuditFacts& AuditFacts::add_raw(std::string_view name, std::string_view json) {
  if (m_text.size() > 1) m_text += ',';
  append_json_string(m_text, name);
  (m_text += ':') += json;
  return *this;
}

AuditFacts& AuditFacts::add(std::string_view name, std::string_view value) {
  std::string json;
  // A peer's text may be anything; the log is UTF-8.
  append_json_string(json, is_utf8(value) ? value : printable(value, value.size()));
  return add_raw(name, json);
}

AuditFacts& AuditFacts::add(std::string_view name, bool value) { return add_raw(name, value ? "true" : "false"); }

Bytes canonical_bytes(std::uint64_t sequence, const AuditRecord& record) {
  ByteWriter out;
  out.write_u8(kAuditFormEvent).write_u64(sequence).write_u64(static_cast<std::uint64_t>(unix_millis(record.time)));
  out.write_block(record.kind).write_block(record.correlation.get()).write_block(record.message.get());
  out.write_block(record.actor).write_block(record.facts);
  return std::move(out).take();
}

}  // namespace postern
