#include "ipm/read.hpp"

#include <gtest/gtest.h>

#include "ipm/file_transfer.hpp"
#include "ipm/testing/samples.hpp"

namespace postern::ipm {
namespace {

using namespace testing;

IPM holding(Body body) {
  IPM out;
  out.heading.this_ipm.user_relative_identifier = "x";
  out.body = std::move(body);
  return out;
}
PartView only(BodyPart part) {
  const MessageView view = read({holding({std::move(part)})});
  EXPECT_EQ(view.parts.size(), 1U);
  return view.parts.empty() ? PartView{} : view.parts[0];
}
ExtendedBodyPart instance(asn1::Oid type, Bytes data) {
  return {std::nullopt, ExternalValue::instance(std::move(type), {std::move(data)})};
}
ExtendedBodyPart file_named(std::string_view file_name, const FileTransferData& data = file_data(hex("0102"))) {
  FileTransferParameters parameters;
  parameters.file_attributes.emplace().pathname.emplace().value.emplace<0>(Pathname{asn1::GraphicString(file_name)});
  // As a peer would send it, whatever is in the name.
  ExtendedBodyPart part{ExternalValue::instance(id_ep(BodyPartType::FileTransfer), {asn1::encode_as_taken(parameters).value()}),
                        ExternalValue::instance(id_et(BodyPartType::FileTransfer), {asn1::encode(data).value()})};
  return part;
}

// ---- text
TEST(ReadText, GeneralTextBySets) {
  struct Row {
    GeneralTextParameters sets;
    std::string_view octets, utf8;
    std::size_t lost;
  };
  const Row rows[] = {
      {{1, 6}, "abc\r\nd", "abc\nd", 0},
      {{1, 6, 100},
       "Gr\xFC\xDF"
       "e",
       "Grüße",
       0},
      {{100, 6, 1}, "\xA9", "©", 0},
      {{1, 6, 101}, "\xA9", "Š", 0},
      {{1, 6, 144}, "\xBF\xE0", "Пр", 0},
      {{1, 6, 126}, "\xC1\xD1\xFF", "ΑΡ\xEF\xBF\xBD", 1},
      {{1, 6, 203}, "\xA4", "€", 0},
      {{1, 6, 196}, "\xE2\x82\xAC", "€", 0},
      {{1, 6, 190}, "\xC3\xA4", "ä", 0},
      {{1, 6, 196}, "\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD", 2},
      {{1, 6}, "\xE4", "\xEF\xBF\xBD", 1},
      {{1, 6, 100}, "\x80", "\xEF\xBF\xBD", 1},  // a control of C1
      {{1, 6, 100}, "\x1B-L\xBF", "П", 0},       // ESC 2/13 4/12: the Cyrillic set to G1
      {{1, 6}, "\x1B%G\xC3\xA4\x1B%@\xE4", "ä\xEF\xBF\xBD", 1},
      {{1, 6}, "\x1B$B!!", "\xEF\xBF\xBD!!", 3},  // a double-octet set that is not known here
      {{1, 6}, "a\x1B", "a\xEF\xBF\xBD", 1},
      {{}, "a\rb\n", "a\nb\n", 0},
  };
  for (const Row& row : rows) {
    const PlainText text = general_text_to_utf8(row.sets, row.octets);
    EXPECT_EQ(text.utf8, row.utf8);
    EXPECT_EQ(text.lost, row.lost) << row.utf8;
    EXPECT_EQ(text.remark.empty(), row.lost == 0) << row.utf8;
  }
}

TEST(ReadText, EightBitIa5IsShownAsFarAsItGoes) {
  const PartView part = only({IA5TextBodyPart{{},
                                              "Gr\xFC"
                                              "n"}});
  EXPECT_EQ(part.kind, PartKind::Text);
  EXPECT_EQ(part.text, "Gr\xEF\xBF\xBDn");
  EXPECT_NE(part.remark, "");
}

TEST(ReadText, TeletexPages) {
  const PartView part = only({TeletexBodyPart{{}, {"\xC8u", "b"}}});
  EXPECT_EQ(part.text, "ü\fb");
}

// ---- files
TEST(SafeFileName, Table) {
  const auto safe = [](std::string_view text) { return safe_file_name(text, "part.bin"); };
  EXPECT_EQ(safe("plan.pdf"), "plan.pdf");
  EXPECT_EQ(safe("../../etc/passwd"), "passwd");
  EXPECT_EQ(safe("C:\\temp\\a.txt"), "a.txt");
  EXPECT_EQ(safe("/"), "part.bin");
  EXPECT_EQ(safe(""), "part.bin");
  EXPECT_EQ(safe(".."), "part.bin");
  EXPECT_EQ(safe(". ."), "part.bin");
  EXPECT_EQ(safe(".bashrc"), "bashrc");
  EXPECT_EQ(safe("a\n\x01?.txt. "), "a___.txt");
  EXPECT_EQ(safe("CON"), "_CON");
  EXPECT_EQ(safe("lpt1.txt"), "_lpt1.txt");
  EXPECT_EQ(safe("com10.txt"), "com10.txt");
  EXPECT_EQ(safe("txt.\xE2\x80\xAE"
                 "exe"),
            "txt.exe");  // turned around
  EXPECT_EQ(safe("\xEF\xBB\xBFx\xC2\x85"), "x");
  EXPECT_EQ(safe("Grüße.txt"), "Grüße.txt");
  EXPECT_EQ(safe("\xFF.txt"), "part.bin");
  std::string umlauts;
  for (int i = 0; i < 150; ++i) umlauts += "ü";
  EXPECT_EQ(safe(umlauts + ".txt").size(), 200U);
  EXPECT_TRUE(safe(umlauts + ".txt").ends_with("ü.txt"));
}

TEST(ReadFile, NamesAreUniqueInAMessage) {
  const MessageView view = read({holding({{file_named("A.txt")}, {file_named("a.txt")}, {file_named("/")}})});
  EXPECT_EQ(view.parts[0].file_name, "A.txt");
  EXPECT_EQ(view.parts[1].file_name, "a (2).txt");
  EXPECT_EQ(view.parts[2].file_name, "part-3.bin");
}

TEST(ReadFile, NamesInOctetsThatGraphicStringDoesNotHave) {
  EXPECT_EQ(only({file_named("Gr\xC3\xBC\xC3\x9F"
                             "e.txt")})
                .file_name,
            "Grüße.txt");
  EXPECT_EQ(only({file_named("Gr\xFC\xDF"
                             "e.txt")})
                .file_name,
            "Grüße.txt");
}

TEST(ReadFile, ValuesInEveryEncoding) {
  ExternalValue as_value;
  as_value.single_asn1_type = asn1::Any{hex("2480 0401 61 0401 62 0000")};
  ExternalValue as_graphic;
  as_graphic.single_asn1_type = asn1::Any{hex("1902 6364")};
  ExternalValue aligned;
  aligned.octet_aligned = asn1::OctetString("ef");
  ExternalValue bits;
  bits.arbitrary = asn1::BitString{hex("67"), 0};
  const PartView part = only({file_named("f", {as_value, as_graphic, aligned, bits})});
  EXPECT_EQ(as_text(part.content), "abcdefg") << part.remark;
}

TEST(ReadFile, WhatCannotBeTakenApartIsKept) {
  FileTransferParameters compressed;
  compressed.compression = CompressionParameter{{1, 2, 3}, {hex("0500")}};
  const PartView part = only({extended_body_part(BodyPartType::FileTransfer, compressed, file_data(hex("0102"))).value()});
  EXPECT_EQ(part.kind, PartKind::Other);
  EXPECT_NE(part.remark.find("1.2.3"), std::string::npos);
  EXPECT_EQ(part.content, asn1::encode(file_data(hex("0102"))).value());
  ExternalValue number;
  number.single_asn1_type = asn1::Any{hex("020101")};
  EXPECT_EQ(only({file_named("f", {number})}).kind, PartKind::Other);
  EXPECT_EQ(only({file_named("f", {ExternalValue{}})}).kind, PartKind::Other);
}

// ---- other parts
TEST(ReadPart, Kinds) {
  EXPECT_EQ(only({BilaterallyDefinedBodyPart("abc")}).file_name, "part-1.bin");
  EXPECT_EQ(only({G3FacsimileBodyPart{{}, {{hex("ff"), 0}, {hex("fe"), 0}}}}).remark, "2 pages");
  EXPECT_EQ(only({asn1::Any{hex("8702 ffff")}}).type, "nationally-defined");
  EXPECT_EQ(only({asn1::Any{hex("a103 020101")}}).type, "body part [1]");
  EXPECT_EQ(only({instance({1, 2, 3}, hex("0500"))}).type, "1.2.3");
  EXPECT_EQ(only({instance({1, 2, 3}, hex("0500"))}).content, hex("0500"));
  EXPECT_EQ(only({instance(id_et(BodyPartType::Ia5Text), hex("1601 41"))}).text, "A");
  EXPECT_EQ(only({instance(id_et(BodyPartType::Voice), hex("0401 41"))}).kind, PartKind::Voice);
  EXPECT_EQ(only({instance(id_et(BodyPartType::GeneralText), hex("020101"))}).kind, PartKind::Other);  // no GeneralString
  EXPECT_EQ(only({ExtendedBodyPart{}}).type, "extended without a type");
  EncryptedBodyPart encrypted;
  encrypted.parameters.algorithm_identifier.algorithm = {1, 2, 3};
  EXPECT_EQ(only({encrypted}).remark, "enciphered by 1.2.3");
}

TEST(ReadPart, ForwardedContentsAndReports) {
  const Bytes inner = asn1::encode(InformationObject{holding({{IA5TextBodyPart{{}, "inside"}}})}).value();
  const auto part = only(
      {instance(forwarded_content_oid(Category::ExtendedBodyPartType, id_mct_p2_1988()), asn1::encode(asn1::OctetString(inner)).value())});
  ASSERT_TRUE(part.message.has_value()) << part.remark;
  EXPECT_EQ(part.message->parts[0].text, "inside");
  EXPECT_EQ(part.message->parts[0].number, "1.1");
  const auto foreign = only({instance(forwarded_content_oid(Category::ExtendedBodyPartType, {1, 2, 3}), hex("0401 41"))});
  EXPECT_EQ(foreign.remark, "a forwarded content of type 1.2.3");
  ForwardedReport report;
  report.subject_submission_identifier.local_identifier = "x";
  report.subject_submission_identifier.global_domain_identifier = {
      oraddress::make<oraddress::CountryName>("DE"), oraddress::make<oraddress::AdministrationDomainName>(" "), {}};
  report.per_recipient_fields.resize(1);
  report.per_recipient_fields[0].actual_recipient_name = john();
  report.per_recipient_fields[0].report_type.value = mts::NonDeliveryReport{};
  const auto shown = only({instance(id_et(BodyPartType::Report), asn1::encode(report).value())});
  EXPECT_EQ(shown.kind, PartKind::Report) << shown.remark;
  EXPECT_TRUE(shown.text.starts_with("C=GB;A= ;P=TEST;O=b;S=Smith;G=John: not delivered: transfer-failure")) << shown.text;
}

TEST(ReadNotification, InWords) {
  IPN ipn;
  ipn.subject_ipm = {jane(), "42"};
  ipn.ipn_originator = described(john());
  NonReceiptFields fields;
  fields.discard_reason = DiscardReasonField::IpmObsoleted;
  fields.returned_ipm = holding({{IA5TextBodyPart{{}, "back"}}});
  ipn.choice.value = fields;
  const MessageView view = read({ipn});
  EXPECT_TRUE(view.is_notification);
  EXPECT_EQ(view.fields[2], (FieldLine{"Outcome", "not read: discarded, a later message took its place"}));
  EXPECT_EQ(view.parts[0].message->parts[0].text, "back");
  fields.discard_reason = static_cast<DiscardReasonField>(77);
  ipn.choice.value = fields;
  EXPECT_EQ(read({ipn}).fields[2].text, "not read: discard reason 77");
}

// ---- limits
TEST(ReadLimits, DepthAndParts) {
  IPM deep = holding({{IA5TextBodyPart{{}, "bottom"}}});
  for (int i = 0; i < 20; ++i) deep = holding({{asn1::Box<MessageBodyPart>({{}, std::move(deep)})}, {IA5TextBodyPart{{}, "beside"}}});
  const MessageView view = read({deep});
  EXPECT_TRUE(view.cut);
  std::size_t depth = 0;
  for (const MessageView* at = &view; !at->parts.empty() && at->parts[0].message.has_value(); at = &*at->parts[0].message) ++depth;
  EXPECT_EQ(depth, 17U);  // sixteen, and a note that there is more
  EXPECT_EQ(view.parts[1].text, "beside");
  const MessageView wide = read({holding(Body(600, {IA5TextBodyPart{}}))});
  EXPECT_EQ(wide.parts.size(), 500U);
  EXPECT_TRUE(wide.cut);
  EXPECT_FALSE(read({holding(Body(500, {IA5TextBodyPart{}}))}).cut);
}

TEST(ReadContent, BadOctetsAreAnErrorWithAPlace) {
  EXPECT_FALSE(read_content({}));
  EXPECT_FALSE(read_content(hex("a003 020101")));
  EXPECT_EQ(read_content(hex("a004 3100 3000")).error().field, "InformationObject.ipm.heading");
}

}  // namespace
}  // namespace postern::ipm
