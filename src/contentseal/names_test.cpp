#include "contentseal/names.hpp"

#include <gtest/gtest.h>

#include "contentseal/directory.hpp"
#include "contentseal/testing/people.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/testing/addresses.hpp"

namespace postern::contentseal {
namespace {

using testing::address;
using testing::kAlice;
using testing::kBob;
using testing::kNow;
using testing::person;

const oraddress::Mapping kNoMapping;

/// A certificate whose subjectAltName is these octets.
Certificate with_names(const std::string& hex) {
  const std::string value = "DER:" + hex;
  postern::testing::CertificateWish wish;
  wish.more = {{NID_subject_alt_name, value.c_str()}};
  return postern::testing::make_certificate(wish).certificate;
}

// RFC 3854 4.3: any number of them, in x400Address alone.
TEST(Names, EveryAddressThatStandsThere) {
  const auto made = person({.addresses = {kAlice, kBob}, .emails = {"alice@example.org"}}, nullptr);
  const auto found = x400_addresses(made.certificate);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 2U);
  EXPECT_TRUE(oraddress::equivalent((*found)[0], address(kAlice)));
  EXPECT_TRUE(oraddress::equivalent((*found)[1], address(kBob)));
  EXPECT_EQ(made.certificate.emails(), std::vector<std::string>{"alice@example.org"}) << "OpenSSL reads the same extension";
}

TEST(Names, AnyAddressComesBack) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    oraddress::testing::Addresses addresses(seed);
    const std::vector<oraddress::ORAddress> wanted{addresses.address(), addresses.address()};
    const auto der = alternative_names(wanted, {});
    ASSERT_TRUE(der) << der.error().text();
    const auto found = x400_addresses(with_names(hex_encode(*der)));
    ASSERT_TRUE(found) << seed << ": " << found.error().text();
    EXPECT_EQ(*found, wanted) << seed;
  }
}

TEST(Names, NoneIsNone) {
  const auto found = x400_addresses(person({}, nullptr).certificate);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

TEST(Names, WhatCannotBeReadNamesNobody) {
  for (const char* hex : {"3004a3026100", "30020500ff", "a300", "3003a30161"}) {
    const Certificate certificate = with_names(hex);
    EXPECT_FALSE(x400_addresses(certificate).has_value()) << hex;
    EXPECT_FALSE(names_address(certificate, address(kAlice), kNoMapping)) << hex;
  }
}

// X.402 18.4: case and spaces do not count.
TEST(Names, ComparedAsAddressesNotAsText) {
  const Certificate certificate = person({.addresses = {"C=de;A= ;P=north;O=WORKS;S=alice"}}, nullptr).certificate;
  EXPECT_TRUE(names_address(certificate, address(kAlice), kNoMapping));
  EXPECT_FALSE(names_address(certificate, address("C=DE;A= ;P=NORTH;O=Works;S=Alice;G=Ann"), kNoMapping));
}

TEST(Names, MailAddressesCountOnlyWhereThereIsNoOther) {
  const std::string doe = "C=DE;A= ;P=ACME;S=Doe";
  const auto mapping = oraddress::Mapping::parse("PRMD$ACME.ADMD$ .C$DE#acme.de#\n").value();
  EXPECT_TRUE(names_address(person({.emails = {"DOE@acme.de"}}, nullptr).certificate, address(doe), mapping));
  EXPECT_FALSE(names_address(person({.emails = {"doe@acme.de"}}, nullptr).certificate, address(doe), kNoMapping)) << "nothing maps it";
  EXPECT_FALSE(names_address(person({.addresses = {kBob}, .emails = {"doe@acme.de"}}, nullptr).certificate, address(doe), mapping));
  const Certificate by_dda = person({.emails = {"jane@example.org"}}, nullptr).certificate;
  EXPECT_TRUE(names_address(by_dda, address("C=DE;A= ;P=GW;DDA:RFC-822=jane(a)example.org"), kNoMapping)) << "RFC 2156 4.3.1";
}

TEST(Names, EveryOriginatorMustBeNamed) {
  const Certificate alice = person({.addresses = {kAlice}}, nullptr).certificate;
  EXPECT_FALSE(speaks_for({address(kAlice)}, kNoMapping)(alice).has_value());
  EXPECT_NE(speaks_for({address(kAlice), address(kBob)}, kNoMapping)(alice).value_or("").find("S=Bob"), std::string::npos);
  EXPECT_TRUE(speaks_for({}, kNoMapping)(alice).has_value()) << "nobody is named by everybody";
}

class Directory : public ::testing::Test {
 protected:
  ContentDirectory directory;
  void add(const postern::testing::Made& made, const char* source) { ASSERT_TRUE(directory.add(made.certificate, source)); }
};

TEST_F(Directory, TheOneIssuedLast) {
  const auto older = person({.addresses = {kBob}}, nullptr);
  const auto newer = person({.addresses = {kBob, kAlice}, .not_before = 1'750'000'000}, nullptr);
  add(newer, "newer.pem");
  add(older, "older.pem");
  EXPECT_EQ(directory.choose(address("C=gb;A=gold;P=South;O=HALL;S=bob"), kNow).value(), newer.certificate);
}

TEST_F(Directory, EveryReasonIsSaid) {
  add(person({.addresses = {kBob}, .not_after = 1'710'000'000}, nullptr), "old.pem");
  add(person({.addresses = {kBob}, .key_usage = "critical,digitalSignature"}, nullptr), "signs.pem");
  const auto none = directory.choose(address(kBob), kNow);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::Denied);
  EXPECT_NE(none.error().what.find("old.pem expired at"), std::string::npos) << none.error().what;
  EXPECT_NE(none.error().what.find("signs.pem is not for encryption"), std::string::npos) << none.error().what;
  EXPECT_EQ(none.error().field, kBob);
}

TEST_F(Directory, RevokedOnesAreNotUsed) {
  add(person({.addresses = {kBob}}, nullptr), "bob.pem");
  directory.set_revoked([](const Certificate&) { return true; });
  EXPECT_EQ(directory.choose(address(kBob), kNow).error().code, ErrorCode::Denied);
}

TEST_F(Directory, StrangersAndTheNameless) {
  EXPECT_EQ(directory.choose(address(kBob), kNow).error().code, ErrorCode::NotFound);
  EXPECT_EQ(directory.add(person({}, nullptr).certificate, "ca.pem").error().code, ErrorCode::BadInput);
  add(person({.emails = {"jane@example.org"}}, nullptr), "jane.pem");
  EXPECT_TRUE(directory.choose(address("C=DE;A= ;P=GW;DDA:RFC-822=Jane(a)example.org"), kNow));
}

}  // namespace
}  // namespace postern::contentseal
