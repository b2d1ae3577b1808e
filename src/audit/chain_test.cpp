#include "audit/chain.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "crypto/hash.hpp"

namespace postern {
namespace {

AuditRecord record(int n) {
  AuditRecord r;
  r.time = wall_from_millis(1795308067123 + n);
  r.kind = "message.accepted";
  r.correlation = CorrelationId("c" + std::to_string(n));
  r.message = MessageId("m" + std::to_string(n));
  r.actor = "peer:192.0.2.1";
  r.facts = AuditFacts().add("n", n).add("tls", true).text();
  return r;
}

std::vector<AuditEntry> chain(int count, AuditHead* head = nullptr) {
  std::vector<AuditEntry> entries;
  AuditHead end = audit_genesis();
  for (int n = 1; n <= count; ++n) entries.push_back(append_to_chain(end, record(n)));
  if (head) *head = end;
  return entries;
}

std::optional<AuditFault> verify(const std::vector<AuditEntry>& entries, const std::optional<AuditHead>& head = {}) {
  ChainVerifier verifier;
  for (const AuditEntry& entry : entries) verifier.add(entry);
  verifier.finish(head);
  return verifier.fault();
}

TEST(AuditChain, CanonicalBytesAreTheDocumentedOnes) {
  AuditRecord r;
  r.time = wall_from_millis(0x0102);
  r.kind = "login";
  r.correlation = CorrelationId("C");
  r.actor = "a";
  EXPECT_EQ(hex_encode(canonical_bytes(3, r)),
            "01"
            "0000000000000003"
            "0000000000000102"
            "00000005"
            "6c6f67696e"
            "00000001"
            "43"
            "00000000"
            "00000001"
            "61"
            "00000002"
            "7b7d");
}

TEST(AuditChain, HashIsOverPreviousHashAndCanonicalBytes) {
  AuditHead head = audit_genesis();
  EXPECT_EQ(head.hash, sha256(as_bytes("postern audit chain 1")));
  Bytes joined(head.hash.begin(), head.hash.end());
  append(joined, canonical_bytes(1, record(1)));
  EXPECT_EQ(append_to_chain(head, record(1)).hash, sha256(joined));
  EXPECT_EQ(head.sequence, 1U);
}

TEST(AuditChain, NeighbouringFieldsCannotTradeBytes) {
  AuditRecord a = record(1), b = record(1);
  a.correlation = CorrelationId("xy");
  a.message = MessageId("z");
  b.correlation = CorrelationId("x");
  b.message = MessageId("yz");
  EXPECT_NE(canonical_bytes(1, a), canonical_bytes(1, b));
}

TEST(AuditChain, WholeChainVerifies) {
  AuditHead head;
  const auto entries = chain(100, &head);
  EXPECT_FALSE(verify(entries, head));
  EXPECT_FALSE(verify({}, audit_genesis()));
}

TEST(AuditChain, EveryAlteredFieldIsNamedByItsSequence) {
  const std::vector<std::function<void(AuditEntry&)>> changes = {
      [](AuditEntry& e) { e.record.time += std::chrono::milliseconds(1); },
      [](AuditEntry& e) { e.record.kind = "message.acceptee"; },
      [](AuditEntry& e) { e.record.correlation = CorrelationId("other"); },
      [](AuditEntry& e) { e.record.message = MessageId(""); },
      [](AuditEntry& e) { e.record.actor += "0"; },
      [](AuditEntry& e) { e.record.facts = "{}"; },
      [](AuditEntry& e) { e.hash[31] ^= 1; },
  };
  for (const auto& change : changes) {
    auto entries = chain(10);
    change(entries[4]);
    const auto fault = verify(entries);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, AuditFault::Kind::Altered);
    EXPECT_EQ(fault->sequence, 5U);
  }
}

TEST(AuditChain, RehashedRecordBreaksTheNext) {
  auto entries = chain(10);
  entries[4].record.facts = "{}";
  entries[4].hash = chain_hash(entries[3].hash, canonical_bytes(5, entries[4].record));
  EXPECT_EQ(verify(entries)->sequence, 6U);
}

TEST(AuditChain, GapReorderTruncationAndForeignTailAreNamed) {
  AuditHead head;
  const auto whole = chain(10, &head);

  auto gap = whole;
  gap.erase(gap.begin() + 3, gap.begin() + 5);
  EXPECT_EQ(verify(gap)->kind, AuditFault::Kind::Gap);
  EXPECT_EQ(verify(gap)->sequence, 4U);
  EXPECT_EQ(verify(gap)->text, "records 4 to 5 are missing");

  auto renumbered = gap;
  for (std::size_t i = 0; i < renumbered.size(); ++i) renumbered[i].sequence = i + 1;
  EXPECT_EQ(verify(renumbered)->kind, AuditFault::Kind::Altered);
  EXPECT_EQ(verify(renumbered)->sequence, 4U);

  auto doubled = whole;
  doubled.insert(doubled.begin() + 5, whole[2]);
  EXPECT_EQ(verify(doubled)->kind, AuditFault::Kind::Reordered);
  EXPECT_EQ(verify(doubled)->sequence, 3U);

  auto swapped = whole;
  std::swap(swapped[3].record, swapped[4].record);
  EXPECT_EQ(verify(swapped)->sequence, 4U);

  auto cut = whole;
  cut.resize(7);
  EXPECT_FALSE(verify(cut));  // a prefix is a whole chain unless a head is known
  EXPECT_EQ(verify(cut, head)->kind, AuditFault::Kind::Truncated);
  EXPECT_EQ(verify(cut, head)->sequence, 8U);
  EXPECT_EQ(verify({}, head)->sequence, 1U);

  AuditHead earlier;
  (void)chain(6, &earlier);
  EXPECT_EQ(verify(whole, earlier)->kind, AuditFault::Kind::WrongHead);
  AuditHead other = head;
  other.hash[0] ^= 1;
  EXPECT_EQ(verify(whole, other)->kind, AuditFault::Kind::WrongHead);
}

TEST(AuditChain, ContinuesFromATrustedHead) {
  AuditHead middle;
  (void)chain(5, &middle);
  const auto entries = chain(10);
  ChainVerifier verifier(middle);
  for (std::size_t i = 5; i < entries.size(); ++i) verifier.add(entries[i]);
  EXPECT_FALSE(verifier.fault());
  EXPECT_EQ(verifier.head().sequence, 10U);
}

TEST(AuditRecord, FactsAreEscapedJson) {
  EXPECT_EQ(AuditFacts().add("a\"b", "x\\\n\x7f").add("n", -3).add("yes", true).text(), R"({"a\"b":"x\\\u000a\u007f","n":-3,"yes":true})");
  EXPECT_EQ(AuditFacts().text(), "{}");
  EXPECT_EQ(AuditFacts().add("bad", "\xff\xfe").text(), R"({"bad":"??"})");
}

