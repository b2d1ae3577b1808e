// Comparison (X.402 18.4), canonical form, forms (X.402 18.5).
#include "oraddress/compare.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

#include "base/text.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/testing/addresses.hpp"

namespace postern::oraddress {
namespace {

ORAddress address(std::string_view text) { return parse(text).value(); }
bool same(std::string_view a, std::string_view b) { return equivalent(address(a), address(b)); }

TEST(Compare, CaseAndSpacesDoNotCount) {
  EXPECT_TRUE(same("C=DE;A=x;P=ACME;S=Doe", "c=de;a=X;p=acme;s=DOE"));
  EXPECT_TRUE(same("O=New   York  Office", "o=new york office"));
  EXPECT_TRUE(same("O={032}Works{032}", "O=Works"));
  EXPECT_FALSE(same("O=NewYork", "O=New York"));
  EXPECT_FALSE(same("S=Doe", "S=Doe;G=J"));
  EXPECT_FALSE(same("O=x", "OU1=x"));
}

TEST(Compare, AnAdministrationDomainWithoutANameIsNotNone) {
  EXPECT_TRUE(same("C=DE;A=;S=x", "C=DE;A= ;S=x"));
  EXPECT_FALSE(same("C=DE;A=;S=x", "C=DE;S=x"));
  EXPECT_FALSE(same("C=DE;A=;S=x", "C=DE;A=dbp;S=x"));
  EXPECT_FALSE(same("C=DE;A=0;S=x", "C=DE;A= ;S=x"));
}

TEST(Compare, CountriesOfX121AreThoseOfIso3166) {
  EXPECT_TRUE(same("C=262", "C=DE"));
  EXPECT_TRUE(same("C=310", "C=us"));
  EXPECT_TRUE(same("C=316", "C=US"));
  EXPECT_TRUE(same("PD-C=234", "PD-C=GB"));
  EXPECT_FALSE(same("C=262", "C=AT"));
  EXPECT_FALSE(same("C=999", "C=998"));
  EXPECT_FALSE(same("P=262", "P=DE"));  // only where it is a country
  EXPECT_EQ(country_of_dcc("265"), "DE");
  EXPECT_EQ(country_of_dcc("201"), "");
  EXPECT_EQ(country_of_dcc("2622"), "");
  EXPECT_EQ(country_of_dcc("x62"), "");
}

TEST(Compare, DigitsAreDigitsInEitherAlternative) {
  ORAddress printable = address("C=DE;P=x");
  printable.built_in_standard_attributes.private_domain_name->value = asn1::PrintableString("4711");
  EXPECT_TRUE(equivalent(printable, address("C=DE;P=4711")));
}

TEST(Compare, AlphabetsDoNotCount) {
  EXPECT_TRUE(same("CN=abc", "CN=*abc"));
  EXPECT_TRUE(same("CN=abc", "CN=**ABC"));
  EXPECT_TRUE(same("CN=M{200}uller", "CN=**MÜLLER"));
  EXPECT_TRUE(same("S=*Ångström;G=*Å", "S=**ångström;G=**å"));
  EXPECT_TRUE(same("DDA:x=*ab", "DDA:X=AB"));
  EXPECT_FALSE(same("CN=Muller", "CN=Müller"));
}

TEST(Compare, DomainDefinedAttributesKeepTheirOrder) {
  EXPECT_TRUE(same("DDA:a=1;DDA:b=2", "dda:A=1;dda:B=2"));
  EXPECT_FALSE(same("DDA:a=1;DDA:b=2", "DDA:b=2;DDA:a=1"));
  EXPECT_FALSE(same("DDA:a=1;DDA:a=1", "DDA:a=1"));
}

TEST(Compare, OneVariantThatMatchesIsEnoughForMatches) {
  EXPECT_TRUE(matches(address("CN=Mueller*Müller"), address("CN=Müller")));
  EXPECT_TRUE(matches(address("CN=Mueller*Müller"), address("CN=MUELLER")));
  EXPECT_FALSE(equivalent(address("CN=Mueller*Müller"), address("CN=Müller")));
  EXPECT_FALSE(matches(address("CN=Mueller"), address("CN=Müller")));
  EXPECT_FALSE(matches(address("CN=a"), address("CN=a;O=b")));
}

TEST(Compare, FoldsTheLettersOfEurope) {
  EXPECT_EQ(folded("  ÄÖÜ ß  ŠŽŁŸ ΑΩΣς ЯЁ  "), "äöü ß šžłÿ αωσσ яё");
  EXPECT_EQ(folded("   "), "");
  EXPECT_EQ(folded("\xFF"), "\xFF");  // no UTF-8: octets as they are
}

/// The same address, written otherwise.
Attributes disguised(Attributes all, testing::Addresses& random) {
  for (Attribute& each : all) {
    if (each.form == Form::Raw) continue;
    if (random.below(2) == 0 && each.form == Form::Printable && each.keyword != Keyword::Psap) each.value = to_upper(each.value);
    if (random.below(2) == 0 && each.form == Form::Printable && each.value.size() < 3 && each.keyword == Keyword::O) each.value += "  ";
  }
  return all;
}

TEST(Compare, IsAnEquivalence) {
  testing::Addresses made(5);
  for (int round = 0; round < 500; ++round) {
    const Attributes attributes = made.attributes();
    const ORAddress a = address_of(attributes).value();
    const ORAddress b = address_of(disguised(attributes, made)).value();
    const ORAddress c = address_of(disguised(attributes_of(b), made)).value();
    const ORAddress other = made.address();
    EXPECT_TRUE(equivalent(a, a));
    EXPECT_TRUE(equivalent(a, b)) << write(a) << "\n" << write(b);
    EXPECT_TRUE(equivalent(b, a));
    EXPECT_TRUE(equivalent(b, c));
    EXPECT_TRUE(equivalent(a, c));
    EXPECT_EQ(equivalent(a, other), equivalent(other, a));
    EXPECT_EQ(equivalent(a, other), equivalent(b, other));
    EXPECT_EQ(equivalent(a, other), comparison_key(a) == comparison_key(other));
    EXPECT_EQ(Hash{}(a), Hash{}(b));
    EXPECT_TRUE(matches(a, b));
  }
}

TEST(Compare, KeepsASetOfAddresses) {
  std::unordered_set<ORAddress, Hash, Equivalent> all;
  all.insert(address("C=DE;A= ;S=Doe"));
  EXPECT_FALSE(all.insert(address("C=262;A=;S=DOE")).second);
  EXPECT_TRUE(all.insert(address("C=AT;A=;S=DOE")).second);
}

TEST(Canonical, IsOneWayToWriteAnAddress) {
  const auto text = [](std::string_view from) { return write(canonical(address(from)).value()); };
  EXPECT_EQ(text("c=262;a=;p=ACME;o=New   York;s=Doe"), "C=DE;A= ;P=ACME;O=New York;S=Doe");
  EXPECT_EQ(text("CN=*abc"), "CN=abc");
  EXPECT_EQ(text("CN=abc*ABC*abc"), "CN=abc");
  EXPECT_EQ(text("CN=abc*äbc"), "CN=abc*äbc");
  EXPECT_EQ(text("S=Mueller;G=Jürgen"), "S=Mueller;G=Jürgen");
  EXPECT_EQ(text("S=*Doe;G=*Jane"), "S=Doe;G=Jane");
  EXPECT_EQ(text("DDA:a=1;DDA:b=*2"), "DDA:a=1;DDA:b=2");
  EXPECT_EQ(text("DDA:fax=1*C"), "DDA:fax=1;DDA:fax=*C");   // variants of one
  EXPECT_EQ(text("DDA:a=ä;DDA:b=*2"), "DDA:a=ä;DDA:b=*2");  // the order would change
}

TEST(Canonical, IsEquivalentAndStable) {
  testing::Addresses made(6);
  for (int round = 0; round < 1000; ++round) {
    const ORAddress from = made.address();
    const auto once = canonical(from);
    if (!once) continue;  // a value of spaces only has no canonical form
    EXPECT_TRUE(equivalent(*once, from)) << write(from) << "\n" << write(*once);
    EXPECT_EQ(canonical(*once).value(), *once) << write(*once);
  }
}

TEST(Form, IsToldByTheAttributes) {
  const auto form = [](std::string_view text) { return form_of(address(text)); };
  EXPECT_EQ(form("C=DE;A=;S=Doe").value(), AddressForm::Mnemonic);
  EXPECT_EQ(form("C=DE;A=x;CN=Desk").value(), AddressForm::Mnemonic);
  EXPECT_EQ(form("C=DE;A=x;N-ID=42").value(), AddressForm::Numeric);
  EXPECT_EQ(form("X121=26245;T-TY=tlx").value(), AddressForm::Terminal);
  EXPECT_EQ(form("C=DE;A=x;PD-C=DE;PD-PC=64293;PD-S=Street 1").value(), AddressForm::FormattedPostal);
  EXPECT_EQ(form("C=DE;A=x;PD-C=DE;PD-PC=64293;PD-A1=Street 1").value(), AddressForm::UnformattedPostal);
  EXPECT_EQ(form("A=x;S=Doe").error().field, "C");
  EXPECT_EQ(form("C=DE;S=Doe").error().field, "A");
  EXPECT_EQ(form("C=DE;A=x").error().field, "P");
  EXPECT_EQ(name_of(AddressForm::FormattedPostal), "formatted postal");
}

}  // namespace
}  // namespace postern::oraddress
