#include "mailauth/signer_names.hpp"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

std::string field_of(std::string_view domain, std::string_view selector) {
  const Status judged = check_signer_names(domain, selector);
  return judged ? "" : judged.error().field;
}

TEST(SignerNames, NamesOfDnsAreGood) {
  EXPECT_EQ(field_of("example.org", "s2026"), "");
  EXPECT_EQ(field_of("Example.ORG", "mar.2026-a_b"), "");
  EXPECT_EQ(field_of("xn--bcher-kva.example", "a"), "");
}

TEST(SignerNames, WhatCanStandInNoTagOrInNoNameIsNamed) {
  for (const char* bad : {"", "not a domain", "a..b", ".a", "a.b.", "a;b", "a=b", "\xC3\xBC.example"}) {
    EXPECT_EQ(field_of(bad, "s"), "domain") << bad;
    EXPECT_EQ(field_of("example.org", bad), "selector") << bad;
  }
}

TEST(SignerNames, BothTogetherMustFit) {
  std::string domain = "example";
  while (domain.size() < 230) domain = "labels." + domain;
  EXPECT_EQ(field_of(domain, "s"), "");
  EXPECT_EQ(field_of(domain, "a-selector-of-twenty"), "selector");
}

}  // namespace
}  // namespace postern
