#include "mts/transfer_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "mts/testing/capture.hpp"
#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using ::testing::HasSubstr;
using Event = ApduReader::Event;

/// What a reader made of octets that came in pieces.
struct Heard {
  std::optional<MessageTransferEnvelope> envelope;
  std::optional<MTSApdu> apdu;
  Bytes content;
  bool end = false;
  std::optional<Error> error;
  std::size_t left = 0;  ///< Octets behind the end.
};

/// Feeds at most `piece` octets at once.
Heard listen(ByteView octets, std::size_t piece, const ApduReader::Limits& limits = {}) {
  ApduReader reader(limits);
  Heard heard;
  while (!heard.end && !heard.error) {
    ByteView input = octets.first(std::min(piece, octets.size()));
    octets = octets.subspan(input.size());
    for (;;) {
      const auto event = reader.next(input);
      if (!event) {
        heard.error = event.error();
        break;
      }
      if (*event == Event::Envelope) heard.envelope = reader.envelope();
      if (*event == Event::Other) heard.apdu = reader.apdu();
      if (*event == Event::Content) append(heard.content, reader.content());
      heard.end = *event == Event::End;
      if (heard.end) heard.left = input.size() + octets.size();
      if (*event == Event::NeedMore || heard.end) {
        if (!heard.end) EXPECT_TRUE(input.empty());
        break;
      }
    }
    if (octets.empty() && !heard.end && !heard.error) {
      heard.error = reader.finish().error();
      break;
    }
  }
  return heard;
}

Bytes element(Byte identifier, ByteView content, bool indefinite = false) {
  Bytes out;
  if (indefinite) {
    out = {identifier, 0x80};
  } else {
    const std::size_t n = content.size();
    out = {identifier, 0x83, static_cast<Byte>(n >> 16), static_cast<Byte>(n >> 8), static_cast<Byte>(n)};
  }
  append(out, content);
  if (indefinite) append(out, Bytes{0, 0});
  return out;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) append(out, part);
  return out;
}

Bytes envelope_octets() { return asn1::encode(testing::envelope()).value(); }
const Bytes kText = to_bytes("the content of a message, in pieces");
Bytes primitive(ByteView content) { return element(0x04, content); }

// The forms of X.690 8.7 in which a content may come, with its EXTERNAL and without.
struct Form {
  const char* name;
  std::function<Bytes()> octets;
};
void PrintTo(const Form& form, std::ostream* out) { *out << form.name; }
class Forms : public ::testing::TestWithParam<Form> {};

TEST_P(Forms, GiveEnvelopeAndContentHoweverTheyAreCut) {
  const Bytes octets = GetParam().octets();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100}, octets.size()}) {
    const Heard heard = listen(octets, piece);
    ASSERT_FALSE(heard.error) << heard.error->text() << " in pieces of " << piece;
    EXPECT_TRUE(heard.end);
    EXPECT_EQ(heard.envelope, testing::envelope());
    EXPECT_EQ(heard.content, kText);
    EXPECT_EQ(heard.left, 0u);
  }
}

TEST_P(Forms, CutAtEveryOctetAreNotWhole) {
  const Bytes octets = GetParam().octets();
  for (std::size_t cut = 0; cut < octets.size(); ++cut) {
    const Heard heard = listen(ByteView(octets).first(cut), 16);
    EXPECT_FALSE(heard.end) << cut;
  }
}

TEST_P(Forms, MutatedNeverHarm) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    Bytes octets = GetParam().octets();
    octets[random() % octets.size()] = static_cast<Byte>(random());
    (void)listen(octets, 1 + random() % 40);
  }
}

const Bytes kHalf1(kText.begin(), kText.begin() + 10), kHalf2(kText.begin() + 10, kText.end());
Bytes external(ByteView apdu, bool indefinite) {
  return element(0x28, joined({Bytes{0x02, 0x01, 0x05}, element(0xA0, apdu, indefinite)}), indefinite);
}

