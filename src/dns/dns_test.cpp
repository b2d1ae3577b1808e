#include <gtest/gtest.h>

#include "dns/fixture.hpp"
#include "dns/name.hpp"
#include "dns/questions.hpp"

namespace postern::dns {
namespace {

TEST(Names, Normalize) {
  EXPECT_EQ(normalize_name("Example.ORG.").value(), "example.org");
  EXPECT_EQ(normalize_name("_25._tcp.mx.example").value(), "_25._tcp.mx.example");
  for (const std::string& bad : {std::string(), std::string("."), std::string("a..b"), std::string(64, 'a'), std::string("a b"),
                                 std::string("\xC3\xBC.de"), std::string(254, 'a')}) {
    EXPECT_FALSE(normalize_name(bad)) << bad;
  }
  EXPECT_TRUE(is_same_or_below("a.example.com", "example.com"));
  EXPECT_TRUE(is_same_or_below("example.com", "example.com"));
  EXPECT_FALSE(is_same_or_below("badexample.com", "example.com"));
  EXPECT_FALSE(is_same_or_below("com", "example.com"));
}

TEST(IpAddresses, TextAndNetworks) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->text(), "192.0.2.1");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->text(), "2001:db8::1");
  for (const std::string_view bad : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::1%lo", "1.2.3.256", "a"})
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  const auto ip = *IpAddress::parse("192.0.2.130");
  EXPECT_TRUE(ip.in_network(*IpAddress::parse("192.0.2.128"), 25));
  EXPECT_FALSE(ip.in_network(*IpAddress::parse("192.0.2.0"), 25));
  EXPECT_TRUE(ip.in_network(*IpAddress::parse("10.0.0.0"), 0));
  EXPECT_FALSE(ip.in_network(*IpAddress::parse("::"), 0));
  EXPECT_FALSE(ip.in_network(ip, 33));
  EXPECT_EQ(ip.reverse_name(), "130.2.0.192.in-addr.arpa");
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->reverse_name(), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1")->unmapped(), *IpAddress::parse("192.0.2.1"));
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
}

constexpr std::string_view kFixture = R"({"records": {
  "example.com": [{"type":"TXT","data":["v=spf1 ","-all"]}, {"type":"MX","pref":10,"data":"mx.Example.com"}, {"type":"A","timeout":true}, {"timeout":true}],
  "mx.example.com": [{"type":"A","data":"192.0.2.1","secure":true,"ttl":60}, {"type":"A","data":"192.0.2.2","secure":true}, {"secure":true}],
  "www.example.com": [{"type":"CNAME","data":"mx.example.com","secure":true}],
  "plain.example.com": [{"type":"CNAME","data":"mx.example.com"}],
  "loop.example.com": [{"type":"CNAME","data":"loop.example.com"}],
  "dangling.example.com": [{"type":"CNAME","data":"nowhere.example.net"}],
  "_25._tcp.mx.example.com": [{"type":"TLSA","data":"3 1 1 00FF"}],
  "_mta._tcp.example.com": [{"type":"SRV","data":"0 5 25 mx.example.com"}],
  "null.example.com": [{"type":"MX","data":"0 ."}, {"type":"CAA","data":"0 issue \"ca.example\""}]
}})";

TEST(Fixtures, TheContract) {
  auto fixture = Fixture::parse(kFixture);
  ASSERT_TRUE(fixture) << fixture.error().text();
  const auto ask = [&](std::string_view name, RecordType type) { return fixture->query(name, type).value(); };
  EXPECT_EQ(ask("EXAMPLE.com.", RecordType::Txt).all<TxtData>().front().joined(), "v=spf1 -all");
  EXPECT_EQ(ask("example.com", RecordType::Mx).all<MxData>().front().exchange, "mx.example.com");
  EXPECT_EQ(ask("example.com", RecordType::Mx).all<MxData>().front().preference, 10);
  EXPECT_EQ(ask("example.com", RecordType::A).status, AnswerStatus::Timeout);
  EXPECT_EQ(ask("example.com", RecordType::Aaaa).status, AnswerStatus::ServFail);
  EXPECT_EQ(ask("mx.example.com", RecordType::Aaaa).status, AnswerStatus::NoData);
  EXPECT_TRUE(ask("mx.example.com", RecordType::Aaaa).secure);
  EXPECT_EQ(ask("nothing.example.com", RecordType::A).status, AnswerStatus::NxDomain);
  EXPECT_EQ(ask("_tcp.example.com", RecordType::A).status, AnswerStatus::NoData);
  EXPECT_EQ(ask("mx.example.com", RecordType::A).records.size(), 2U);
  EXPECT_EQ(ask("mx.example.com", RecordType::A).records[0].ttl, 60U);
  EXPECT_TRUE(ask("mx.example.com", RecordType::A).secure);
  EXPECT_TRUE(ask("www.example.com", RecordType::A).secure);
  EXPECT_EQ(ask("www.example.com", RecordType::A).canonical_name, "mx.example.com");
  EXPECT_FALSE(ask("plain.example.com", RecordType::A).secure);
  EXPECT_EQ(ask("loop.example.com", RecordType::A).status, AnswerStatus::ServFail);
  EXPECT_EQ(ask("dangling.example.com", RecordType::A).status, AnswerStatus::NxDomain);
  EXPECT_EQ(ask("_25._tcp.mx.example.com", RecordType::Tlsa).all<TlsaData>().front().data, (Bytes{0, 255}));
  EXPECT_EQ(ask("_mta._tcp.example.com", RecordType::Srv).all<SrvData>().front().port, 25);
  EXPECT_EQ(ask("null.example.com", RecordType::Mx).all<MxData>().front().exchange, "");
  EXPECT_EQ(ask("null.example.com", RecordType::Caa).all<CaaData>().front().value, "ca.example");
}

