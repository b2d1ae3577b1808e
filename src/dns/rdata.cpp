#include "dns/rdata.hpp"

#include "base/cursor.hpp"
#include "base/text.hpp"
#include "dns/name.hpp"

namespace postern::dns {
namespace {

constexpr std::size_t kLongestString = 255;  // RFC 1035 3.3: a character-string has one octet of length
constexpr std::size_t kLongestRdata = 65535;

// RFC 1035 3.1: labels, each with its length; libunbound never compresses. The root is the empty text.
Result<std::string> read_name(ByteReader& in) {
  std::string text;
  while (true) {
    POSTERN_TRY(const std::uint8_t size, in.read_u8("name"));
    if (size == 0) break;
    if (size > 63 || text.size() > 255) return fail(ErrorCode::BadInput, "is not a plain domain name", "name");
    POSTERN_TRY(const ByteView label, in.read_bytes(size, "name"));
    if (as_text(label).find('.') != std::string_view::npos) return fail(ErrorCode::BadInput, "has a dot inside a label", "name");
    if (!text.empty()) text += '.';
    text += as_text(label);
  }
  return text.empty() ? Result<std::string>(text) : normalize_name(text);
}

Result<RecordData> decode_mx(ByteReader& in) {
  MxData mx;
  POSTERN_TRY(mx.preference, in.read_u16("preference"));
  POSTERN_TRY(mx.exchange, read_name(in));
  return mx;
}

Result<RecordData> decode_txt(ByteReader& in) {
  TxtData txt;
  while (!in.at_end()) {
    POSTERN_TRY(const std::uint8_t size, in.read_u8("string"));
    POSTERN_TRY(const ByteView text, in.read_bytes(size, "string"));
    txt.strings.emplace_back(as_text(text));
  }
  return txt;
}

Bytes take_rest(ByteReader& in) {
  const ByteView rest = in.remainder();
  (void)in.read_bytes(rest.size(), "rest");
  return {rest.begin(), rest.end()};
}

Result<RecordData> decode_tlsa(ByteReader& in) {
  TlsaData tlsa;
  POSTERN_TRY(tlsa.usage, in.read_u8("usage"));
  POSTERN_TRY(tlsa.selector, in.read_u8("selector"));
  POSTERN_TRY(tlsa.matching, in.read_u8("matching"));
  tlsa.data = take_rest(in);
  return tlsa;
}

Result<RecordData> decode_srv(ByteReader& in) {
  SrvData srv;
  POSTERN_TRY(srv.priority, in.read_u16("priority"));
  POSTERN_TRY(srv.weight, in.read_u16("weight"));
  POSTERN_TRY(srv.port, in.read_u16("port"));
  POSTERN_TRY(srv.target, read_name(in));
  return srv;
}

Result<RecordData> decode_caa(ByteReader& in) {
  CaaData caa;
  POSTERN_TRY(caa.flags, in.read_u8("flags"));
  POSTERN_TRY(const std::uint8_t size, in.read_u8("tag"));
  POSTERN_TRY(const ByteView tag, in.read_bytes(size, "tag"));
  caa.tag = as_text(tag);
  caa.value = as_text(take_rest(in));
  return caa;
}

Result<RecordData> decode_address(ByteReader& in, std::size_t size) {
  POSTERN_TRY(const ByteView bytes, in.read_bytes(size, "address"));
  POSTERN_TRY(const IpAddress ip, IpAddress::from_bytes(bytes));
  return AddressData{ip};
}

Result<RecordData> decode_name(ByteReader& in) {
  POSTERN_TRY(std::string name, read_name(in));
  return NameData{std::move(name)};
}

Result<RecordData> decode(RecordType type, ByteReader& in) {
  switch (type) {
    case RecordType::A: return decode_address(in, 4);
    case RecordType::Aaaa: return decode_address(in, 16);
    case RecordType::Ns:
    case RecordType::Cname:
    case RecordType::Ptr: return decode_name(in);
    case RecordType::Mx: return decode_mx(in);
    case RecordType::Txt:
    case RecordType::Spf: return decode_txt(in);
    case RecordType::Tlsa:
    case RecordType::Smimea: return decode_tlsa(in);
    case RecordType::Srv: return decode_srv(in);
    case RecordType::Caa: return decode_caa(in);
    default: return OpaqueData{take_rest(in)};
  }
}

void write_name_unchecked(ByteWriter& out, std::string_view name) {
  for (const std::string_view label : split(name, '.')) out.write_u8(static_cast<std::uint8_t>(label.size())).write_bytes(as_bytes(label));
  out.write_u8(0);
}

Status write_string(ByteWriter& out, std::string_view text, const char* field) {
  if (text.size() > kLongestString) return fail(ErrorCode::BadInput, "a string has at most 255 octets; split it", field);
  out.write_u8(static_cast<std::uint8_t>(text.size())).write_bytes(as_bytes(text));
  return {};
}

Status write_name(ByteWriter& out, std::string_view name) {
  POSTERN_TRY(const Bytes wire, encode_name(name));
  out.write_bytes(wire);
  return {};
}

/// One overload for each kind of data.
struct RdataWriter {
  ByteWriter& out;

  Status operator()(const AddressData& data) const {
    out.write_bytes(data.address.bytes());
    return {};
  }
  Status operator()(const NameData& data) const { return write_name(out, data.name); }
  Status operator()(const MxData& data) const {
    out.write_u16(data.preference);
    return write_name(out, data.exchange);
  }
  Status operator()(const TxtData& data) const {
    for (const std::string& text : data.strings) POSTERN_CHECK(write_string(out, text, "TXT"));
    if (data.strings.empty()) out.write_u8(0);  // RFC 1035 3.3.14: one or more
    return {};
  }
  Status operator()(const TlsaData& data) const {
    out.write_u8(data.usage).write_u8(data.selector).write_u8(data.matching).write_bytes(data.data);
    return {};
  }
  Status operator()(const SrvData& data) const {
    out.write_u16(data.priority).write_u16(data.weight).write_u16(data.port);
    return write_name(out, data.target);
  }
  Status operator()(const CaaData& data) const {
    out.write_u8(data.flags);
    POSTERN_CHECK(write_string(out, data.tag, "CAA"));
    out.write_bytes(as_bytes(data.value));
    return {};
  }
  Status operator()(const OpaqueData& data) const {
    out.write_bytes(data.data);
    return {};
  }
};

}  // namespace

Result<RecordData> decode_rdata(RecordType type, ByteView rdata) {
  ByteReader in(rdata);
  POSTERN_TRY(RecordData data, decode(type, in));
  if (!in.at_end()) return fail(ErrorCode::BadInput, "has bytes behind its end", std::string(name_of(type)));
  return data;
}

Result<Bytes> encode_name(std::string_view name) {
  if (name.empty() || name == ".") return Bytes{0};
  POSTERN_CHECK(normalize_name(name));
  ByteWriter out;
  write_name_unchecked(out, name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
  return std::move(out).take();
}

Result<Bytes> encode_rdata(const RecordData& data) {
  ByteWriter out;
  POSTERN_CHECK(std::visit(RdataWriter{out}, data));
  if (out.bytes().size() > kLongestRdata) return fail(ErrorCode::TooLarge, "a record holds at most 65,535 octets", "RDATA");
  return std::move(out).take();
}

}  // namespace postern::dns
