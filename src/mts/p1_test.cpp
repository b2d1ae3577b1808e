#include "mts/p1.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "asn1/ber.hpp"
#include "mts/bind.hpp"
#include "mts/p1_1984.hpp"
#include "mts/p1_pp.hpp"
#include "mts/testing/capture.hpp"

namespace postern::mts {
namespace {

using asn1::DecodeOptions;
using asn1::Quirk;

class Capture : public ::testing::Test {
 protected:
  void SetUp() override {
    pcap = testing::read_file(testing::x400_data() / "pp-p1-1988-normal.pcap");
    if (pcap.empty()) GTEST_SKIP() << "no shared captures at " << testing::x400_data();
  }
  Bytes pcap;
};

TEST_F(Capture, EveryApduDecodesWholeAndEncodesToAnEqualValue) {
  const auto apdus = testing::p1_apdus(pcap);
  ASSERT_GE(apdus.size(), 6u);
  for (const Bytes& octets : apdus) {
    std::vector<Quirk> quirks;
    const auto read = asn1::decode<MTSApdu>(octets, DecodeOptions{.quirks = &quirks});
    ASSERT_TRUE(read) << read.error().text();
    for (const Quirk& quirk : quirks) {  // PP's 13-digit UTCTime and explicitly tagged extension types
      EXPECT_THAT(quirk.path, ::testing::AnyOf(::testing::EndsWith("time"), ::testing::EndsWith("standard-extension"))) << quirk.what;
    }
    const auto written = asn1::encode(*read);
    ASSERT_TRUE(written) << written.error().text();
    const auto again = asn1::decode<MTSApdu>(*written);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(*read, *again);
  }
}

// What `tshark -V` says of the first message.
TEST_F(Capture, FieldsAreThoseTsharkReads) {
  const auto apdus = testing::p1_apdus(pcap);
  ASSERT_FALSE(apdus.empty());
  const auto read = asn1::decode<MTSApdu>(apdus.front());
  ASSERT_TRUE(read) << read.error().text();
  const auto& message = std::get<Message>(read->value);
  const MessageTransferEnvelope& envelope = message.envelope;
  EXPECT_EQ(envelope.message_identifier.global_domain_identifier.country_name.text(), "GB");
  EXPECT_THAT(envelope.message_identifier.local_identifier.octets, ::testing::StartsWith("mta-a.test"));
  EXPECT_EQ(envelope.per_recipient_fields.size(), 1u);
  EXPECT_EQ(text_of(envelope.content_type), "interpersonal-messaging-1988");
  EXPECT_TRUE(envelope.per_recipient_fields[0].per_recipient_indicators.test(PerRecipientIndicator::Responsibility));
  EXPECT_FALSE(envelope.trace_information.empty());
  EXPECT_FALSE(message.content.octets.empty());
}

// PP's dialect is written only where it is asked for, and then it is PP's: the extensions of the capture keep their octets.
TEST_F(Capture, WrittenForPpExtensionsAreAsPpWritesThem) {
  for (const Bytes& octets : testing::p1_apdus(pcap)) {
    const auto apdu = asn1::decode<MTSApdu>(octets).value();
    const auto written = asn1::encode(apdu, mts_apdu_pp(), asn1::EncodeRules::Lenient);
    ASSERT_TRUE(written) << written.error().text();
    const Bytes correlator_of_pp{0xA0, 0x03, 0x02, 0x01, 0x17}, of_the_standard{0x80, 0x01, 0x17};
    EXPECT_FALSE(std::ranges::search(*written, correlator_of_pp).empty());
    EXPECT_TRUE(std::ranges::search(*written, of_the_standard).empty());
    EXPECT_EQ(asn1::decode<MTSApdu>(*written).value(), apdu);
    EXPECT_EQ(asn1::decode<MTSApdu>(*written, {.strict = false}, mts_apdu_pp()).value(), apdu);
    const Bytes usual = asn1::encode_as_taken(apdu).value();
    EXPECT_FALSE(std::ranges::search(usual, of_the_standard).empty());
  }
}

}  // namespace
}  // namespace postern::mts