TEST(AuditRecord, RefusesWhatMayNotBeChained) {
  EXPECT_TRUE(check_record(record(1)));
  const std::vector<std::function<void(AuditRecord&)>> bad = {
      [](AuditRecord& r) { r.kind = ""; },
      [](AuditRecord& r) { r.kind = "Message"; },
      [](AuditRecord& r) { r.kind = std::string(65, 'a'); },
      [](AuditRecord& r) { r.actor = std::string(513, 'a'); },
      [](AuditRecord& r) { r.actor = "\xc3"; },
      [](AuditRecord& r) { r.correlation = CorrelationId(std::string(65, 'a')); },
      [](AuditRecord& r) { r.message = MessageId("\xc3\xa4"); },
      [](AuditRecord& r) { r.facts = ""; },
      [](AuditRecord& r) { r.facts = "[]"; },
      [](AuditRecord& r) { r.facts = "1"; },
      [](AuditRecord& r) {
        r.facts =
            "{} "
            "x";
      },
      [](AuditRecord& r) { r.facts = "{\"a\":}"; },
      [](AuditRecord& r) { r.facts = "{\"a\":1"; },
      [](AuditRecord& r) { r.facts = "[{}]"; },
      [](AuditRecord& r) { r.facts = "{\"a\":\"" + std::string(kAuditFactsBytes, 'x') + "\"}"; },
      [](AuditRecord& r) {
        std::string deep;
        for (int i = 0; i < 20; ++i) deep += "{\"a\":";
        r.facts = deep + "1" + std::string(20, '}');
      },
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    AuditRecord r = record(1);
    bad[i](r);
    EXPECT_FALSE(check_record(r)) << i;
  }
}

}  // namespace
}  // namespace postern
