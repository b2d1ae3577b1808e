#include "dns/rdata.hpp"

#include <gtest/gtest.h>

namespace postern::dns {
namespace {

TEST(Rdata, WhatIsWrittenReadsBack) {
  const std::pair<RecordType, RecordData> all[] = {
      {RecordType::A, AddressData{*IpAddress::parse("192.0.2.1")}},
      {RecordType::Aaaa, AddressData{*IpAddress::parse("2001:db8::1")}},
      {RecordType::Cname, NameData{"mx.example.org"}},
      {RecordType::Mx, MxData{10, "mx.example.org"}},
      {RecordType::Mx, MxData{0, ""}},
      {RecordType::Txt, TxtData{{"v=spf1 ", "", "-all"}}},
      {RecordType::Tlsa, TlsaData{3, 1, 1, Bytes(32, 0xAB)}},
      {RecordType::Srv, SrvData{0, 5, 25, "mx.example.org"}},
      {RecordType::Srv, SrvData{0, 0, 0, ""}},  // RFC 2782: not offered
      {RecordType::Caa, CaaData{0, "issue", "ca.example"}},
      {RecordType::Caa, CaaData{128, "issuemail", ";"}},
      {RecordType::Caa, CaaData{0, "issue", std::string(300, 'a')}},  // RFC 8659 4.1: the value is no character-string
      {RecordType::Smimea, TlsaData{3, 0, 0, Bytes(600, 0x30)}},
      {RecordType::Openpgpkey, OpaqueData{{1, 2, 3}}},
      {RecordType::Openpgpkey, OpaqueData{Bytes(65535, 0x99)}},
  };
  for (const auto& [type, data] : all) {
    const auto wire = encode_rdata(data);
    ASSERT_TRUE(wire) << name_of(type);
    const auto again = decode_rdata(type, *wire);
    ASSERT_TRUE(again) << name_of(type) << again.error().text();
    EXPECT_EQ(encode_rdata(*again).value(), *wire) << name_of(type);
  }
}

TEST(Rdata, NamesAndBounds) {
  EXPECT_EQ(hex_encode(encode_name("Mx.a.").value()), "024d78016100");
  EXPECT_EQ(encode_name("").value(), Bytes{0});
  EXPECT_EQ(encode_name(".").value(), Bytes{0});
  for (const std::string& bad : {std::string("a..b"), std::string(64, 'a'), std::string("a b")}) EXPECT_FALSE(encode_name(bad)) << bad;
  EXPECT_FALSE(encode_rdata(TxtData{{std::string(256, 'x')}}));
  EXPECT_FALSE(encode_rdata(CaaData{0, std::string(256, 'x'), ""}));
  for (const auto& [type, hex] : {std::pair{RecordType::Srv, "0000000001"},
                                  {RecordType::Srv, "00000000000100ff"},
                                  {RecordType::Caa, "00"},
                                  {RecordType::Caa, "000969"},
                                  {RecordType::Smimea, "0300"}})
    EXPECT_FALSE(decode_rdata(type, hex_decode(hex).value())) << hex;
  EXPECT_EQ(encode_rdata(OpaqueData{Bytes(65536)}).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(encode_rdata(TxtData{}).value(), Bytes{0});  // RFC 1035 3.3.14: one or more strings
}

}  // namespace
}  // namespace postern::dns
