#include "config/toml_guard.hpp"

#include <gtest/gtest.h>

#include "config/load.hpp"

namespace postern::config {
namespace {

// Found by fuzz/config: toml++ 3.3 asks its white-space table about these and runs into undefined behaviour (tomlplusplus issues 190, 295).
TEST(TomlGuard, LettersBeyondAsciiOutsideStringsAreAFaultWithALine) {
  const Loaded loaded = parse("[server]\nhostname = \"a\" \xC2\xA7\n", "postern.toml", {});
  ASSERT_EQ(loaded.faults.size(), 1U);
  EXPECT_EQ(loaded.faults[0].what, "postern.toml:2: letters beyond ASCII may stand in quotes and in comments only");
  EXPECT_EQ(line_toml_cannot_read("gr\xC3\xB6 = 1\n"), 1U);
  EXPECT_EQ(line_toml_cannot_read("a = 'x'\xC3\xB6\n"), 1U);
  EXPECT_EQ(line_toml_cannot_read("\n\na = \"\"\"x\n\"\"\"\"\n\xC3\xB6\n"), 5U);
  EXPECT_EQ(line_toml_cannot_read("a = \"\"\"\\\n \xC2\xA7\"\"\"\n"), 2U);
  EXPECT_EQ(line_toml_cannot_read("a = \"\\\xC3\xB6\"\n"), 1U);
}

TEST(TomlGuard, StringsAndCommentsMayHoldThem) {
  EXPECT_FALSE(line_toml_cannot_read(""));
  EXPECT_FALSE(line_toml_cannot_read("\xEF\xBB\xBF# \xC3\xBC\n\"\xC3\xB6\" = 'a\xC3\xB6' # \" \xC3\xB6\n"));
  EXPECT_FALSE(line_toml_cannot_read("a = \"\"\"x \\\" \xC3\xB6\n\xC3\xB6\"\"\"\nb = '''\xC3\xB6'''"));
  EXPECT_FALSE(line_toml_cannot_read("a = \"\"\"\xC3\xB6\"\"\"\"\"\nb = \"\xC3\xB6\"\n"));
  const Loaded loaded = parse("[[policy]]\nname = \"f\xC3\xBCr Partner\"\n", "postern.toml", {});
  for (const auto& fault : loaded.faults) EXPECT_EQ(fault.what.find("ASCII"), std::string::npos) << fault.what;
}

}  // namespace
}  // namespace postern::config
