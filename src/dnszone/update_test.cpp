#include "dnszone/update.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "dns/fixture.hpp"
#include "dnszone/plan.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;

constexpr WallTime kNow(std::chrono::seconds(1795646012));
constexpr std::string_view kZone = "example.org";

TsigKey a_key(std::string_view secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") {
  return parse_tsig_key("key update.example.org { algorithm hmac-sha256; secret " + std::string(secret) + "; };").value();
}

dns::Record txt(std::string name, std::string text, std::uint32_t ttl = 3600) {
  return {std::move(name), RecordType::Txt, ttl, dns::TxtData{{std::move(text)}}};
}

TEST(Updates, TheSectionsOfARequest) {
  Update update;
  update.zone = kZone;
  update.expected = {{"_dmarc.example.org", RecordType::Txt, {}}, {"example.org", RecordType::Txt, {dns::TxtData{{"v=spf1 a -all"}}}}};
  update.remove = {txt("example.org", "v=spf1 a -all")};
  update.add = {txt("example.org", "v=spf1 mx -all")};
  const auto bytes = encode_update(update, 0x1234);
  ASSERT_TRUE(bytes) << bytes.error().text();
  // The same request as dnspython's of tsig_test.cpp, whose names are compressed.
  const auto ours = parse_message(*bytes);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->id, 0x1234);
  EXPECT_EQ(ours->flags, 0x2800);
  ASSERT_EQ(ours->questions.size(), 1U);
  EXPECT_EQ(ours->questions[0].name, kZone);
  EXPECT_EQ(ours->questions[0].type, 6);
  ASSERT_EQ(ours->answers.size(), 2U);
  EXPECT_EQ(ours->answers[0].record_class, kClassNone);  // RFC 2136 2.4.3
  EXPECT_TRUE(ours->answers[0].rdata.empty());
  EXPECT_EQ(ours->answers[1].record_class, kClassIn);  // 2.4.2
  EXPECT_EQ(ours->answers[1].ttl, 0U);
  ASSERT_EQ(ours->authority.size(), 2U);
  EXPECT_EQ(ours->authority[0].record_class, kClassNone);  // 2.5.4
  EXPECT_EQ(ours->authority[0].ttl, 0U);
  EXPECT_EQ(hex_encode(ours->authority[0].rdata), "0d763d737066312061202d616c6c");
  EXPECT_EQ(ours->authority[1].record_class, kClassIn);  // 2.5.1
  EXPECT_EQ(ours->authority[1].ttl, 3600U);
}

