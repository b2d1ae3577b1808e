// Which names are asked for TLSA records: RFC 7672 2.1.1, 2.2.2.
#include "io/tlsa.hpp"

#include <gtest/gtest.h>

#include "io/testing/run.hpp"

namespace postern::io {
namespace {

using testing::RunningLoops;
using State = TlsaFacts::State;

constexpr const char* kZone = R"({"records": {
  "_25._tcp.mx.example.com": [{"type":"TLSA","data":"3 1 1 AB","secure":true}],
  "_25._tcp.plain.example.com": [{"type":"TLSA","data":"3 1 1 AB"}],
  "_25._tcp.sick.example.com": [{"timeout":true}],
  "outside.example.com": [{"type":"CNAME","data":"far.example.net","secure":true}],
  "far.example.net": [{"type":"A","data":"192.0.2.9"}],
  "_25._tcp.outside.example.com": [{"type":"TLSA","data":"3 1 1 CD","secure":true}],
  "loose.example.com": [{"type":"CNAME","data":"far.example.net"}],
  "_25._tcp.loose.example.com": [{"type":"TLSA","data":"3 1 1 CD","secure":true}]
}})";

struct Tlsa : ::testing::Test {
  RunningLoops loops;
  FixtureResolver resolver{*dns::Fixture::parse(kZone)};

  TlsaFacts look_up(std::string name, bool secure, std::string canonical = {}, std::uint16_t port = 25) {
    MxHost host;
    host.name = std::move(name);
    host.addresses_secure = secure;
    host.canonical_name = std::move(canonical);
    return loops.run(look_up_tlsa(resolver, std::move(host), port));
  }
};

TEST_F(Tlsa, OfAHostWhoseAddressesAreSecure) {
  const TlsaFacts found = look_up("mx.example.com", true);
  EXPECT_EQ(found.state, State::Records);
  EXPECT_EQ(found.base, "mx.example.com");
  EXPECT_EQ(found.records.size(), 1U);
  EXPECT_EQ(look_up("mx.example.com", true, {}, 465).state, State::None) << "records are for a port";
}

TEST_F(Tlsa, NothingIsAskedWhereNothingIsSigned) {
  EXPECT_EQ(look_up("mx.example.com", false).state, State::NotApplicable);
  EXPECT_EQ(look_up("[192.0.2.1]", true).state, State::NotApplicable);
  EXPECT_EQ(look_up("192.0.2.1", true).state, State::NotApplicable);
}

TEST_F(Tlsa, InsecureRecordsAreNone) { EXPECT_EQ(look_up("plain.example.com", true).state, State::None); }

TEST_F(Tlsa, AFailureIsNotNone) {
  EXPECT_EQ(look_up("sick.example.com", true).state, State::Failed);
  EXPECT_FALSE(look_up("sick.example.com", true).reason.empty());
}

TEST_F(Tlsa, TheNameBehindAnAliasFirst) {
  EXPECT_EQ(look_up("alias.example.com", true, "mx.example.com").base, "mx.example.com");
  EXPECT_EQ(look_up("mx.example.com", true, "elsewhere.example.com").base, "mx.example.com") << "then its own";
  EXPECT_EQ(look_up("alias.example.com", true, "sick.example.com").state, State::Failed) << "a failure is not passed over";
}

TEST_F(Tlsa, ASignedAliasOfAnUnsignedName) {
  const TlsaFacts found = look_up("outside.example.com", false, "far.example.net");
  EXPECT_EQ(found.state, State::Records);
  EXPECT_EQ(found.base, "outside.example.com");
  EXPECT_EQ(look_up("loose.example.com", false, "far.example.net").state, State::NotApplicable) << "its CNAME is not signed";
}

}  // namespace
}  // namespace postern::io
