// The ASN.1 of O/R names: octets of a real MTA, tags by hand, every extension attribute.
#include "oraddress/or_name.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "asn1/ber.hpp"
#include "asn1/generate.hpp"
#include "asn1/json.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/extension.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/testing/addresses.hpp"

namespace postern::oraddress {
namespace {

Bytes hex(std::string_view text) { return hex_decode(text).value(); }

std::filesystem::path data_folder() {
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) return given;
  std::error_code ignored;
  const auto here = std::filesystem::current_path(ignored);
  for (auto at = here; at != at.parent_path(); at = at.parent_path())
    if (std::filesystem::is_directory(at / "shared/data", ignored)) return at / "shared/data";
  return here / "../shared/data";
}

Bytes random_octets(std::uint32_t seed, std::size_t size) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (Byte& octet : out) octet = static_cast<Byte>(random());
  return out;
}

// As PP 6.0 puts it on the wire, and as tshark reads it: /C=GB/A= /P=TEST/O=a/S=pp/.
constexpr std::string_view kOriginator = "601e301c6104130247426203130120a206130454455354830161a50480027070";

TEST(ORName, ReadsAndWritesTheOctetsOfARealMta) {
  const Bytes wire = hex(kOriginator);
  const auto name = asn1::decode<ORName>(wire);
  ASSERT_TRUE(name) << name.error().text();
  EXPECT_EQ(name->built_in_standard_attributes.country_name, make<CountryName>("GB"));
  EXPECT_EQ(name->built_in_standard_attributes.administration_domain_name->text(), " ");
  EXPECT_EQ(name->built_in_standard_attributes.private_domain_name->text(), "TEST");
  EXPECT_EQ(name->built_in_standard_attributes.personal_name->surname, "pp");
  EXPECT_FALSE(name->directory_name);
  EXPECT_EQ(asn1::encode(*name).value(), wire);
  EXPECT_EQ(write(*name), "C=GB;A= ;P=TEST;O=a;S=pp");
}

// Every [APPLICATION 0] of the capture that is whole in one segment.
TEST(ORName, ReadsEveryNameOfTheCapture) {
  const auto path = data_folder() / "x400/pp-p1-1988-normal.pcap";
  std::ifstream in(path, std::ios::binary);
  if (!in) GTEST_SKIP() << "no capture at " << path;
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  std::set<std::string> found;
  for (std::size_t at = all.find('\x60'); at != std::string::npos; at = all.find('\x60', at + 1)) {
    ByteView rest = as_bytes(all).subspan(at);
    const auto name = asn1::decode_front<ORName>(rest);
    if (name && !name->is_absent()) found.insert(write(*name));
  }
  EXPECT_EQ(found, (std::set<std::string>{"C=GB;A= ;P=TEST;O=a;S=pp", "C=GB;A= ;P=TEST;O=b;S=test"}));
}

TEST(ORName, TagsEveryComponentAsX411Does) {
  ORName name;
  BuiltInStandardAttributes& all = name.built_in_standard_attributes;
  all.country_name = make<CountryName>("262");
  all.administration_domain_name = make<AdministrationDomainName>("1");
  all.network_address = "4";
  all.terminal_identifier = "t";
  all.private_domain_name = make<PrivateDomainName>("2");
  all.organization_name = "o";
  all.numeric_user_identifier = "7";
  all.personal_name = PersonalName{"s", "g", "i", "q"};
  all.organizational_unit_names = OrganizationalUnitNames{"u", "v"};
  name.built_in_domain_defined_attributes = BuiltInDomainDefinedAttributes{{"T", "V"}};
  ASSERT_TRUE(set_extension<ExtensionAttributeType::common_name>(name, "n"));
  Name directory;
  directory.value = RDNSequence{{{asn1::Oid{2, 5, 4, 6}, {hex("13024445")}}}};
  name.directory_name = directory;
  const auto wire = asn1::encode(name);
  ASSERT_TRUE(wire) << wire.error().text();
  EXPECT_EQ(hex_encode(*wire),
            "605c"
            "3033"
            "61051203323632"
            "6203120131"
            "800134"
            "810174"
            "a203120132"
            "83016f"
            "840137"
            "a50c800173810167820169830171"
            "a606130175130176"
            "3008"
            "3006130154130156"
            "310a3008800101a10313016e"
            "a00f300d310b30090603550406130244"
            "45");
  EXPECT_EQ(asn1::decode<ORName>(*wire).value(), name);
}

TEST(ORName, KeepsWhatNobodyKnows) {
  // An extension attribute 99 that holds a NULL.
  const auto read = asn1::decode<ORAddress>(hex("300d300031093007800163a1020500"));
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->extension_attributes->size(), 1U);
  EXPECT_EQ(name_of(read->extension_attributes->front().extension_attribute_type), "extension-attribute 99");
  EXPECT_EQ(hex_encode(asn1::encode(*read).value()), "300d300031093007800163a1020500");
  EXPECT_EQ(write(*read), "EXT:99=0500");
}

