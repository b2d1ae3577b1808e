// Octets that real X.400 systems sent. They stand outside the repository; without them the tests say so.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "asn1/ber.hpp"
#include "asn1/dump.hpp"
#include "asn1/json.hpp"

namespace postern::asn1 {
namespace {

namespace json = boost::json;

// $POSTERN_SHARED_DATA, else shared/data beside the repository, wherever in or beside it the test was started.
std::filesystem::path data_folder() {
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) return given;
  std::error_code ignored;
  const auto here = std::filesystem::current_path(ignored);
  for (auto at = here; at != at.parent_path(); at = at.parent_path())
    if (std::filesystem::is_directory(at / "shared/data", ignored)) return at / "shared/data";
  return here / "../shared/data";
}

std::optional<json::object> vectors() {
  std::ifstream in(data_folder() / "x400/osi-session-vectors.json");
  if (!in) return std::nullopt;
  std::stringstream text;
  text << in.rdbuf();
  return json::parse(text.str()).as_object();
}
Bytes hex_of(const json::value& hex) { return hex_decode(std::string_view(hex.as_string())).value(); }

TEST(Captured, AnExternalOfAnAssociationRequest) {
  const auto all = vectors();
  if (!all) GTEST_SKIP() << "no vectors in " << data_folder();
  const Bytes octets = hex_of(all->at("ber").as_array().at(0).as_object().at("hex"));
  ByteView input(octets);
  const auto external = decode_front<External>(input, {.strict = true});
  ASSERT_TRUE(external) << external.error().text() << '\n' << dump(octets);
  EXPECT_EQ(external->direct_reference, Oid({2, 1, 1}));
  EXPECT_EQ(external->indirect_reference, 3);
  EXPECT_EQ(external->encoding.value.index(), 0U);
  EXPECT_EQ(from_json<External>(to_json(*external)).value(), *external);
  EXPECT_NE(dump(octets).find("\"Percival\""), std::string::npos) << dump(octets);
}

TEST(Captured, PresentationDataIsDumpedToItsEnd) {
  const auto all = vectors();
  if (!all) GTEST_SKIP() << "no vectors in " << data_folder();
  for (const json::value& each : all->at("spdu").as_array()) {
    const Bytes octets = hex_of(each.as_object().at("expect").as_object().at("user_data_hex"));
    const std::string lines = dump(octets);
    EXPECT_EQ(lines.find("! "), std::string::npos) << lines;
    EXPECT_EQ(element_size(octets).value(), octets.size());
    EXPECT_NE(lines.find("OBJECT IDENTIFIER 2.1.1"), std::string::npos) << lines;
  }
}

}  // namespace
}  // namespace postern::asn1
