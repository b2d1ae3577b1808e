#include "io/rdata.hpp"

#include "base/cursor.hpp"
#include "dns/name.hpp"

namespace postern::io {

using dns::RecordData;
using dns::RecordType;

namespace {

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
  return text.empty() ? Result<std::string>(text) : dns::normalize_name(text);
}

Result<RecordData> decode_mx(ByteReader& in) {
  dns::MxData mx;
  POSTERN_TRY(mx.preference, in.read_u16("preference"));
  POSTERN_TRY(mx.exchange, read_name(in));
  return mx;
}

Result<RecordData> decode_txt(ByteReader& in) {
  dns::TxtData txt;
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
  dns::TlsaData tlsa;
  POSTERN_TRY(tlsa.usage, in.read_u8("usage"));
  POSTERN_TRY(tlsa.selector, in.read_u8("selector"));
  POSTERN_TRY(tlsa.matching, in.read_u8("matching"));
  tlsa.data = take_rest(in);
  return tlsa;
}

Result<RecordData> decode_srv(ByteReader& in) {
  dns::SrvData srv;
  POSTERN_TRY(srv.priority, in.read_u16("priority"));
  POSTERN_TRY(srv.weight, in.read_u16("weight"));
  POSTERN_TRY(srv.port, in.read_u16("port"));
  POSTERN_TRY(srv.target, read_name(in));
  return srv;
}

Result<RecordData> decode_caa(ByteReader& in) {
  dns::CaaData caa;
  POSTERN_TRY(caa.flags, in.read_u8("flags"));
  POSTERN_TRY(const std::uint8_t size, in.read_u8("tag"));
  POSTERN_TRY(const ByteView tag, in.read_bytes(size, "tag"));
  caa.tag = as_text(tag);
  caa.value = as_text(take_rest(in));
  return caa;
}

Result<RecordData> decode_address(ByteReader& in, std::size_t size) {
  POSTERN_TRY(const ByteView bytes, in.read_bytes(size, "address"));
  POSTERN_TRY(const dns::IpAddress ip, dns::IpAddress::from_bytes(bytes));
  return dns::AddressData{ip};
}

Result<RecordData> decode_name(ByteReader& in) {
  POSTERN_TRY(std::string name, read_name(in));
  return dns::NameData{std::move(name)};
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
    default: return dns::OpaqueData{take_rest(in)};
  }
}

}  // namespace

Result<RecordData> decode_rdata(RecordType type, ByteView rdata) {
  ByteReader in(rdata);
  POSTERN_TRY(RecordData data, decode(type, in));
  if (!in.at_end()) return fail(ErrorCode::BadInput, "has bytes behind its end", std::string(dns::name_of(type)));
  return data;
}

}  // namespace postern::io
