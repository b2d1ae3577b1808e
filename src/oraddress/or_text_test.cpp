// O/R addresses as text: every keyword, every escape, every refusal, and there and back.
#include "oraddress/or_text.hpp"

#include <gtest/gtest.h>

#include <map>

#include "oraddress/extension.hpp"
#include "oraddress/testing/addresses.hpp"

namespace postern::oraddress {
namespace {

std::string semicolons(std::string_view text) {
  const auto address = parse(text);
  return address ? write(*address, Style::Semicolon) : "! " + address.error().text();
}
std::string mixer(std::string_view text) {
  const auto address = parse(text);
  return address ? write(*address, Style::Mixer) : "! " + address.error().text();
}

TEST(OrText, WritesAllThreeStyles) {
  const ORAddress address = parse("c=de;a=;p=ACME;o=Works;ou1=Sales;ou2=North;s=Doe;g=Jane;i=Q;q=II").value();
  EXPECT_EQ(write(address), "C=de;A= ;P=ACME;O=Works;OU1=Sales;OU2=North;S=Doe;G=Jane;I=Q;Q=II");
  EXPECT_EQ(write(address, Style::Slash), "/C=de/ADMD= /PRMD=ACME/O=Works/OU1=Sales/OU2=North/S=Doe/G=Jane/I=Q/GQ=II/");
  EXPECT_EQ(write(address, Style::Mixer), "/G=Jane/I=Q/S=Doe/GQ=II/OU=North/OU=Sales/O=Works/PRMD=ACME/ADMD= /C=de/");
  for (const Style style : {Style::Semicolon, Style::Slash, Style::Mixer}) EXPECT_EQ(parse(write(address, style)).value(), address);
}

struct KeywordCase {
  const char* text;   ///< What is read,
  const char* again;  ///< and how it is written.
};
class EveryKeyword : public ::testing::TestWithParam<KeywordCase> {};
TEST_P(EveryKeyword, IsReadAndWritten) {
  EXPECT_EQ(semicolons(GetParam().text), GetParam().again);
  EXPECT_EQ(semicolons(GetParam().again), GetParam().again);
}
INSTANTIATE_TEST_SUITE_P(
    OrText, EveryKeyword,
    ::testing::Values(
        KeywordCase{"C=DE", "C=DE"}, KeywordCase{"country=DE", "C=DE"}, KeywordCase{"C=262", "C=262"}, KeywordCase{"A=", "A= "},
        KeywordCase{"ADMD=dbp", "A=dbp"}, KeywordCase{"admd= ;", "A= "}, KeywordCase{"A=0", "A=0"}, KeywordCase{"P=x", "P=x"},
        KeywordCase{"/PRMD=x/", "P=x"}, KeywordCase{"X121=26245", "X121=26245"}, KeywordCase{"X.121=26245", "X121=26245"},
        KeywordCase{"T-ID=abc", "T-ID=abc"}, KeywordCase{"T-TY=TLX", "T-TY=tlx"}, KeywordCase{"T-TY=5", "T-TY=g3fax"},
        KeywordCase{"T-TY=200", "T-TY=200"}, KeywordCase{"ISDN=49 6151 1 x 22", "NET-NUM=49 6151 1;NET-SUB=22"},
        KeywordCase{"E.164=496151", "NET-NUM=496151"}, KeywordCase{"NET-NUM=1;NET-SUB=2", "NET-NUM=1;NET-SUB=2"},
        KeywordCase{"PSAP='01'H/'02'H/'7834'H/NS+4700_ns+39", "PSAP='01'H/'02'H/'7834'H/NS+4700_NS+39"},
        KeywordCase{"/NET-PSAP='7834'H$/NS+4700/", "PSAP='7834'H/NS+4700"}, KeywordCase{"O=Works", "O=Works"}, KeywordCase{"OU=a", "OU1=a"},
        KeywordCase{"OU1=a;OU2=b;OU3=c;OU4=d", "OU1=a;OU2=b;OU3=c;OU4=d"}, KeywordCase{"N-ID=42", "N-ID=42"},
        KeywordCase{"UA-ID=42", "N-ID=42"}, KeywordCase{"S=Doe;G=J;I=QX;GQ=III", "S=Doe;G=J;I=QX;Q=III"},
        KeywordCase{"PN=Jane.Q.Doe", "S=Doe;G=Jane;I=Q"}, KeywordCase{"CN=Fax Desk", "CN=Fax Desk"},
        KeywordCase{"DDA:fax=1;DDA:fax=2", "DDA:fax=1;DDA:fax=2"}, KeywordCase{"DD.x=y", "DDA:x=y"}, KeywordCase{"dda.x=y", "DDA:x=y"},
        KeywordCase{"RFC-822=j(a)x.org", "DDA:RFC-822=j(a)x.org"}, KeywordCase{"DDA:a==b=c=d", "DDA:a==b=c=d"},
        KeywordCase{"PD-SN=Post;PD-C=DE;PD-PC=64293", "PD-SN=Post;PD-C=DE;PD-PC=64293"},
        KeywordCase{"PD-SERVICE=Post;PD-CODE=EC1 2B", "PD-SN=Post;PD-PC=EC1 2B"},
        KeywordCase{"PD-OFFICE=a;PD-OFFICE-NUM=b;PD-O=c;PD-PN=d", "PD-OF=a;PD-OFN=b;PD-O=c;PD-PN=d"},
        KeywordCase{"PD-OFFICE NUMBER=7", "PD-OFN=7"}, KeywordCase{"PD-EXT-ADDRESS=a;PD-EXT-DELIVERY=b", "PD-EA=a;PD-ED=b"},
        KeywordCase{"PD-STREET=a;PD-BOX=b;PD-RESTANTE=c;PD-UNIQUE=d;PD-LOCAL=e", "PD-S=a;PD-B=b;PD-R=c;PD-U=d;PD-L=e"},
        KeywordCase{"PD-ADDRESS=Jane Doe|Main Street 1", "PD-A1=Jane Doe;PD-A2=Main Street 1"},
        KeywordCase{"PD-A1=x;PD-A2=y;PD-ADDRESS=*x{013010}y", "PD-A1=x;PD-A2=y;PD-ADDRESS=x{013}{010}y"},
        KeywordCase{"PD-ADDRESS=Jane|Doe*Jané", "PD-A1=Jane;PD-A2=Doe;PD-ADDRESS=Jané"}, KeywordCase{"EXT:99=0500", "EXT:99=0500"}));

TEST(OrText, EveryKeywordOfTheTableIsKnownByBothNames) {
  for (const KeywordRow& row : keywords()) {
    if (row.keyword >= Keyword::Dda) continue;
    EXPECT_EQ(keyword_named(row.brief), row.keyword);
    EXPECT_EQ(keyword_named(row.full), row.keyword);
  }
}

TEST(OrText, UnitsWithoutNumbersFollowTheDirectionOfTheText) {
  EXPECT_EQ(semicolons("/OU=North/OU=Sales/O=Works/C=DE/"), "C=DE;O=Works;OU1=Sales;OU2=North");  // RFC 2156 4.3.3
  EXPECT_EQ(semicolons("/C=DE/O=Works/OU=Sales/OU=North/"), "C=DE;O=Works;OU1=Sales;OU2=North");
  EXPECT_EQ(semicolons("OU=Sales;OU=North;O=Works"), "O=Works;OU1=Sales;OU2=North");
  EXPECT_EQ(semicolons("/OU=North/OU=Sales/"), "OU1=Sales;OU2=North");
  EXPECT_EQ(mixer("OU1=a;OU2=b"), "/OU=b/OU=a/");
}

TEST(OrText, SeparatorsWithinValues) {
  EXPECT_EQ(value_of(parse("O=a;;b;P=x/y=z").value(), Keyword::P), "x/y=z");
  EXPECT_EQ(write(parse("P=x/y=z").value(), Style::Slash), "/PRMD=x$/y$=z/");
  EXPECT_EQ(semicolons("/PRMD=x$/y$=z/"), "P=x/y=z");
  EXPECT_EQ(semicolons("/O=a$$b/"), "O=a$b");
  EXPECT_EQ(semicolons("/O=a$*b/"), "O=a{042}b");
  EXPECT_EQ(semicolons("O=a;;b"), "O=a;;b");
}

TEST(OrText, ChoosesTheNarrowestAlphabet) {
  const ORAddress german = parse("C=DE;O=Müller;CN=漢字").value();
  EXPECT_FALSE(german.built_in_standard_attributes.organization_name);
  EXPECT_EQ(extension<ExtensionAttributeType::teletex_organization_name>(german).value(), asn1::TeletexString("M\xC8uller"));
  EXPECT_EQ(extension<ExtensionAttributeType::universal_common_name>(german).value()->utf8().value(), "漢字");
  EXPECT_EQ(write(german), "C=DE;O=Müller;CN=漢字");
  EXPECT_EQ(write(german, Style::Mixer), "/CN=漢字/O=M{200}uller/C=DE/");
  EXPECT_EQ(parse("/O=M{200}uller/").value(), parse("O=Müller").value());
}

TEST(OrText, APersonalNameIsInOneAlphabet) {
  const ORAddress address = parse("S=Mueller;G=Jürgen").value();
  EXPECT_FALSE(address.built_in_standard_attributes.personal_name);
  const auto name = extension<ExtensionAttributeType::teletex_personal_name>(address).value();
  ASSERT_TRUE(name);
  EXPECT_EQ(name->surname, "Mueller");
  EXPECT_EQ(name->given_name, "J\xC8urgen");
  EXPECT_EQ(write(address), "S=Mueller;G=Jürgen");
  EXPECT_EQ(semicolons("OU1=Vertrieb;OU2=Süd"), "OU1=Vertrieb;OU2=Süd");
}

TEST(OrText, VariantsBesideEachOther) {
  const ORAddress address = parse("CN=yen*{165}*円").value();  // RFC 2156 4.1
  EXPECT_EQ(extension<ExtensionAttributeType::common_name>(address).value(), asn1::PrintableString("yen"));
  EXPECT_EQ(extension<ExtensionAttributeType::teletex_common_name>(address).value(), asn1::TeletexString("\xA5"));
  EXPECT_EQ(write(address), "CN=yen*¥*円");
  EXPECT_EQ(write(address, Style::Mixer), "/CN=yen*{165}*円/");
  EXPECT_EQ(semicolons("CN=*abc"), "CN=*abc");  // Teletex, though PrintableString would do
  EXPECT_EQ(semicolons("CN=**abc"), "CN=**abc");
}

TEST(OrText, OctetsThatAreNoCharactersStayAsTheyAre) {
  EXPECT_EQ(semicolons("CN={200032}x"), "CN=¨x");  // a diacritic by itself
  EXPECT_EQ(semicolons("CN={200200}x").substr(0, 2), "! ");
  EXPECT_EQ(semicolons("CN={032}x{032}"), "CN={032}x{032}");
  EXPECT_EQ(semicolons("CN=a{123}b"), "CN=a{123}b");
  EXPECT_EQ(semicolons("  C = DE ; S = Doe  ;"), "C=DE;S=Doe");
}

struct Refusal {
  const char* text;
  const char* field;
  const char* what;  ///< Part of the sentence.
};
class Refused : public ::testing::TestWithParam<Refusal> {};
TEST_P(Refused, SaysWhereAndWhy) {
  const auto address = parse(GetParam().text);
  ASSERT_FALSE(address) << write(*address);
  EXPECT_EQ(address.error().field, GetParam().field) << address.error().text();
  EXPECT_NE(address.error().what.find(GetParam().what), std::string::npos) << address.error().text();
}
INSTANTIATE_TEST_SUITE_P(
    OrText, Refused,
    ::testing::Values(
        Refusal{"", "", "an O/R address is expected"}, Refusal{"   ", "", "an O/R address is expected"},
        Refusal{"/", "", "an O/R address is expected"}, Refusal{";", "", "an empty attribute"},
        Refusal{"C=DE;nonsense", "nonsense", "at octet 5: an attribute is KEYWORD=value"},
        Refusal{"C=DE;PMRD=x", "PMRD", "at octet 5: no attribute has this keyword; did you mean PRMD?"},
        Refusal{"C=DE;C=FR", "C", "given twice"}, Refusal{"C=DEU", "C", "at octet 0: is two letters"},
        Refusal{"C=D1", "C", "two letters of ISO 3166 or three digits"}, Refusal{"C=ä1", "C", "at octet 0"},
        Refusal{"C=DE;O=", "O", "at octet 5: is empty"}, Refusal{"C=DE;P=Mü", "P", "at octet 5"},
        Refusal{"P=12345678901234567", "P", "17 characters where 16 are allowed"}, Refusal{"N-ID=12a", "N-ID", "digits"},
        Refusal{"X121=1;X121=2", "X121", "twice"}, Refusal{"G=Jane", "S", "surname"}, Refusal{"OU2=x", "OU1", "missing beside OU2"},
        Refusal{"OU=a;OU1=b", "OU1", "do not go together"}, Refusal{"OU=a;OU=b;OU=c;OU=d;OU=e", "OU", "more than four"},
        Refusal{"DDA:=x", "DDA", "1 to 8"}, Refusal{"DDA:123456789=x", "DDA:123456789", "1 to 8"},
        Refusal{"DDA:a=1;DDA:a=2;DDA:a=3;DDA:a=4;DDA:a=5", "DDA:a", "fifth"}, Refusal{"CN={12}", "CN", "three decimal digits"},
        Refusal{"CN={300}", "CN", "at most 255"}, Refusal{"CN={065", "CN", "not closed"}, Refusal{"CN=a}", "CN", "without an opening"},
        Refusal{"CN=a*b*c*d", "CN", "more than two asterisks"}, Refusal{"CN=**", "CN", "is empty"},
        Refusal{"CN=ä*b", "CN", "before the asterisk"}, Refusal{"P=a*b", "P", "no Teletex variant"},
        Refusal{"P=**b", "P", "no variant in ISO 10646"}, Refusal{"CN=a\tb", "CN", "control character"},
        Refusal{"/C=DE//O=x/", "", "empty attribute"}, Refusal{"/O=x$", "", "at octet 4: a dollar sign"},
        Refusal{"NET-SUB=1", "NET-SUB", "needs NET-NUM"}, Refusal{"NET-NUM=1;PSAP=NS+01", "PSAP", "excludes NET-NUM"},
        Refusal{"PSAP=xyz", "PSAP", "NS+HEX"}, Refusal{"PSAP='0'H/NS+01", "PSAP", "'HEX'H"},
        Refusal{"PSAP=1/2/3/4/5", "PSAP", "three selectors"}, Refusal{"T-TY=telegram", "T-TY", "terminal type"},
        Refusal{"T-TY=999", "T-TY", "terminal type"}, Refusal{"EXT:99=zz", "EXT:99", "hexadecimal"},
        Refusal{"EXT:999=0500", "EXT:999", "0 to 256"}, Refusal{"EXT:9=05", "EXT:9", "BER element"},
        Refusal{"PD-ADDRESS=a|b|c|d|e|f|g", "PD-ADDRESS", "more than six lines"}, Refusal{"PD-ADDRESS=a||b", "PD-A2", "is empty"},
        Refusal{"C=\xFF", "", "not UTF-8"}, Refusal{"PN=Jane.", "S", "no surname"}));

TEST(OrText, RefusesWhatIsTooLong) { EXPECT_EQ(parse("O=" + std::string(kMaxTextSize, 'x')).error().code, ErrorCode::TooLarge); }

TEST(OrText, NamesWithDots) {
  const auto name = [](const char* text) { return personal_name_of(text).value(); };
  EXPECT_EQ(name("Doe"), (PersonalName{"Doe", {}, {}, {}}));
  EXPECT_EQ(name("Jane.Doe"), (PersonalName{"Doe", "Jane", {}, {}}));
  EXPECT_EQ(name("J.Doe"), (PersonalName{"Doe", {}, "J", {}}));
  EXPECT_EQ(name("Marshall.T.X.Rose"), (PersonalName{"Rose", "Marshall", "TX", {}}));
  for (const char* text : {"Doe", "Jane.Doe", "J.Doe", "Marshall.T.X.Rose"}) EXPECT_EQ(dotted(name(text)), text);
  EXPECT_FALSE(dotted({"Doe", "J", {}, {}}));       // would come back as an initial
  EXPECT_FALSE(dotted({"Doe", "Jane", {}, "II"}));  // no place for it
  EXPECT_FALSE(dotted({"Doe", "J.R.", {}, {}}));    // a dot of its own
  EXPECT_FALSE(dotted({"St.John", {}, {}, {}}));    // would come back with a given name
}

// Every style says all there is: variants, octets of no meaning, spaces, separators.
TEST(OrText, MadeAddressesComeBackFromEveryStyle) {
  testing::Addresses addresses(11);
  for (int round = 0; round < 3000; ++round) {
    const ORAddress address = addresses.address();
    for (const Style style : {Style::Semicolon, Style::Slash, Style::Mixer}) {
      const std::string text = write(address, style);
      const auto back = parse(text);
      ASSERT_TRUE(back) << text << "\n" << back.error().text();
      ASSERT_EQ(*back, address) << text << "\n" << write(*back, style);
    }
  }
}

}  // namespace
}  // namespace postern::oraddress
