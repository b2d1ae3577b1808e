#include "custody/vault_codec.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace postern::custody {
namespace {

namespace json = boost::json;
using vault::Operation;
using vault::Request;

enum class Tag : std::uint8_t { Null, False, True, Positive, Negative, Double, String, Array, Object };

constexpr std::int64_t kLongestWrap = 100LL * 365 * 86400;
/// A tree takes about this many times the memory that it takes on the wire; and at most so much of that is taken at once.
constexpr std::size_t kMemoryForOne = 3, kFirstMemory = 128 * 1024;

void write_varint(Writer& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.u8(static_cast<std::uint8_t>(value | 0x80));
  out.u8(static_cast<std::uint8_t>(value));
}

Result<std::uint64_t> read_varint(Reader& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    POSTERN_TRY(const std::uint8_t byte, in.read_u8("varint"));
    if (shift == 63 && byte > 1) break;
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return fail(ErrorCode::BadInput, "is longer than 64 bits", "varint");
}

/// `least`: bytes that each of them takes at least.
Result<std::size_t> read_size(Reader& in, std::size_t least) {
  POSTERN_TRY(const std::uint64_t count, read_varint(in));
  if (count > in.remaining() / least) return fail(ErrorCode::BadInput, "counts more than there is", "size");
  return static_cast<std::size_t>(count);
}

class TreeWriter {
 public:
  explicit TreeWriter(Writer& out) : m_out(out) {}

  void object(const json::object& object, std::size_t depth) {
    if (!admit(object.size(), depth)) return;
    tag(Tag::Object);
    write_varint(m_out, object.size());
    for (const auto& [key, inner] : object) {
      text(key);
      value(inner, depth + 1);
    }
  }

 private:
  void value(const json::value& in, std::size_t depth) {
    switch (in.kind()) {
      case json::kind::null: return tag(Tag::Null);
      case json::kind::bool_: return tag(in.get_bool() ? Tag::True : Tag::False);
      case json::kind::int64: return integer(in.get_int64());
      case json::kind::uint64: return number(Tag::Positive, in.get_uint64());
      case json::kind::double_:
        tag(Tag::Double);
        m_out.u64(std::bit_cast<std::uint64_t>(in.get_double()));
        return;
      case json::kind::string: tag(Tag::String); return text(in.get_string());
      case json::kind::array: return array(in.get_array(), depth);
      case json::kind::object: return object(in.get_object(), depth);
    }
  }
  void array(const json::array& array, std::size_t depth) {
    if (!admit(array.size(), depth)) return;
    tag(Tag::Array);
    write_varint(m_out, array.size());
    for (const json::value& inner : array) value(inner, depth + 1);
  }
  void integer(std::int64_t in) {
    if (in >= 0) return number(Tag::Positive, static_cast<std::uint64_t>(in));
    number(Tag::Negative, ~static_cast<std::uint64_t>(in));
  }
  void number(Tag kind, std::uint64_t in) {
    tag(kind);
    write_varint(m_out, in);
  }
  void text(std::string_view in) {
    write_varint(m_out, in.size());
    m_out.bytes(as_bytes(in));
  }
  void tag(Tag kind) { m_out.u8(static_cast<std::uint8_t>(kind)); }

  bool admit(std::size_t more, std::size_t depth) {
    m_values += more;
    if (depth > kMaxTreeDepth) {
      m_out.refuse({ErrorCode::TooLarge, "the fields are nested more than " + std::to_string(kMaxTreeDepth) + " deep", {}});
    } else if (m_values > kMaxTreeValues) {
      m_out.refuse(
          {ErrorCode::TooLarge, "the body holds more than " + std::to_string(kMaxTreeValues) + " values; send smaller batches", {}});
    } else {
      return true;
    }
    return false;
  }

  Writer& m_out;
  std::size_t m_values = 0;
};

class TreeReader {
 public:
  explicit TreeReader(Reader& in) : m_in(in) {}