INSTANTIATE_TEST_SUITE_P(
    All, Forms,
    ::testing::Values(
        Form{"definite", [] { return element(0xA0, joined({envelope_octets(), primitive(kText)})); }},
        Form{"indefinite", [] { return element(0xA0, joined({envelope_octets(), primitive(kText)}), true); }},
        Form{"segments",
             [] { return element(0xA0, joined({envelope_octets(), element(0x24, joined({primitive(kHalf1), primitive(kHalf2)}))})); }},
        Form{"indefinite_segments",
             [] {
               return element(0xA0, joined({envelope_octets(), element(0x24, joined({primitive(kHalf1), primitive(kHalf2)}), true)}), true);
             }},
        Form{"nested_segments",
             [] {
               const Bytes inner = element(0x24, joined({primitive(kHalf1)}), true);
               const Bytes outer = element(0x24, joined({inner, element(0x24, primitive(kHalf2)), element(0x24, Bytes{}), primitive({})}));
               return element(0xA0, joined({envelope_octets(), outer}), true);
             }},
        Form{"external", [] { return external(element(0xA0, joined({envelope_octets(), primitive(kText)})), false); }},
        Form{"external_indefinite",
             [] { return external(element(0xA0, joined({envelope_octets(), element(0x24, primitive(kText), true)}), true), true); }},
        Form{"indefinite_envelope",
             [] {
               const Bytes envelope = envelope_octets();
               const auto header = asn1::peek_header(envelope).value().value();
               const Bytes open = element(0x31, ByteView(envelope).subspan(header.octets), true);
               return element(0xA0, joined({open, primitive(kText)}));
             }}),
    [](const auto& info) { return info.param.name; });

// A cut after any octet: the state is saved, and another reader goes on with the octet after.
TEST_P(Forms, GoOnAfterAnyOctetFromASavedState) {
  const Bytes octets = GetParam().octets();
  for (std::size_t cut = 0; cut < octets.size(); ++cut) {
    ApduReader before;
    ByteView input = ByteView(octets).first(cut);
    Bytes content;
    for (auto event = before.next(input); event && *event != Event::NeedMore && *event != Event::End; event = before.next(input))
      append(content, before.content());
    const Bytes saved = before.save();
    EXPECT_LT(saved.size(), 200 + octets.size());
    auto after = ApduReader::restore(saved, {});
    ASSERT_TRUE(after) << after.error().text();
    EXPECT_EQ(after->save(), saved);
    ApduReader copy = before;
    for (ApduReader* reader : {&*after, &copy}) {
      ByteView rest = ByteView(octets).subspan(cut);
      Bytes whole = content;
      for (auto event = reader->next(rest); event && *event != Event::NeedMore && *event != Event::End; event = reader->next(rest))
        append(whole, reader->content());
      EXPECT_EQ(whole, kText) << cut;
      EXPECT_TRUE(reader->finish()) << cut;
      EXPECT_EQ(reader->content_size(), kText.size());
    }
  }
}

TEST(Stream, WhatIsNoSavedStateIsRefused) {
  const Bytes saved = ApduReader().save();
  EXPECT_TRUE(ApduReader::restore(saved, {}));
  for (std::size_t cut = 0; cut < saved.size(); ++cut) EXPECT_FALSE(ApduReader::restore(ByteView(saved).first(cut), {}));
  std::mt19937 random(9);
  const Bytes octets = element(0xA0, joined({envelope_octets(), primitive(kText)}));
  for (int round = 0; round < 2000; ++round) {
    Bytes mutated = saved;
    mutated[random() % mutated.size()] = static_cast<Byte>(random());
    auto reader = ApduReader::restore(mutated, {});
    if (!reader) continue;
    ByteView input = octets;
    for (int steps = 0; steps < 100; ++steps) {
      const auto event = reader->next(input);
      if (!event || *event == Event::NeedMore || *event == Event::End) break;
    }
  }
}

TEST(Stream, SaysItsSizeWhereThePeerDid) {
  const Bytes definite = encode_apdu(MTSApdu{testing::message("content")}, 5).value();
  ApduReader reader;
  ByteView input = definite;
  while (reader.next(input).value() != Event::Content) {
  }
  EXPECT_EQ(reader.size(), definite.size());
  EXPECT_EQ(reader.content_total(), 7u);
  const Bytes open = element(0xA0, joined({envelope_octets(), element(0x24, primitive(kText))}), true);
  ApduReader other;
  input = open;
  while (other.next(input).value() != Event::Content) {
  }
  EXPECT_EQ(other.size(), std::nullopt);
  EXPECT_EQ(other.content_total(), std::nullopt);
}