TEST(ORName, BreachOfABoundIsAQuirkToReadAndAnErrorToWrite) {
  ORAddress address;
  address.built_in_standard_attributes.organization_name = std::string(65, 'o');
  const auto refused = asn1::encode(address);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().field.find("organization-name"), std::string::npos) << refused.error().text();
  Bytes wire = hex("304530438341");
  wire.insert(wire.end(), 65, 'o');
  std::vector<asn1::Quirk> quirks;
  ASSERT_TRUE(asn1::decode<ORAddress>(wire, {.quirks = &quirks}));
  EXPECT_EQ(quirks.size(), 1U);
  EXPECT_FALSE(asn1::decode<ORAddress>(wire, {.strict = true}));
}

TEST(ORName, RefusesWhatIsNone) {
  for (const std::string_view wire : {"", "60", "6000", "6002", "61023000", "600430000500", "600430028900"})
    EXPECT_FALSE(asn1::decode<ORName>(hex(wire))) << wire;
}

TEST(GlobalDomainIdentifier, IsApplication3) {
  const GlobalDomainIdentifier domain{make<CountryName>("GB"), make<AdministrationDomainName>(" "), make<PrivateDomainIdentifier>("TEST")};
  const Bytes wire = asn1::encode(domain).value();
  EXPECT_EQ(hex_encode(wire), "63116104130247426203130120130454455354");
  EXPECT_EQ(asn1::decode<GlobalDomainIdentifier>(wire).value(), domain);
}

TEST(ExtensionAttributes, EveryTypeHasAValueThatComesBack) {
  for (std::int64_t number = 1; number <= 40; ++number) {
    const auto type = static_cast<ExtensionAttributeType>(number);
    const asn1::Type* described = value_type(type);
    ASSERT_NE(described, nullptr) << number;
    EXPECT_EQ(name_of(type).find(' '), std::string::npos);
    for (std::uint32_t seed = 0; seed < 50; ++seed) {
      const Bytes octets = random_octets(seed, 60);
      ByteView entropy = octets;
      const auto made = described->fresh();
      asn1::generate_value(*described, made.get(), entropy);
      Bytes wire;
      ASSERT_TRUE(asn1::encode_value(*described, made.get(), wire)) << name_of(type);
      // In an address, as an attribute, and back.
      ORAddress address;
      set_extension(address, type, asn1::Any{wire});
      EXPECT_EQ(comparison_key(address_of(attributes_of(address)).value_or(address)), comparison_key(address)) << name_of(type);
      EXPECT_FALSE(attributes_of(address).empty());
    }
  }
  EXPECT_EQ(value_type(static_cast<ExtensionAttributeType>(0)), nullptr);
  EXPECT_EQ(value_type(static_cast<ExtensionAttributeType>(41)), nullptr);
  EXPECT_EQ(value_type(static_cast<ExtensionAttributeType>(-1)), nullptr);
}

TEST(ExtensionAttributes, AreSetReadAndErased) {
  using enum ExtensionAttributeType;
  ORAddress address;
  EXPECT_FALSE(extension<common_name>(address).value());
  ASSERT_TRUE(set_extension<common_name>(address, "Fax Desk"));
  ASSERT_TRUE(set_extension<common_name>(address, "Fax Room"));
  ASSERT_TRUE(set_extension<postal_code>(address, make<PostalCode>("64293")));
  EXPECT_EQ(extension<common_name>(address).value(), asn1::PrintableString("Fax Room"));
  EXPECT_TRUE(extension<postal_code>(address).value()->is_numeric());
  erase_extension(address, common_name);
  erase_extension(address, postal_code);
  EXPECT_TRUE(address.is_absent());
}

TEST(ExtensionAttributes, SayWhichOneIsWrong) {
  using enum ExtensionAttributeType;
  ORAddress address;
  EXPECT_EQ(set_extension<common_name>(address, std::string(65, 'x')).error().field, "common-name");
  set_extension(address, common_name, asn1::Any{hex("0500")});
  EXPECT_EQ(extension<common_name>(address).error().field, "common-name");
}

// Whatever the description generates is encoded, read again, and flat attributes give it back.
TEST(ORName, GeneratedNamesComeBack) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    const Bytes octets = random_octets(seed, 200);
    ByteView entropy = octets;
    const auto name = asn1::generate<ORName>(entropy);
    const auto wire = asn1::encode(name);
    ASSERT_TRUE(wire) << wire.error().text();
    EXPECT_EQ(asn1::decode<ORName>(*wire).value(), name);
    EXPECT_EQ(asn1::from_json<ORName>(asn1::to_json(name)).value(), name);
  }
}

TEST(Attributes, OfMadeAddressesComeBack) {
  testing::Addresses addresses(3);
  for (int round = 0; round < 2000; ++round) {
    const ORAddress address = addresses.address();
    const auto wire = asn1::encode(address);
    ASSERT_TRUE(wire) << wire.error().text();
    const auto back = address_of(attributes_of(asn1::decode<ORAddress>(*wire).value()));
    ASSERT_TRUE(back) << back.error().text();
    ASSERT_EQ(*back, address);
  }
}

}  // namespace
}  // namespace postern::oraddress