  Status object(json::object& into, std::size_t depth) {
    constexpr std::size_t least = 2;  // an empty key and a null
    POSTERN_TRY(const std::size_t count, admit(least, depth));
    into.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      POSTERN_TRY(const std::string_view key, text());
      POSTERN_TRY(json::value inner, value(into.storage(), depth + 1));
      into.insert_or_assign(key, std::move(inner));
    }
    return {};
  }
  Result<Tag> tag() { return m_in.choice("tag", Tag::Object); }

 private:
  Result<json::value> value(const json::storage_ptr& memory, std::size_t depth) {
    POSTERN_TRY(const Tag kind, tag());
    switch (kind) {
      case Tag::Null: return json::value(nullptr, memory);
      case Tag::False: return json::value(false, memory);
      case Tag::True: return json::value(true, memory);
      case Tag::Positive: return positive(memory);
      case Tag::Negative: return negative(memory);
      case Tag::Double: return real(memory);
      case Tag::String: return string(memory);
      case Tag::Array: return array(memory, depth);
      case Tag::Object: break;
    }
    json::object out(memory);
    POSTERN_CHECK(object(out, depth));
    return json::value(std::move(out));
  }
  Result<json::value> positive(const json::storage_ptr& memory) {
    POSTERN_TRY(const std::uint64_t number, read_varint(m_in));
    if (number <= static_cast<std::uint64_t>(INT64_MAX)) return json::value(static_cast<std::int64_t>(number), memory);
    return json::value(number, memory);
  }
  Result<json::value> negative(const json::storage_ptr& memory) {
    POSTERN_TRY(const std::uint64_t number, read_varint(m_in));
    if (number > static_cast<std::uint64_t>(INT64_MAX)) return fail(ErrorCode::BadInput, "is below the least integer", "number");
    return json::value(static_cast<std::int64_t>(~number), memory);
  }
  Result<json::value> real(const json::storage_ptr& memory) {
    POSTERN_TRY(const std::uint64_t bits, m_in.read_u64("double"));
    const auto number = std::bit_cast<double>(bits);
    // RFC 8259 6: JSON has neither infinities nor NaN, and nothing behind this expects them.
    if (!std::isfinite(number)) return fail(ErrorCode::BadInput, "is no number of JSON", "double");
    return json::value(number, memory);
  }
  Result<json::value> string(const json::storage_ptr& memory) {
    POSTERN_TRY(const std::string_view in, text());
    return json::value(json::string(in, memory));
  }
  Result<json::value> array(const json::storage_ptr& memory, std::size_t depth) {
    POSTERN_TRY(const std::size_t count, admit(1, depth));
    json::array out(memory);
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      POSTERN_TRY(json::value inner, value(memory, depth + 1));
      out.push_back(std::move(inner));
    }
    return json::value(std::move(out));
  }
  Result<std::string_view> text() {
    POSTERN_TRY(const std::size_t size, read_size(m_in, 1));
    POSTERN_TRY(const ByteView bytes, m_in.read_bytes(size, "string"));
    return as_text(bytes);
  }
  Result<std::size_t> admit(std::size_t least, std::size_t depth) {
    POSTERN_TRY(const std::size_t count, read_size(m_in, least));
    m_values += count;
    if (depth > kMaxTreeDepth || m_values > kMaxTreeValues) return fail(ErrorCode::BadInput, "is too deep or too large", "tree");
    return count;
  }

  Reader& m_in;
  std::size_t m_values = 0;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

void write_headers(Writer& out, const Headers& headers) {
  if (headers.size() > kMaxHeaders) out.refuse({ErrorCode::TooLarge, "more than " + std::to_string(kMaxHeaders) + " headers", {}});
  out.u32(static_cast<std::uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) out.block(name).block(value);
}

Result<Headers> read_headers(Reader& in) {
  POSTERN_TRY(const std::size_t count, in.count("headers", 8));
  if (count > kMaxHeaders) return fail(ErrorCode::BadInput, "are too many", "headers");
  Headers out;
  for (std::size_t i = 0; i < count; ++i) {
    POSTERN_TRY(const std::string_view name, in.text("header"));
    POSTERN_TRY(const std::string_view value, in.text("header"));
    out.emplace_back(name, value);
  }
  return out;
}

Status read_text(Reader& in, std::string_view field, std::string& into) {
  POSTERN_TRY(const std::string_view text, in.text(field));
  into = text;
  return {};
}