TEST(Stream, ReportsAndProbesComeWhole) {
  Probe probe;
  static_cast<PerProbeTransferFields&>(probe).originator_name = testing::name_of("Smith");
  probe.probe_identifier = {testing::domain_of("ACME"), "probe"};
  probe.trace_information = testing::envelope().trace_information;
  probe.per_recipient_fields = {testing::recipient_of("Doe")};
  const MTSApdu apdu{probe};
  for (const auto context : {std::optional<std::int64_t>{}, std::optional<std::int64_t>{5}}) {
    const Bytes octets = encode_apdu(apdu, context).value();
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, octets.size()}) {
      const Heard heard = listen(octets, piece);
      ASSERT_FALSE(heard.error) << heard.error->text();
      EXPECT_EQ(heard.apdu, apdu);
    }
  }
}

TEST(Stream, WhatIsBehindTheApduIsLeft) {
  Bytes octets = encode_apdu(MTSApdu{testing::message()}).value();
  append(octets, to_bytes("next"));
  const Heard heard = listen(octets, octets.size());
  EXPECT_TRUE(heard.end);
  EXPECT_EQ(heard.left, 4u);
}

TEST(Stream, EmptyContent) {
  const Heard heard = listen(encode_apdu(MTSApdu{testing::message("")}).value(), 5);
  EXPECT_TRUE(heard.end);
  EXPECT_TRUE(heard.content.empty());
}

struct Wrong {
  const char* name;
  std::function<Bytes()> octets;
  const char* why;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }
class WrongOctets : public ::testing::TestWithParam<Wrong> {};
TEST_P(WrongOctets, AreRefusedWithTheirOffset) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
    const Heard heard = listen(GetParam().octets(), piece, {.envelope = 600, .other = 600, .content = 100, .depth = 8});
    ASSERT_TRUE(heard.error);
    EXPECT_THAT(heard.error->text(), HasSubstr(GetParam().why));
    EXPECT_THAT(heard.error->text(), HasSubstr("at octet"));
  }
}
Bytes deep_segments(int n) {
  Bytes out = primitive(kText);
  for (int i = 0; i < n; ++i) out = element(0x24, out, true);
  return element(0xA0, joined({envelope_octets(), out}), true);
}
INSTANTIATE_TEST_SUITE_P(
    All, WrongOctets,
    ::testing::Values(
        Wrong{"nothing", [] { return Bytes{}; }, "ends before it is whole"},
        Wrong{"other_tag", [] { return element(0xA7, Bytes{}); }, "no alternative of MTS-APDU"},
        Wrong{"primitive", [] { return element(0x80, envelope_octets()); }, "primitive encoding"},
        Wrong{"large_envelope", [] { return element(0xA0, element(0x31, Bytes(700))); }, "more than 600 octets"},
        Wrong{"endless_envelope", [] { return joined({Bytes{0xA0, 0x80, 0x31, 0x80}, Bytes(4000, 0x05)}); }, "more than 600 octets"},
        Wrong{"large_content", [] { return element(0xA0, joined({envelope_octets(), primitive(Bytes(101))})); }, "more than 100 octets"},
        Wrong{
            "large_segments",
            [] { return element(0xA0, joined({envelope_octets(), element(0x24, joined({primitive(Bytes(60)), primitive(Bytes(60))}))})); },
            "more than 100 octets"},
        Wrong{"deep", [] { return deep_segments(12); }, "nested deeper than 8"},
        Wrong{"content_tag", [] { return element(0xA0, joined({envelope_octets(), element(0x16, kText)})); }, "expected OCTET STRING"},
        Wrong{"segment_tag", [] { return element(0xA0, joined({envelope_octets(), element(0x24, element(0x16, kText))})); },
              "expected OCTET STRING"},
        Wrong{"past_the_end",
              [] {
                Bytes octets = element(0xA0, joined({envelope_octets(), primitive(kText)}));
                octets[4] = static_cast<Byte>(octets[4] - 1);
                return octets;
              },
              "past what surrounds it"},
        Wrong{"more_follows", [] { return element(0xA0, joined({envelope_octets(), primitive(kText), Bytes{5, 0}})); }, "more follows"},
        Wrong{"more_follows_indefinite", [] { return element(0xA0, joined({envelope_octets(), primitive(kText), Bytes{5, 0}}), true); },
              "more follows"},
        Wrong{"bad_envelope", [] { return element(0xA0, joined({element(0x31, Bytes{5, 0}), primitive(kText)})); },
              "MessageTransferEnvelope"},
        Wrong{"octet_aligned_external", [] { return element(0x28, element(0x81, kText)); }, "single ASN.1 type"}),
    [](const auto& info) { return info.param.name; });

