#include "dns/fixture.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "base/text.hpp"
#include "dns/name.hpp"

namespace postern::dns {
namespace json = boost::json;
namespace {

constexpr std::size_t kMaxText = 16U * 1024 * 1024;
constexpr int kMaxCnames = 8;

template <class T>
Result<T> number(std::string_view text, std::string_view field, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(ErrorCode::BadInput, "not a number in range: " + printable(text, 32), std::string(field));
  return value;
}

/// Up to `count` words; the last one takes the rest.
std::vector<std::string_view> words(std::string_view text, std::size_t count) {
  std::vector<std::string_view> out;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const auto end = out.size() + 1 == count ? std::string_view::npos : text.find_first_of(" \t");
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  return out;
}

/// A host name as data; "" and "." are the root (null MX, no service).
Result<std::string> host(std::string_view text) {
  if (text.empty() || text == ".") return std::string{};
  // SPF vectors have names DNS would not carry; they must still be askable, so only case and the last dot are touched there.
  auto name = normalize_name(text);
  return name ? std::move(name) : Result<std::string>(to_lower(text));
}

Result<RecordData> read_tlsa(std::string_view text) {
  const auto parts = words(text, 4);
  if (parts.size() != 4) return fail(ErrorCode::BadInput, "write \"3 1 1 HEX\"", "data");
  TlsaData out;
  POSTERN_TRY(out.usage, number<std::uint8_t>(parts[0], "usage"));
  POSTERN_TRY(out.selector, number<std::uint8_t>(parts[1], "selector"));
  POSTERN_TRY(out.matching, number<std::uint8_t>(parts[2], "matching"));
  std::string hex(parts[3]);
  hex.erase(std::remove(hex.begin(), hex.end(), ' '), hex.end());
  POSTERN_TRY(out.data, hex_decode(hex));
  return out;
}

Result<RecordData> read_srv(std::string_view text) {
  const auto parts = words(text, 4);
  if (parts.size() != 4) return fail(ErrorCode::BadInput, "write \"PRIORITY WEIGHT PORT HOST\"", "data");
  SrvData out;
  POSTERN_TRY(out.priority, number<std::uint16_t>(parts[0], "priority"));
  POSTERN_TRY(out.weight, number<std::uint16_t>(parts[1], "weight"));
  POSTERN_TRY(out.port, number<std::uint16_t>(parts[2], "port"));
  POSTERN_TRY(out.target, host(parts[3]));
  return out;
}

Result<RecordData> read_caa(std::string_view text) {
  const auto parts = words(text, 3);
  if (parts.size() != 3) return fail(ErrorCode::BadInput, "write \"FLAGS TAG VALUE\"", "data");
  CaaData out;
  POSTERN_TRY(out.flags, number<std::uint8_t>(parts[0], "flags"));
  out.tag = to_lower(parts[1]);
  std::string_view value = parts[2];
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  out.value = value;
  return out;
}

Result<RecordData> read_mx(const json::object& object, std::string_view text) {
  MxData out;
  const auto parts = words(text, 2);
  if (const json::value* pref = object.if_contains("pref")) {
    if (!pref->is_int64() || pref->get_int64() < 0 || pref->get_int64() > 65535)
      return fail(ErrorCode::BadInput, "a preference is 0 to 65535", "pref");
    out.preference = static_cast<std::uint16_t>(pref->get_int64());
  } else if (parts.size() == 2) {
    POSTERN_TRY(out.preference, number<std::uint16_t>(parts[0], "pref"));
    text = parts[1];
  }
  POSTERN_TRY(out.exchange, host(text));
  return out;
}

Result<RecordData> read_txt(const json::value& data) {
  TxtData out;
  if (data.is_string()) {
    out.strings.emplace_back(data.get_string());
    return out;
  }
  if (!data.is_array()) return fail(ErrorCode::BadInput, "TXT data is a string or an array of strings", "data");
  for (const json::value& part : data.get_array()) {
    if (!part.is_string()) return fail(ErrorCode::BadInput, "TXT data is a string or an array of strings", "data");
    out.strings.emplace_back(part.get_string());
  }
  return out;
}

Result<RecordData> read_address(RecordType type, std::string_view text) {
  POSTERN_TRY(const IpAddress address, IpAddress::parse(text));
  if (address.is_v4() != (type == RecordType::A)) return fail(ErrorCode::BadInput, "the address is of the other family", "data");
  return AddressData{address};
}

Result<RecordData> read_data(RecordType type, const json::object& object) {
  const json::value* data = object.if_contains("data");
  if (data == nullptr) return fail(ErrorCode::BadInput, "a record has \"data\", or \"timeout\": true", "data");
  if (type == RecordType::Txt || type == RecordType::Spf) return read_txt(*data);
  if (!data->is_string()) return fail(ErrorCode::BadInput, "must be a string", "data");
  const std::string_view text(data->get_string());
  switch (type) {
    case RecordType::A:
    case RecordType::Aaaa: return read_address(type, text);
    case RecordType::Mx: return read_mx(object, text);
    case RecordType::Tlsa:
    case RecordType::Smimea: return read_tlsa(text);
    case RecordType::Srv: return read_srv(text);
    case RecordType::Caa: return read_caa(text);
    case RecordType::Ns:
    case RecordType::Cname:
    case RecordType::Ptr: {
      POSTERN_TRY(std::string name, host(text));
      return NameData{std::move(name)};
    }
    default: {
      POSTERN_TRY(Bytes raw, base64_decode(text, Whitespace::Skip));
      return OpaqueData{std::move(raw)};
    }
  }
}

bool flag(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

/// Fills a Fixture from parsed JSON.
struct FixtureReader {
  static Status read_record(const std::string& name, const json::value& value, Fixture::Node& node) {
    if (!value.is_object()) return fail(ErrorCode::BadInput, "a record is an object", name);
    const json::object& object = value.get_object();
    const json::value* type_text = object.if_contains("type");
    if (type_text == nullptr) {
      node.fails = node.fails || flag(object, "timeout");
      node.denial_secure = node.denial_secure || flag(object, "secure");
      return {};
    }
    if (!type_text->is_string()) return fail(ErrorCode::BadInput, "a type is a string", name);
    POSTERN_TRY(const RecordType type, parse_record_type(std::string_view(type_text->get_string())));
    if (flag(object, "timeout")) {
      node.timeouts.push_back(type);
      return {};
    }
    Record record{name, type, 300, {}};
    if (const json::value* ttl = object.if_contains("ttl"); ttl != nullptr && ttl->is_int64() && ttl->get_int64() >= 0) {
      record.ttl = static_cast<std::uint32_t>(std::min<std::int64_t>(ttl->get_int64(), 0x7FFFFFFF));
    }
    auto data = read_data(type, object);
    if (!data) return fail(std::move(data).error().context(name + " " + std::string(name_of(type))));
    record.data = *std::move(data);
    node.entries.push_back({std::move(record), flag(object, "secure")});
    return {};
  }

  static Status read_name(std::string_view key, const json::value& value, Fixture& fixture) {
    POSTERN_TRY(const std::string name, host(key));
    Fixture::Node& node = fixture.m_nodes[name];
    if (!value.is_array()) return fail(ErrorCode::BadInput, "the records of a name are an array", printable(key));
    for (const json::value& record : value.get_array()) POSTERN_CHECK(read_record(name, record, node));
    return {};
  }
};

Result<Fixture> Fixture::parse(std::string_view text) {
  if (text.size() > kMaxText) return fail(ErrorCode::TooLarge, "a DNS fixture has at most 16 MiB", "dns-fixture");
  boost::system::error_code error;
  const json::value document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return fail(ErrorCode::BadInput, "the DNS fixture is not JSON: " + error.message(), "dns-fixture");
  const json::value* records = document.is_object() ? document.get_object().if_contains("records") : nullptr;
  if (records == nullptr || !records->is_object())
    return fail(ErrorCode::BadInput, "a DNS fixture is {\"records\": {NAME: [...]}}", "dns-fixture");
  Fixture fixture;
  for (const auto& [key, value] : records->get_object()) {
    POSTERN_CHECK(FixtureReader::read_name(std::string_view(key.data(), key.size()), value, fixture));
  }
  return fixture;
}

void Fixture::add(Record record, bool secure) {
  Node& node = m_nodes[record.name];
  node.entries.push_back({std::move(record), secure});
}

void Fixture::add_txt(std::string_view name, std::string_view text) {
  add(Record{to_lower(name), RecordType::Txt, 300, TxtData{{std::string(text)}}});
}

Answer Fixture::denial(const std::string& name, bool secure) const {
  // RFC 8020: a name with names below it exists.
  const std::string suffix = "." + name;
  const bool exists = m_nodes.contains(name) ||
                      std::any_of(m_nodes.begin(), m_nodes.end(), [&suffix](const auto& node) { return node.first.ends_with(suffix); });
  return {exists ? AnswerStatus::NoData : AnswerStatus::NxDomain, secure, {}, name};
}

Answer Fixture::lookup(const std::string& name, RecordType type) const {
  const auto found = m_nodes.find(name);
  if (found == m_nodes.end()) return denial(name, false);
  const Node& node = found->second;
  if (std::find(node.timeouts.begin(), node.timeouts.end(), type) != node.timeouts.end()) return {AnswerStatus::Timeout, false, {}, name};
  Answer answer{AnswerStatus::NoError, true, {}, name};
  for (const Entry& entry : node.entries) {
    if (entry.record.type != type) continue;
    answer.secure = answer.secure && entry.secure;
    answer.records.push_back(entry.record);
  }
  if (!answer.records.empty()) return answer;
  if (node.fails) return {AnswerStatus::ServFail, false, {}, name};
  return denial(name, node.denial_secure);
}

Result<Answer> Fixture::query(std::string_view name, RecordType type) {
  POSTERN_TRY(std::string at, host(name));
  bool secure = true;
  for (int i = 0; i <= kMaxCnames; ++i) {
    Answer answer = lookup(at, type);
    answer.secure = answer.secure && secure;
    if (answer.status == AnswerStatus::NoError || type == RecordType::Cname) return answer;
    const Answer alias = lookup(at, RecordType::Cname);
    if (alias.status != AnswerStatus::NoError) return answer;
    secure = secure && alias.secure;
    at = std::get<NameData>(alias.records.front().data).name;
  }
  return Answer{AnswerStatus::ServFail, false, {}, at};  // RFC 1034 3.6.2: a loop, or a chain too long to follow
}

}  // namespace postern::dns
