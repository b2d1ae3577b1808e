#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/cursor.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"

namespace postern {
namespace {

TEST(Base64, Rfc4648Vectors) {  // RFC 4648 10
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    EXPECT_EQ(base64_decode(encoded).value(), to_bytes(plain));
  }
}

TEST(Base64, RefusesWhatHasTwoReadings) {
  for (const char* bad : {"Zg", "Zg=", "Zh==", "Zm9=", "=Zg=", "Zg==Zg==", "Z m8=", "Zm8=\n", "Zg===", "====", "Z===", "Zm8-"})
    EXPECT_FALSE(base64_decode(bad)) << bad;
  EXPECT_EQ(base64_decode("Z m\r\n8 =", Whitespace::Skip).value(), to_bytes("fo"));
  EXPECT_EQ(base64url_decode("-_8").value(), (Bytes{0xfb, 0xff}));
  EXPECT_FALSE(base64url_decode("Zg=="));
}

TEST(Hex, RoundTripAndRefusal) {
  EXPECT_EQ(hex_encode(Bytes{0, 0xab, 0xff}), "00abff");
  EXPECT_EQ(hex_decode("00ABff").value(), (Bytes{0, 0xab, 0xff}));
  EXPECT_FALSE(hex_decode("0"));
  EXPECT_FALSE(hex_decode("0g"));
}

TEST(Clock, Rfc3339RoundTripAndOffsets) {
  const WallTime t = wall_from_millis(1795308067123);
  EXPECT_EQ(rfc3339(t), "2026-11-22T00:41:07.123Z");
  EXPECT_EQ(parse_rfc3339(rfc3339(t)).value(), t);
  EXPECT_EQ(parse_rfc3339("2026-11-22T01:41:07.123456789+01:00").value(), t);
  for (const char* bad :
       {"", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T00:41:07", "2026-11-22T24:41:07Z", "2026-11-22T00:41:07.Z", "x"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  EXPECT_EQ(rfc5322_date(t), "Sun, 22 Nov 2026 00:41:07 +0000");
}

TEST(Clock, Durations) {
  EXPECT_EQ(parse_duration("1h30m").value(), std::chrono::seconds(5400));
  EXPECT_EQ(parse_duration("45").value(), std::chrono::seconds(45));
  for (const char* bad : {"", "h", "-1s", "1w", "99999999999999999999s", "9999999999d"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Ids, UuidsAreRandomOnesOfVersionFour) {  // RFC 9562 5.4
  SystemRandom random;
  const std::string uuid = make_uuid(random);
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string_view("89ab").find(uuid[19]), std::string_view::npos);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) EXPECT_EQ(uuid[at], '-');
  EXPECT_NE(make_uuid(random), uuid);
}

TEST(Ids, SortByTimeAndHaveOneForm) {
  FixedRandom random;
  const auto early = make_ulid(wall_from_millis(1000), random);
  const auto late = make_ulid(wall_from_millis(2000), random);
  EXPECT_LT(early, late);
  EXPECT_TRUE(is_ulid(early));
  EXPECT_FALSE(is_ulid("../../etc/passwd"));
  EXPECT_FALSE(is_ulid(early + "0"));
}

TEST(Secret, WipesWhatItGivesBack) {
  const Byte* where = nullptr;
  {
    SecretBytes secret = SecretBytes::from_text("a marker that must not stay");
    where = secret.view().data();
    SecretBytes moved = std::move(secret);
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(as_text(moved.view()), "a marker that must not stay");
  }
  // The slot is still mapped: it belongs to the pool.
  for (int i = 0; i < 27; ++i) EXPECT_EQ(where[i], 0);
}

TEST(Text, Utf8IsStrict) {  // RFC 3629 3
  EXPECT_TRUE(is_utf8("gr\xC3\xBC\xC3\x9F \xF0\x9F\x94\x91"));
  for (const char* bad : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xC3", "\xF0\x9F\x94"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Text, NearestNamesTheLikelyTypo) {
  EXPECT_EQ(nearest("hostnme", {"hostname", "listen", "port"}), "hostname");
  EXPECT_EQ(nearest("zzzzzz", {"hostname", "listen"}), "");
}

TEST(Cursor, FailedReadConsumesNothing) {
  const Bytes raw{0, 0, 0, 9, 1, 2};
  ByteReader reader(raw);
  const auto block = reader.read_block("content");
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().field, "content");
  EXPECT_EQ(reader.remaining(), 6U);
}

TEST(Log, AddressesKeepOnlyTheirDomain) { EXPECT_EQ(log::redacted_address("someone@example.org"), "*@example.org"); }

}  // namespace
}  // namespace postern