TEST(Stream, AfterAnErrorOnlyErrors) {
  ApduReader reader;
  const Bytes bad{0xA7, 0x00};
  ByteView input = bad;
  EXPECT_FALSE(reader.next(input));
  const Bytes good = encode_apdu(MTSApdu{testing::message()}).value();
  input = good;
  EXPECT_FALSE(reader.next(input));
  EXPECT_FALSE(reader.finish());
}

TEST(Stream, TheSharedCaptureInPieces) {
  const Bytes pcap = testing::read_file(testing::x400_data() / "pp-p1-1988-normal.pcap");
  if (pcap.empty()) GTEST_SKIP() << "no shared captures at " << testing::x400_data();
  const auto apdus = testing::p1_apdus(pcap);
  ASSERT_FALSE(apdus.empty());
  for (const Bytes& octets : apdus) {
    const auto whole = std::get<Message>(asn1::decode<MTSApdu>(octets).value().value);
    const Heard heard = listen(octets, 11);
    ASSERT_FALSE(heard.error) << heard.error->text();
    EXPECT_EQ(heard.envelope, whole.envelope);
    EXPECT_EQ(heard.content, whole.content.octets);
  }
}

// ---- the writer
Bytes pulled(MessageWriter& writer, ByteView content, std::size_t piece) {
  const ContentSource source = [&](std::uint64_t offset, ByteSpan out) -> Result<std::size_t> {
    const ByteView rest = content.subspan(static_cast<std::size_t>(offset));
    const std::size_t n = std::min({rest.size(), out.size(), std::size_t{13}});  // a source may give less than asked for
    std::copy_n(rest.begin(), n, out.begin());
    return n;
  };
  Bytes out;
  Bytes buffer(piece);
  for (;;) {
    const auto got = writer.pull(buffer, source);
    EXPECT_TRUE(got) << got.error().text();
    if (!got || *got == 0) return out;
    append(out, ByteView(buffer).first(*got));
  }
}

TEST(Writer, GivesWhatEncodingTheWholeGives) {
  for (const auto context : {std::optional<std::int64_t>{}, std::optional<std::int64_t>{5}}) {
    const Bytes whole = encode_apdu(MTSApdu{Message{testing::envelope(), Content(kText)}}, context).value();
    for (const std::size_t piece : {1, 7, 64, 4096}) {
      auto writer = MessageWriter::make(testing::envelope(), kText.size(), {.external_context = context}).value();
      EXPECT_EQ(writer.size(), whole.size());
      EXPECT_EQ(pulled(writer, kText, piece), whole);
    }
  }
}

TEST(Writer, ResumesAtAnyOctet) {
  auto writer = MessageWriter::make(testing::envelope(), kText.size()).value();
  const Bytes whole = pulled(writer, kText, 64);
  for (std::size_t at = 0; at <= whole.size(); ++at) {
    ASSERT_TRUE(writer.seek(at));
    const Bytes rest = pulled(writer, kText, 50);
    EXPECT_TRUE(std::ranges::equal(rest, ByteView(whole).subspan(at)));
  }
  EXPECT_FALSE(writer.seek(whole.size() + 1));
}

TEST(Writer, AContentThatEndsEarlyIsAnError) {
  auto writer = MessageWriter::make(testing::envelope(), 10).value();
  Bytes buffer(4096);
  const auto got = writer.pull(buffer, [](std::uint64_t, ByteSpan) -> Result<std::size_t> { return 0; });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::Unavailable);
}

// 100 MiB pass through writer and reader; neither keeps more than a piece.
TEST(Stream, AHugeContentPassesInPieces) {
  constexpr std::uint64_t kSize = 100ULL << 20;
  auto writer = MessageWriter::make(testing::envelope(), kSize, {.external_context = 5}).value();
  const ContentSource source = [](std::uint64_t offset, ByteSpan out) -> Result<std::size_t> {
    std::ranges::fill(out, static_cast<Byte>(offset >> 20));
    return out.size();
  };
  ApduReader reader;
  Bytes buffer(1 << 16);
  bool ended = false;
  while (!ended) {
    const auto got = writer.pull(buffer, source);
    ASSERT_TRUE(got);
    ASSERT_GT(*got, 0u);
    ByteView input = ByteView(buffer).first(*got);
    for (auto event = reader.next(input); event && *event != Event::NeedMore && !ended; event = reader.next(input)) {
      ended = *event == Event::End;
      if (ended) break;
    }
  }
  EXPECT_EQ(reader.content_size(), kSize);
  EXPECT_TRUE(reader.finish());
}

}  // namespace
}  // namespace postern::mts
