#include "osi/address.hpp"

#include <gtest/gtest.h>

namespace postern::osi {
namespace {

PresentationAddress address(std::string_view t, std::string_view s, std::string_view p, std::string host, std::uint16_t port = 102) {
  return {to_bytes(t), to_bytes(s), to_bytes(p), std::move(host), port};
}

TEST(PresentationAddress, BothFormsAreRead) {
  const std::vector<std::pair<std::string_view, PresentationAddress>> cases{
      {"mta.example.net", address("", "", "", "mta.example.net")},
      {"mta.example.net:1102", address("", "", "", "mta.example.net", 1102)},
      {"x400n@mta.example.net", address("x400n", "", "", "mta.example.net")},
      {"x400n/ses/pres@mta:1102", address("x400n", "ses", "pres", "mta", 1102)},
      {"/ses@mta", address("", "ses", "", "mta")},
      {"\"a/b@c\"/'0102'H@[2001:db8::1]:102", address("a/b@c", "\x01\x02", "", "2001:db8::1")},
      {"0x0001@[::1]", address(std::string_view("\0\1", 2), "", "", "::1")},
      {"#256@h", address(std::string_view("\1\0", 2), "", "", "h")},
      {"\"pres\"/\"ses\"/\"x400n\"/Internet=mta.example.net+1102", address("x400n", "ses", "pres", "mta.example.net", 1102)},
      {"'0102'H/\"T\"/RFC-1006+03+10.0.0.6", address("T", "\x01\x02", "", "10.0.0.6")},
      {"\"T\"/RFC-1006+03+10.0.0.6+2000", address("T", "", "", "10.0.0.6", 2000)},
      {"Internet=h", address("", "", "", "h")},
      {"#1/#2/#3/Internet=h", {{0, 3}, {0, 2}, {0, 1}, "h", 102}},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_presentation_address(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().text();
    EXPECT_EQ(*parsed, expected) << text;
    const std::string written = format_presentation_address(expected);
    EXPECT_EQ(parse_presentation_address(written).value(), expected) << written;
  }
  EXPECT_EQ(format_presentation_address(address("x400n", "", "", "mta", 1102)), "x400n@mta:1102");
}

TEST(PresentationAddress, BadOnesSayWhy) {
  for (const std::string_view text : {"",
                                      "@",
                                      "x@",
                                      "x@h:0",
                                      "x@h:65536",
                                      "x@h:1x",
                                      "x@[::1",
                                      "x@[::1]1",
                                      "a/b/c/d@h",
                                      "'010'H@h",
                                      "#65536@h",
                                      "#x@h",
                                      "x@h h",
                                      "123456789012345678901234567890123@h",
                                      "a/12345678901234567@h",
                                      "\"T\"/NS+4700",
                                      "\"T\"/TELEX+1",
                                      "a/b/c/d/Internet=h",
                                      "\"T\"/",
                                      "\"T\"/Internet=+102",
                                      "x@\xc3\xa4"}) {
    const auto parsed = parse_presentation_address(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::BadInput);
    EXPECT_FALSE(parsed.error().field.empty()) << text;
  }
  EXPECT_FALSE(parse_presentation_address(std::string(5000, 'x')));
}

}  // namespace
}  // namespace postern::osi