/// A caller may wish for any duration; whatever is longer than a century means the longest there is.
std::uint64_t seconds_of(const std::optional<std::chrono::seconds>& ttl) {
  return ttl ? static_cast<std::uint64_t>(std::clamp<std::int64_t>(ttl->count(), 0, kLongestWrap)) : 0;
}

Status read_wrapping(Reader& in, Request& to) {
  POSTERN_TRY(const bool wraps, in.flag("wrap"));
  POSTERN_TRY(const std::uint64_t seconds, in.read_u64("wrap_ttl"));
  if (seconds > static_cast<std::uint64_t>(kLongestWrap)) return fail(ErrorCode::BadInput, "is too long", "wrap_ttl");
  if (wraps) to.wrap_ttl = std::chrono::seconds(seconds);
  POSTERN_TRY(to.wrap_as_jwt, in.flag("wrap_as_jwt"));
  return {};
}

}  // namespace

VaultCall VaultCall::empty(std::size_t fields) {
  // The fields are made with their memory: assigning would keep the memory of the one assigned to.
  auto memory = std::make_unique<vault::WipedArena>(std::min(kMemoryForOne * fields, kFirstMemory));
  Request request{{}, Operation::Read, {}, json::object(memory.get()), {}, {}, {}, false, {}, 0, {}};
  return {std::move(memory), std::move(request)};
}

void write_vault_request(Writer& out, const Request& request) {
  out.u8(static_cast<std::uint8_t>(request.operation)).block(request.id).block(request.path).block(request.token).block(request.ns);
  out.u8(request.wrap_ttl ? 1 : 0).u64(seconds_of(request.wrap_ttl)).u8(request.wrap_as_jwt ? 1 : 0);
  out.block(request.remote_address).u16(request.remote_port);
  write_headers(out, request.headers);
  TreeWriter(out).object(request.data, 1);
}

Result<VaultCall> read_vault_head(Reader& in) {
  VaultCall out = VaultCall::empty(in.remaining());
  Request& to = out.request;
  POSTERN_TRY(to.operation, in.choice("operation", Operation::Help));
  POSTERN_CHECK(read_text(in, "id", to.id));
  POSTERN_CHECK(read_text(in, "path", to.path));
  POSTERN_CHECK(read_text(in, "token", to.token));
  POSTERN_CHECK(read_text(in, "namespace", to.ns));
  POSTERN_CHECK(read_wrapping(in, to));
  POSTERN_CHECK(read_text(in, "remote_address", to.remote_address));
  POSTERN_TRY(to.remote_port, in.read_u16("remote_port"));
  POSTERN_TRY(to.headers, read_headers(in));
  return out;
}

Status read_vault_fields(Reader& in, VaultCall& call) {
  TreeReader tree(in);
  POSTERN_TRY(const Tag tag, tree.tag());
  if (tag != Tag::Object) return fail(ErrorCode::BadInput, "are no object", "fields");
  POSTERN_CHECK(tree.object(call.request.data, 1));
  return in.end();
}

void write_vault_reply(Writer& out, const vault::Reply& reply) {
  out.u32(static_cast<std::uint32_t>(reply.status)).block(reply.body).block(reply.content_type);
  write_headers(out, reply.headers);
}

Result<vault::Reply> read_vault_reply(Reader& in) {
  vault::Reply out;
  POSTERN_TRY(const std::uint32_t status, in.read_u32("status"));
  if (status < 100 || status > 599) return fail(ErrorCode::BadInput, "is no status of HTTP", "status");
  out.status = static_cast<int>(status);
  POSTERN_CHECK(read_text(in, "body", out.body));
  POSTERN_CHECK(read_text(in, "content_type", out.content_type));
  POSTERN_TRY(out.headers, read_headers(in));
  POSTERN_CHECK(in.end());
  return out;
}

bool is_repeatable(const Request& request) noexcept {
  if (request.wrap_ttl && request.wrap_ttl->count() > 0) return false;
  switch (request.operation) {
    case Operation::Read:
    case Operation::List:
    case Operation::Scan:
    case Operation::Help: return true;
    default: return false;
  }
}

}  // namespace postern::custody
