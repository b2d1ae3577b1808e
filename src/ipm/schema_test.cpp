// The descriptions against octets written by hand, and against themselves.
#include <gtest/gtest.h>

#include "asn1/generate.hpp"
#include "asn1/json.hpp"
#include "ipm/file_transfer.hpp"
#include "ipm/heading_extensions.hpp"
#include "ipm/notification.hpp"
#include "ipm/testing/samples.hpp"

namespace postern::ipm {
namespace {

using namespace testing;

// C=GB;A= ;P=TEST;O=b;S=Smith, as a formal name inside.
constexpr std::string_view smith = "6021 301f 6104 1302 4742 6203 1301 20 a206 1304 54455354 8301 62 a507 8005 536d697468";

std::string hex_of(const Result<Bytes>& bytes) { return bytes ? hex_encode(*bytes) : bytes.error().text(); }
std::string packed(std::string_view text) { return hex_encode(hex(text)); }

TEST(Heading, ByHand) {
  // X.420 7.2: every field once, tags of the module.
  Heading heading;
  heading.this_ipm = {{}, "id"};
  heading.originator = ORDescriptor{{}, "T", "+1"};
  heading.authorizing_users.emplace({ORDescriptor{}});
  heading.copy_recipients.resize(1);
  heading.copy_recipients[0].notification_requests.set(NotificationRequest::Rn);
  heading.copy_recipients[0].notification_requests.set(NotificationRequest::Nrn);
  heading.copy_recipients[0].reply_requested = true;
  heading.blind_copy_recipients.emplace();
  heading.replied_to_ipm = IPMIdentifier{{}, "a"};
  heading.obsoleted_ipms = {{{}, "b"}};
  heading.related_ipms = {{{}, "c"}};
  heading.subject = "S";
  heading.expiry_time = asn1::UtcTime{"261126070000Z"};
  heading.reply_time = asn1::UtcTime{"261126070000Z"};
  heading.reply_recipients.emplace({ORDescriptor{}});
  heading.importance = ImportanceField::High;
  heading.sensitivity = SensitivityField::CompanyConfidential;
  heading.auto_forwarded = true;
  heading.extensions = {{id_hex(HeadingExtensionType::AutoSubmitted), {{0x0A, 0x01, 0x02}}}};
  const std::string expected = packed(
      "3172"
      "6b04 1302 6964"
      "a007 8001 54 8102 2b31"
      "a102 3100"
      "a30b 3109 a000 8102 06c0 8201ff"
      "a400"
      "a503 1301 61"
      "a605 6b03 1301 62"
      "a705 6b03 1301 63"
      "a803 1401 53"
      "890d 3236313132363037303030305a"
      "8a0d 3236313132363037303030305a"
      "ab02 3100"
      "8c01 02"
      "8d01 03"
      "8e01 ff"
      "af0b 3009 0604 56010502 0a0102");
  EXPECT_EQ(hex_of(asn1::encode(heading)).size(), expected.size());
  EXPECT_EQ(hex_of(asn1::encode(heading)), expected);
  EXPECT_EQ(asn1::decode<Heading>(hex(expected)).value(), heading);
}

TEST(Heading, DefaultsAreLeftOutAndMayBeThere) {
  Heading heading;
  heading.this_ipm.user_relative_identifier = "x";
  EXPECT_EQ(hex_of(asn1::encode(heading)), packed("3105 6b03 130178"));
  // PP writes the default importance.
  EXPECT_EQ(asn1::decode<Heading>(hex("3108 8c0101 6b03 130178")).value(), heading);
}

TEST(Heading, FieldsOfALaterEditionAreKept) {
  const Bytes octets = hex("310a 6b03 130178 bf1f 020500");
  const auto heading = asn1::decode<Heading>(octets);
  ASSERT_TRUE(heading) << heading.error().text();
  ASSERT_EQ(heading->unknown.size(), 1U);
  EXPECT_EQ(hex_of(asn1::encode(*heading)), hex_encode(octets));
}

TEST(Heading, AnExtensionWithoutValueIsNull) {
  const auto extension = asn1::decode<IPMSExtension>(hex("3006 0604 56010500"));
  ASSERT_TRUE(extension) << extension.error().text();
  EXPECT_EQ(hex_encode(extension->value.ber), "0500");
}

TEST(Heading, Refusals) {
  const auto refusal = [](std::string_view octets) {
    const auto read = asn1::decode<Heading>(hex(octets));
    return read ? "accepted" : read.error().text();
  };
  EXPECT_EQ(refusal("3100"), "Heading: at octet 2: component this-IPM is missing");
  EXPECT_NE(refusal("310a 6b03130178 6b03130178").find("twice"), std::string::npos);
  EXPECT_NE(refusal("3105 6b04 130178").find("octets follow"), std::string::npos);
  EXPECT_NE(refusal("3109 6b03130178 a802 1402").find("Heading.subject"), std::string::npos);
}

TEST(BodyPart, BasicPartsByHand) {
  const auto round = [](std::string_view octets) {
    const auto part = asn1::decode<BodyPart>(hex(octets));
    EXPECT_TRUE(part) << octets << ": " << part.error().text();
    return part ? std::pair(part->value.index(), hex_of(asn1::encode(*part)) == packed(octets)) : std::pair(std::size_t{99}, false);
  };
  EXPECT_EQ(round("a005 3100 1601 41"), std::pair(std::size_t{0}, true));
  EXPECT_EQ(round("a008 3103 800102 1601 41"), std::pair(std::size_t{0}, true));
  EXPECT_EQ(round("a30b 3103 800101 3004 0302 0780"), std::pair(std::size_t{1}, true));
  EXPECT_EQ(round("a402 0500"), std::pair(std::size_t{2}, true));
  EXPECT_EQ(round("a507 3100 3003 1401 41"), std::pair(std::size_t{3}, true));
  EXPECT_EQ(round("a608 3103 800102 1501 41"), std::pair(std::size_t{4}, true));
  EXPECT_EQ(round("a80b 3105 3003 0601 2a 0302 0080"), std::pair(std::size_t{5}, true));
  EXPECT_EQ(round("a90d 3100 3009 3105 6b03 130178 3000"), std::pair(std::size_t{6}, true));
  EXPECT_EQ(round("ab02 0500"), std::pair(std::size_t{7}, true));
  EXPECT_EQ(round("8e02 0102"), std::pair(std::size_t{8}, true));
  EXPECT_FALSE(asn1::decode<BodyPart>(hex("af0b 2809 0604 56010409 a001 00")));  // a value that is no element
  EXPECT_EQ(round("af0d 280b 0604 56010409 a003 040141"), std::pair(std::size_t{9}, true));
  // Nationally defined, telex of 1984, something private: whatever is in them.
  EXPECT_EQ(round("8702 ffff"), std::pair(std::size_t{10}, true));
  EXPECT_EQ(round("a103 020101"), std::pair(std::size_t{10}, true));
  EXPECT_EQ(round("df8119 01 00"), std::pair(std::size_t{10}, true));
}

TEST(BodyPart, ConstructedStringsAreJoined) {
  const auto part = asn1::decode<BodyPart>(hex("ae80 0401 41 2480 0401 42 0000 0000"));
  ASSERT_TRUE(part) << part.error().text();
  EXPECT_EQ(std::get<BilaterallyDefinedBodyPart>(part->value).text(), "AB");
}

TEST(Notification, ByHand) {
  IPN ipn;
  ipn.subject_ipm.user_relative_identifier = "x";
  ipn.ipn_originator = described(name("C=GB;A= ;P=TEST;O=b;S=Smith"));
  ReceiptFields receipt;
  receipt.receipt_time.text = "261126070000Z";
  receipt.acknowledgment_mode = AcknowledgmentModeField::Automatic;
  ipn.choice.value = receipt;
  const InformationObject object{ipn};
  const auto octets = asn1::encode(object);
  EXPECT_EQ(hex_of(octets), packed("a140 6b03 130178 a123" + std::string(smith) + "a014 a112 800d 3236313132363037303030305a 810101"));
  EXPECT_EQ(asn1::decode<InformationObject>(*octets).value(), object);
}

TEST(Notification, Refusals) {
  EXPECT_FALSE(asn1::decode<InformationObject>(hex("a200")));
  EXPECT_FALSE(asn1::decode<InformationObject>(hex("a100")));
  EXPECT_FALSE(asn1::decode<IPN>(hex("3109 6b03130178 a002 a300")));  // no such choice
}

TEST(AbsenceAdvice, TheTimeAloneIsNoBodyPart) {
  const auto advice = asn1::decode<AbsenceAdvice>(hex("300f 170d 3236313132363037303030305a"));
  ASSERT_TRUE(advice) << advice.error().text();
  EXPECT_FALSE(advice->advice);
  EXPECT_TRUE(advice->next_available);
}

TEST(ContentType, P2AsLongAsItSuffices) {
  using enum mts::BuiltInContentType;
  const auto type_of = [](const auto& change) {
    IPM ipm;
    change(ipm);
    return content_type_of({ipm});
  };
  EXPECT_EQ(type_of([](IPM&) {}), InterpersonalMessaging1984);
  EXPECT_EQ(type_of([](IPM& m) { m.heading.extensions.emplace_back(); }), InterpersonalMessaging1988);
  EXPECT_EQ(type_of([](IPM& m) { m.heading.unknown.emplace_back(); }), InterpersonalMessaging1988);
  EXPECT_EQ(type_of([](IPM& m) { m.heading.primary_recipients.resize(1); }), InterpersonalMessaging1984);
  EXPECT_EQ(type_of([](IPM& m) { m.heading.primary_recipients.resize(1), m.heading.primary_recipients[0].recipient_extensions.emplace(); }),
            InterpersonalMessaging1988);
  EXPECT_EQ(type_of([](IPM& m) { m.body = {{BilaterallyDefinedBodyPart{}}}; }), InterpersonalMessaging1988);
  EXPECT_EQ(type_of([](IPM& m) { m.body = {{asn1::Box<MessageBodyPart>(MessageBodyPart{})}}; }), InterpersonalMessaging1984);
  EXPECT_EQ(type_of([](IPM& m) {
              MessageBodyPart inner;
              inner.data.body = {{ExtendedBodyPart{}}};
              m.body = {{asn1::Box<MessageBodyPart>(inner)}};
            }),
            InterpersonalMessaging1988);
  EXPECT_TRUE(is_interpersonal({InterpersonalMessaging1984}));
  EXPECT_TRUE(is_interpersonal({id_mct_p2_1988()}));
  EXPECT_FALSE(is_interpersonal({EdiMessaging}));
  EXPECT_FALSE(is_interpersonal({asn1::Oid{2, 6, 1, 10, 2}}));
}

// ---- extensions
TEST(HeadingExtensions, TypedBothWays) {
  Heading heading;
  EXPECT_FALSE(heading_extension<HeadingExtensionType::Languages>(heading).value());
  ASSERT_TRUE(set_heading_extension<HeadingExtensionType::Languages>(heading, {"de", "en"}));
  ASSERT_TRUE(set_heading_extension<HeadingExtensionType::AutoSubmitted>(heading, AutoSubmitted::AutoReplied));
  ASSERT_TRUE(set_heading_extension<HeadingExtensionType::Languages>(heading, {"fr"}));
  EXPECT_EQ(heading.extensions.size(), 2U);
  EXPECT_EQ(heading_extension<HeadingExtensionType::Languages>(heading).value(), (Languages{"fr"}));
  EXPECT_EQ(heading_extension<HeadingExtensionType::AutoSubmitted>(heading).value(), AutoSubmitted::AutoReplied);
}

TEST(HeadingExtensions, OctetsOfAnotherTypeAreAnError) {
  Heading heading;
  heading.extensions = {{id_hex(HeadingExtensionType::Languages), {{0x02, 0x01, 0x00}}}};
  EXPECT_FALSE(heading_extension<HeadingExtensionType::Languages>(heading));
}

TEST(HeadingExtensions, SignaturesWithCertificatesStayWhole) {
  const Bytes octets = hex("3116 3114 020101 3009 3003 06012a 0302 0080 a002 0500 a100");
  const auto signatures = asn1::decode<BodyPartSignatures>(octets, {}, *extension_type(id_hex(HeadingExtensionType::BodyPartSignatures)));
  ASSERT_TRUE(signatures) << signatures.error().text();
  EXPECT_EQ((*signatures)[0].unknown.size(), 2U);
  EXPECT_EQ(hex_of(asn1::encode(*signatures, *extension_type(id_hex(HeadingExtensionType::BodyPartSignatures)))), hex_encode(octets));
}

TEST(HeadingExtensions, EveryKindHasATypeOfItsOwnIdentifier) {
  for (const ExtensionKind& each : extension_kinds()) {
    EXPECT_NE(each.type, nullptr) << each.name;
    EXPECT_EQ(find_extension_kind(each.oid), &each) << each.name;
  }
  EXPECT_EQ(extension_type({2, 6, 1, 5, 99}), nullptr);
}

// ---- object identifiers of extended parts
TEST(ExtendedBody, ByIdentifier) {
  EXPECT_EQ(find_extended_body_kind({2, 6, 1, 4, 11})->name, "general-text-body-part");
  EXPECT_EQ(find_extended_body_kind({2, 6, 1, 4, 13}), nullptr);  // no longer defined
  EXPECT_EQ(find_extended_body_kind({2, 6, 1, 4, 11, 1}), nullptr);
  EXPECT_EQ(find_extended_body_kind({2, 6, 1, 11, 11}), nullptr);  // parameters
  EXPECT_EQ(find_extended_body_kind({2, 6, 1, 4, 17}), nullptr);   // a prefix only
  EXPECT_EQ(body_part_type({2, 6, 1, 11, 12}), &schema(asn1::Of<FileTransferParameters>{}));
  EXPECT_EQ(body_part_type({2, 6, 1, 4, 12}), &schema(asn1::Of<FileTransferData>{}));
  const asn1::Oid p22 = forwarded_content_oid(Category::ExtendedBodyPartType, id_mct_p2_1988());
  EXPECT_EQ(p22.text(), "2.6.1.4.17.2.6.1.10.1");
  EXPECT_EQ(forwarded_content_type(p22), id_mct_p2_1988());
  EXPECT_EQ(find_extended_body_kind(p22)->name, "content-body-part");
  EXPECT_EQ(forwarded_content_type({2, 6, 1, 4, 11}), std::nullopt);
}

// ---- generated values
template <class T>
void round_trip(const asn1::Type& type, std::uint32_t seeds) {
  for (std::uint32_t seed = 0; seed < seeds; ++seed) {
    const Bytes random = entropy(seed, 64 + seed * 3 % 700);
    ByteView left = random;
    const T value = asn1::generate<T>(left, type);
    const auto octets = asn1::encode(value, type);
    ASSERT_TRUE(octets) << type.name << " seed " << seed << ": " << octets.error().text();
    const auto again = asn1::decode<T>(*octets, {}, type);
    ASSERT_TRUE(again) << type.name << " seed " << seed << ": " << again.error().text();
    ASSERT_TRUE(*again == value) << type.name << " seed " << seed << ": " << hex_encode(*octets);
    const auto json = asn1::to_json(value, type);
    const auto back = asn1::from_json<T>(json, type);
    ASSERT_TRUE(back) << type.name << " seed " << seed << ": " << back.error().text();
    ASSERT_TRUE(*back == value) << type.name << " seed " << seed << ": " << json;
  }
}
template <class T>
void round_trip(std::uint32_t seeds = 300) {
  round_trip<T>(schema(asn1::Of<T>{}), seeds);
}

TEST(Generated, RoundTrips) {
  round_trip<InformationObject>(2000);
  round_trip<Heading>();
  round_trip<IPN>();
  round_trip<BodyPart>(1000);
  round_trip<FileTransferParameters>(1000);
  round_trip<FileTransferData>();
  round_trip<GeneralTextParameters>();
  round_trip<VoiceParameters>();
  round_trip<ForwardedContentParameters>();
  round_trip<IPMSecurityLabel>();
  round_trip<CirculationMember>();
  round_trip<DistributionCode>();
  round_trip<InformationCategory>();
  round_trip<BodyPartSignature>();
  round_trip<AbsenceAdvice>();
  round_trip<ChangeOfAddressAdvice>();
}

TEST(Generated, CutAndChangedOctetsNeverBreakTheReader) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const Bytes random = entropy(seed, 400);
    ByteView left = random;
    const auto octets = asn1::encode(asn1::generate<InformationObject>(left));
    ASSERT_TRUE(octets);
    for (std::size_t cut = 0; cut < octets->size(); cut += 1 + cut / 16)
      EXPECT_FALSE(asn1::decode<InformationObject>(ByteView(*octets).first(cut)));
    Bytes changed = *octets;
    changed[random[0] % changed.size()] ^= random[1];
    const auto read = asn1::decode<InformationObject>(changed);
    if (!read) continue;
    const auto written = asn1::encode_as_taken(*read);
    EXPECT_TRUE(written) << seed << ": " << written.error().text();
  }
}

TEST(Recursion, EndsAtTheDepthOfTheDecoder) {
  IPM message;
  message.heading.this_ipm.user_relative_identifier = "x";
  for (int i = 0; i < 40; ++i) {
    IPM outer = message;
    outer.body = {{asn1::Box<MessageBodyPart>({{}, std::move(message)})}};
    message = std::move(outer);
  }
  const auto octets = asn1::encode(InformationObject{message});
  ASSERT_TRUE(octets) << octets.error().text();
  const auto read = asn1::decode<InformationObject>(*octets);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::TooLarge);
}

}  // namespace
}  // namespace postern::ipm
