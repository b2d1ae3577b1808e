// RFC 2156 4: printable encoding, mapping tables, addresses both ways.
#include "oraddress/rfc822.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/printable_encoding.hpp"
#include "oraddress/testing/addresses.hpp"

namespace postern::oraddress {
namespace {

constexpr std::string_view kTables =
    "# ACME, both ways\n"
    "PRMD$ACME.ADMD$ .C$DE#acme.de#\n"
    "acme.de#PRMD$ACME.ADMD$ .C$DE#\n"
    "O$Works.PRMD$ACME.ADMD$ .C$DE#works.example#\r\n"
    "works.example#O$Works.PRMD$ACME.ADMD$ .C$DE#\n"
    "O$UK\\.AC.PRMD$@.ADMD$gold 400.C$GB#ac.uk#\n"
    "ac.uk#O$UK\\.AC.PRMD$@.ADMD$gold 400.C$GB#\n"
    "\n"
    "gateway#fr#PRMD$GWFR.ADMD$atlas.C$FR#\n"
    "local#gw.example.org#PRMD$GW.ADMD$.C$DE#\n";

const Mapping& mapping() {
  static const Mapping made = Mapping::parse(kTables).value();
  return made;
}
std::string to_internet(std::string_view text, const Mapping& by = mapping()) {
  const auto out = to_rfc822(parse(text).value(), by);
  return out ? out->text() : "! " + out.error().text();
}
std::string to_x400(std::string_view text, const Mapping& by = mapping()) {
  const auto address = Rfc822Address::parse(text);
  if (!address) return "! " + address.error().text();
  const auto out = from_rfc822(*address, by);
  return out ? write(*out) : "! " + out.error().text();
}

TEST(PrintableEncoding, IsThatOfRfc2156) {
  EXPECT_EQ(to_printable("jane_doe@example.org").value(), "jane(u)doe(a)example.org");
  EXPECT_EQ(to_printable("!\"%()#[").value(), "(b)(q)(p)(l)(r)(035)(091)");
  EXPECT_EQ(from_printable("(b)(q)(P)(l)(R)(035)(091)(h)"), "!\"%()#[#");
  EXPECT_EQ(from_printable("(x) (12) (999) (a"), "(x) (12) (999) (a");
  EXPECT_FALSE(to_printable("ä"));
  for (int c = 0; c < 128; ++c) {
    const std::string one(1, static_cast<char>(c));
    EXPECT_EQ(from_printable(to_printable(one).value()), one) << c;
    EXPECT_TRUE(is_printable(to_printable(one).value())) << c;
  }
}

TEST(Mapping, ReadsTheTablesOfTheRfc) {
  const Levels levels = parse_levels("OU$b.OU$a.O$UK\\.AC.PRMD$@.ADMD$gold 400.C$GB").value();
  EXPECT_EQ(levels, (Levels{"GB", "gold 400", std::nullopt, "UK.AC", "a", "b"}));
  EXPECT_EQ(text_of(levels), "OU$b.OU$a.O$UK\\.AC.PRMD$@.ADMD$gold 400.C$GB");
  EXPECT_EQ(parse_levels("O$x.C$DE").value(), (Levels{"DE", std::nullopt, std::nullopt, "x"}));
  EXPECT_EQ(parse_levels("ADMD$.C$DE").value(), (Levels{"DE", " "}));
}

TEST(Mapping, TakesTheLongestEntry) {
  EXPECT_EQ(mapping().domain_for({"de", " ", "acme", "works", "x"})->domain, "works.example");
  EXPECT_EQ(mapping().domain_for({"262", " ", "acme", "other"})->domain, "acme.de");
  EXPECT_EQ(mapping().domain_for({"de", "x", "acme"}), std::nullopt);
  EXPECT_EQ(mapping().levels_for("A.B.Acme.DE")->rest, "A.B");
  EXPECT_FALSE(mapping().levels_for("notacme.de"));
  EXPECT_EQ(*(*mapping().gateway_for("inria.fr"))[2], "GWFR");
  EXPECT_EQ(*(*mapping().gateway_for("example.com"))[2], "GW");
}

struct BadLine {
  const char* text;
  const char* what;
};
class MappingRefuses : public ::testing::TestWithParam<BadLine> {};
TEST_P(MappingRefuses, NamesTheLine) {
  const std::string text = std::string("# first\n") + GetParam().text;
  const auto made = Mapping::parse(text);
  ASSERT_FALSE(made);
  const std::string last_line = "line " + std::to_string(1 + std::ranges::count(text, '\n')) + ": ";
  EXPECT_TRUE(made.error().what.starts_with(last_line)) << made.error().text();
  EXPECT_NE(made.error().what.find(GetParam().what), std::string::npos) << made.error().text();
}
INSTANTIATE_TEST_SUITE_P(Rfc822, MappingRefuses,
                         ::testing::Values(BadLine{"acme.de", "left#right#"}, BadLine{"acme.de#C$DE", "left#right#"},
                                           BadLine{"a#b#c#d#", "left#right#"}, BadLine{"acme..de#C$DE#", "no domain name"},
                                           BadLine{"-x.de#C$DE#", "no domain name"}, BadLine{"x.de#DE#", "KEYWORD$value"},
                                           BadLine{"x.de#S$Doe.C$DE#", "not one of C"}, BadLine{"x.de#C$DE.PRMD$x#", "out of order"},
                                           BadLine{"x.de#OU$1.OU$2.OU$3.OU$4.OU$5.C$DE#", "out of order"},
                                           BadLine{"x.de#PRMD$x#", "country is missing"}, BadLine{"x.de#PRMD$.C$DE#", "is empty"},
                                           BadLine{"x.de#PRMD$a_b.C$DE#", "PrintableString"},
                                           BadLine{"x.de#C$DE#\nX.de#C$AT#", "entry already"},
                                           BadLine{"C$DE#x.de#\nc$262#y.de#", "entry already"}, BadLine{"C$DE#x_y#", "no domain name"},
                                           BadLine{"local#x.de#C$DE#\nlocal#y.de#C$DE#", "given twice"}));

TEST(ToRfc822, UsesTheAddressItHolds) {  // RFC 2156 4.3.1
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;DDA:RFC-822=jane(u)doe(a)example.org"), "jane_doe@example.org");
  EXPECT_EQ(to_internet("C=DE;DDA:rfc-822=(q)jane doe(q)(a)example.org"), "\"jane doe\"@example.org");
  EXPECT_EQ(to_internet("C=DE;DDA:RFC-822=jane(a)ex;DDA:RFC822C1=ample.org"), "jane@example.org");
  EXPECT_EQ(to_internet("C=DE;DDA:RFC-822=nobody"), "! DDA:RFC-822: at octet 6: an @ is expected after the local part");
}

TEST(ToRfc822, MapsDomainsAndAddsSubdomains) {  // RFC 2156 4.3.2
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;S=Doe;G=Jane;I=Q"), "Jane.Q.Doe@acme.de");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;O=Sales;OU1=North;S=Doe"), "Doe@north.sales.acme.de");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;O=Works;S=Doe"), "Doe@works.example");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;O=Sales Dept;OU1=North;S=Doe"), "\"/S=Doe/OU=North/O=Sales Dept/\"@acme.de");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;CN=Fax"), "/CN=Fax/@acme.de");
  EXPECT_EQ(to_internet("C=GB;A=Gold 400;O=UK.AC;OU1=UCL;S=Kille"), "Kille@ucl.ac.uk");
  EXPECT_EQ(to_internet("C=GB;A=Gold 400;P=x;O=UK.AC;S=Kille").substr(0, 1), "\"");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;O=Sales;S=Doe;G=J;Q=II"), "/G=J/S=Doe/GQ=II/@sales.acme.de");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME;O=Sales;S=Müller"), "/S=M{200}uller/@sales.acme.de");
}