TEST(Fixtures, RefuseWhatIsWrong) {
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"records":[]})", R"({"records":{"a":{}}})", R"({"records":{"a":[1]}})", R"({"records":{"a":[{"type":"A"}]}})",
        R"({"records":{"a":[{"type":"A","data":"::1"}]}})", R"({"records":{"a":[{"type":"WHAT","data":"x"}]}})",
        R"({"records":{"a":[{"type":"TLSA","data":"3 1 1"}]}})", R"({"records":{"a":[{"type":"MX","pref":70000,"data":"b"}]}})",
        R"({"records":{"a":[{"type":"TXT","data":[1]}]}})"}) {
    EXPECT_FALSE(Fixture::parse(bad)) << bad;
  }
}

TEST(AnswerTables, ForgottenQuestionsAreFailuresNotDenials) {
  AnswerTable table;
  table.add("a.example", RecordType::Txt, {AnswerStatus::NxDomain, false, {}, "a.example"});
  EXPECT_EQ(table.query("A.example", RecordType::Txt)->status, AnswerStatus::NxDomain);
  EXPECT_EQ(table.query("b.example", RecordType::Txt)->status, AnswerStatus::ServFail);
}

TEST(Records, CopiesShareAndDoNotFollow) {
  const auto record = [](const char* data) { return Record{"a.example", RecordType::Txt, 60, TxtData{{data}}}; };
  Records first;
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(first.begin(), first.end());
  first.push_back(record("1"));
  Records second = first;
  EXPECT_EQ(second.data(), first.data());
  second.push_back(record("2"));
  EXPECT_EQ(first.size(), 1U);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(std::get<TxtData>(second[0].data).joined(), "1");
  const Records moved = std::move(second);
  EXPECT_EQ(moved.size(), 2U);
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(QuestionTables, TakeWhatIsAtHandAndAskForTheRest) {
  int asked = 0;
  QuestionTable table([&](const std::string& name, RecordType type) -> std::optional<Answer> {
    ++asked;
    if (name != "known.example" || type != RecordType::Txt) return std::nullopt;
    return Answer{AnswerStatus::NoData, true, {}, name};
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(table.query("Known.Example.", RecordType::Txt)->status, AnswerStatus::NoData);
    EXPECT_EQ(table.query("open.example", RecordType::Txt)->status, AnswerStatus::ServFail);
  }
  EXPECT_EQ(asked, 2) << "each once";
  EXPECT_EQ(table.take_open(), (std::vector<Question>{{"open.example", RecordType::Txt}}));
  table.add("open.example", RecordType::Txt, {AnswerStatus::NxDomain, false, {}, "open.example"});
  EXPECT_EQ(table.query("open.example", RecordType::Txt)->status, AnswerStatus::NxDomain);
  EXPECT_TRUE(table.is_settled());
  EXPECT_EQ(table.query("not..a name", RecordType::A).error().code, ErrorCode::BadInput);
}

TEST(RecordTypes, Names) {
  EXPECT_EQ(name_of(RecordType::Openpgpkey), "OPENPGPKEY");
  EXPECT_EQ(parse_record_type("aaaa").value(), RecordType::Aaaa);
  EXPECT_FALSE(parse_record_type("A6"));
}

}  // namespace
}  // namespace postern::dns