TEST(Updates, MoreThanOneMessageHolds) {
  Update all;
  all.zone = kZone;
  EXPECT_TRUE(split_update(all).value().empty());
  const auto key = [](const std::string& name, std::size_t size) {
    return dns::Record{name + ".example.org", RecordType::Openpgpkey, 60, dns::OpaqueData{Bytes(size, 1)}};
  };
  for (const char* name : {"a", "b", "c", "d"}) {
    all.add.push_back(key(name, 20'000));
    all.remove.push_back(key(name, 10));
    all.expected.push_back({name + std::string(".example.org"), RecordType::Openpgpkey, {}});
  }
  const auto parts = split_update(all);
  ASSERT_TRUE(parts) << parts.error().text();
  ASSERT_EQ(parts->size(), 2U);
  std::size_t added = 0;
  for (const Update& part : *parts) {
    EXPECT_TRUE(encode_update(part, 1));
    EXPECT_EQ(part.add.size(), part.remove.size());  // what one name needs stays together
    EXPECT_EQ(part.add.size(), part.expected.size());
    EXPECT_EQ(part.zone, kZone);
    added += part.add.size();
  }
  EXPECT_EQ(added, 4U);
  all.add.push_back(key("a", 50'000));
  const auto refused = split_update(all);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::TooLarge);
  EXPECT_EQ(refused.error().field, "a.example.org");
}

TEST(Updates, WhatIsRefusedBeforeItIsSent) {
  Update outside;
  outside.zone = kZone;
  outside.add = {txt("example.net", "x")};
  EXPECT_EQ(encode_update(outside, 1).error().field, "example.net");
  Update long_string;
  long_string.zone = kZone;
  long_string.add = {txt("example.org", std::string(256, 'x'))};
  EXPECT_EQ(encode_update(long_string, 1).error().code, ErrorCode::BadInput);
  Update large;
  large.zone = kZone;
  for (int i = 0; i < 300; ++i) large.add.push_back(txt("h" + std::to_string(i) + ".example.org", std::string(255, 'x')));
  EXPECT_EQ(encode_update(large, 1).error().code, ErrorCode::TooLarge);
}

/// The server's side, over the same request.
class Responses : public testing::Test {
 protected:
  void SetUp() override {
    Update update;
    update.zone = kZone;
    update.add = {txt("example.org", "x")};
    m_request = tsig_sign(encode_update(update, 0x4242).value(), m_key, kNow).value();
  }
  [[nodiscard]] Error read(ByteView response) const {
    const Status status = read_update_response(response, m_request, m_key, kZone, kNow);
    return status ? Error{ErrorCode::Internal, "done", {}} : status.error();
  }
  [[nodiscard]] Error read_plain(Rcode code, std::uint16_t id = 0x4242) const {
    Message message;
    message.id = id;
    message.flags = static_cast<std::uint16_t>(0xA800 | static_cast<unsigned>(code));
    return read(encode_message(message).value());
  }
  TsigKey m_key = a_key();
  SignedMessage m_request;
};

TEST_F(Responses, EveryCodeSaysWhatToDo) {
  const struct {
    Rcode code;
    ErrorCode means;
    const char* words;
  } cases[] = {{Rcode::Refused, ErrorCode::Denied, "allow it there"},
               {Rcode::NotAuth, ErrorCode::Denied, "--zone"},
               {Rcode::NotZone, ErrorCode::BadInput, "--zone"},
               {Rcode::NxRrset, ErrorCode::Conflict, "publish again"},
               {Rcode::YxRrset, ErrorCode::Conflict, "publish again"},
               {Rcode::FormErr, ErrorCode::BadInput, "log"},
               {Rcode::ServFail, ErrorCode::Unavailable, "log"},
               {Rcode::NotImp, ErrorCode::Unsupported, "primary"},
               {static_cast<Rcode>(13), ErrorCode::Unavailable, "RCODE 13"}};
  for (const auto& one : cases) {
    const Error error = read_plain(one.code);
    EXPECT_EQ(error.code, one.means) << error.text();
    EXPECT_NE(error.what.find(one.words), std::string::npos) << error.text();
    EXPECT_NE(error.what.find("not signed"), std::string::npos) << error.text();
  }
}

TEST_F(Responses, DoneCountsOnlyWhenItIsSigned) {
  EXPECT_EQ(read_plain(Rcode::NoError).code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(read_plain(Rcode::NoError, 0x4243).code, ErrorCode::BadInput);
  EXPECT_EQ(read(m_request.bytes).code, ErrorCode::BadInput);  // our own request is no response
  EXPECT_EQ(read({}).code, ErrorCode::BadInput);
}

// Plans.

class Plans : public testing::Test {
 protected:
  Update plan(const ZoneFacts& facts) {
    const auto wanted = wanted_zone(facts).value();
    return plan_update(compare(wanted, m_zone, {std::string(kZone), kNow}), kZone, m_zone);
  }
  static ZoneFacts facts() {
    ZoneFacts out;
    out.domain = kZone;
    out.hostname = "mx.elsewhere.example";
    return out;
  }
  dns::Fixture m_zone;
};

TEST_F(Plans, OnlyOurOwnTextGoes) {
  m_zone.add(txt("example.org", "verification", 60));
  m_zone.add(txt("example.org", "v=spf1 a -all", 60));
  ZoneFacts chosen = facts();
  chosen.spf = "v=spf1 mx -all";
  const Update update = plan(chosen);
  ASSERT_EQ(update.remove.size(), 1U);
  EXPECT_EQ(std::get<dns::TxtData>(update.remove[0].data).joined(), "v=spf1 a -all");
  const auto spf = std::ranges::find_if(update.add, [](const dns::Record& r) { return r.name == kZone && r.type == RecordType::Txt; });
  ASSERT_NE(spf, update.add.end());
  EXPECT_EQ(spf->ttl, 60U);
  // The whole RRset is expected to be as it was read; the missing ones to be missing still.
  const auto expected = std::ranges::find_if(update.expected, [](const Expectation& e) { return e.name == kZone; });
  ASSERT_NE(expected, update.expected.end());
  EXPECT_EQ(expected->values.size(), 2U);
}

TEST_F(Plans, NamesOfOtherZonesAreLeftOut) {
  ZoneFacts with_tlsa = facts();
  with_tlsa.tlsa_current = {{3, 1, 1, Bytes(32, 1)}};
  const Update update = plan(with_tlsa);
  for (const dns::Record& record : update.add) EXPECT_TRUE(record.name.ends_with(kZone)) << record.name;
}

TEST_F(Plans, NothingIsChangedTwice) {
  const Update first = plan(facts());
  for (const dns::Record& record : first.add) m_zone.add(record);
  const Update again = plan(facts());
  EXPECT_TRUE(again.add.empty());
  EXPECT_TRUE(again.remove.empty());
}

}  // namespace
}  // namespace postern::dnszone