TEST(ToRfc822, PutsAllInTheLocalPartAtTheGateway) {  // RFC 2156 4.3.3
  EXPECT_EQ(to_internet("C=FR;A=atlas;P=x;S=Doe"), "/S=Doe/PRMD=x/ADMD=atlas/C=FR/@gw.example.org");
  EXPECT_EQ(to_internet("C=DE;A=;P=ACME"), "\"/PRMD=ACME/ADMD= /C=DE/\"@gw.example.org");
  EXPECT_EQ(to_internet("X121=26245"), "/X121=26245/@gw.example.org");
  EXPECT_EQ(to_internet("C=FR;S=x", Mapping{}), "! C=FR;S=x: no mapping has this O/R address and no gateway is configured");
  EXPECT_FALSE(to_rfc822(ORAddress{}, mapping()));
}

TEST(FromRfc822, MapsDomains) {
  EXPECT_EQ(to_x400("Jane.Q.Doe@acme.de"), "C=DE;A= ;P=ACME;S=Doe;G=Jane;I=Q");
  EXPECT_EQ(to_x400("<doe@north.sales.ACME.de>"), "C=DE;A= ;P=ACME;O=sales;OU1=north;S=doe");
  EXPECT_EQ(to_x400("jane_doe@acme.de"), "C=DE;A= ;P=ACME;S=jane(u)doe");
  EXPECT_EQ(to_x400("/CN=Fax/@acme.de"), "C=DE;A= ;P=ACME;CN=Fax");
  EXPECT_EQ(to_x400("kille@cs.ucl.ac.uk"), "C=GB;A=gold 400;O=UK.AC;OU1=ucl;OU2=cs;S=kille");
  EXPECT_EQ(to_x400("/P=other/S=x/@acme.de"), "! P: is given twice");
  EXPECT_EQ(to_x400("/nonsense/@acme.de"), "! nonsense: at octet 1: an attribute is KEYWORD=value");
  // Too many labels, or a name too long for a surname: a domain-defined attribute has room.
  EXPECT_EQ(to_x400("x@a.b.c.d.e.f.acme.de"), "C=DE;A= ;P=GW;DDA:RFC-822=x(a)a.b.c.d.e.f.acme.de");
  EXPECT_EQ(to_x400(std::string(41, 'x') + "@acme.de").substr(0, 30), "C=DE;A= ;P=GW;DDA:RFC-822=xxxx");
}

TEST(FromRfc822, ReadsItsOwnGatewayAddresses) {
  EXPECT_EQ(to_x400("\"/S=Doe/PRMD=x/ADMD= /C=FR/\"@GW.example.org"), "C=FR;A= ;P=x;S=Doe");
  EXPECT_EQ(to_x400("/S=Doe/C=FRA/@gw.example.org").substr(0, 1), "!");
}

TEST(FromRfc822, UsesADomainDefinedAttribute) {  // RFC 2156 4.3.4
  EXPECT_EQ(to_x400("jane_doe@example.org"), "C=DE;A= ;P=GW;DDA:RFC-822=jane(u)doe(a)example.org");
  EXPECT_EQ(to_x400("\"a b\"@[192.0.2.1]"), "C=DE;A= ;P=GW;DDA:RFC-822=(q)a b(q)(a)(091)192.0.2.1(093)");
  EXPECT_EQ(to_x400("x@inria.fr"), "C=FR;A=atlas;P=GWFR;DDA:RFC-822=x(a)inria.fr");
  EXPECT_EQ(to_x400("x@y.z", Mapping{}), "! y.z: no mapping has this domain and no gateway is configured");
  EXPECT_EQ(to_x400("jürgen@example.org").substr(0, 1), "!");
  const std::string longest = std::string(200, 'x') + "@example.org";
  const std::string x400 = to_x400(longest);
  EXPECT_NE(x400.find(";DDA:RFC822C1="), std::string::npos) << x400;
  EXPECT_EQ(to_internet(x400), longest);
  EXPECT_EQ(to_x400(std::string(600, 'x') + "@example.org").substr(0, 1), "!");
}

TEST(Rfc822Address, QuotesAndRefuses) {
  const auto local = [](const char* text) {
    const auto address = Rfc822Address::parse(text);
    return address ? address->local : "! " + address.error().field;
  };
  EXPECT_EQ(local("\"a \\\"b\\\" @c\"@x.org"), "a \"b\" @c");
  EXPECT_EQ(local("/S=x/@x.org"), "/S=x/");
  EXPECT_EQ(local(""), "! local");
  EXPECT_EQ(local("x"), "! domain");
  EXPECT_EQ(local("@x"), "! local");
  EXPECT_EQ(local("a..b@x"), "! local");
  EXPECT_EQ(local("a b@x"), "! local");
  EXPECT_EQ(local("\"a@x"), "! local");
  EXPECT_EQ(local("\"\"@x"), "! local");
  EXPECT_EQ(local("\"a\"b@x"), "! domain");
  EXPECT_EQ(local("a@x..y"), "! domain");
  EXPECT_EQ(local("a@-x"), "! domain");
  EXPECT_EQ(local("a@[x"), "! domain");
  EXPECT_EQ(local("a@"), "! domain");
}

// There and back, whatever the address is made of.
TEST(Rfc822, MadeAddressesComeBack) {
  testing::Addresses made(21);
  int mapped = 0;
  for (int round = 0; round < 2000; ++round) {
    Attributes attributes = made.attributes();
    if (made.below(2) == 0) {
      std::erase_if(attributes, [](const Attribute& each) { return each.keyword <= Keyword::P; });
      for (const Attribute& each : attributes_of(Levels{"DE", " ", "ACME"})) attributes.push_back(each);
    }
    const ORAddress address = address_of(attributes).value();
    if (attributes_of(address).empty()) continue;
    const auto there = to_rfc822(address, mapping());
    ASSERT_TRUE(there) << there.error().text();
    const auto parsed = Rfc822Address::parse(there->text());
    ASSERT_TRUE(parsed) << there->text() << "\n" << parsed.error().text();
    EXPECT_EQ(*parsed, *there);
    const auto back = from_rfc822(*parsed, mapping());
    ASSERT_TRUE(back) << there->text() << "\n" << back.error().text();
    EXPECT_TRUE(equivalent(*back, address)) << write(address) << "\n" << there->text() << "\n" << write(*back);
    mapped += there->domain.ends_with("acme.de") ? 1 : 0;
  }
  EXPECT_GT(mapped, 100);
}

}  // namespace
}  // namespace postern::oraddress
