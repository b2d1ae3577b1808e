#include "oraddress/routing.hpp"

#include <gtest/gtest.h>

#include <string>

#include "oraddress/or_text.hpp"
#include "oraddress/testing/addresses.hpp"

namespace postern::oraddress {
namespace {

Attributes prefix(std::string_view text) { return text.empty() ? Attributes{} : parse_attributes(text).value(); }
std::string routed(const RoutingTable<std::string>& table, std::string_view text) {
  const auto found = table.find(parse(text).value());
  return found ? *found->value : "none";
}

TEST(Routing, TakesTheLongestPrefix) {
  RoutingTable<std::string> table;
  for (const char* text : {"C=DE", "C=DE;A= ;P=ACME", "C=DE;A= ;P=ACME;O=Works", "C=DE;A= ;P=ACME;O=Works;S=Doe;G=Jane", "C=DE;DDA:fax=1"})
    EXPECT_TRUE(table.insert(prefix(text), text));
  EXPECT_EQ(table.size(), 5U);
  EXPECT_EQ(routed(table, "C=de;A=;P=acme;O=works;S=Roe"), "C=DE;A= ;P=ACME;O=Works");
  EXPECT_EQ(routed(table, "C=262;A=;P=acme;O=works;G=JANE;S=DOE"), "C=DE;A= ;P=ACME;O=Works;S=Doe;G=Jane");
  EXPECT_EQ(routed(table, "C=DE;A=;P=ACME;S=x"), "C=DE;A= ;P=ACME");
  EXPECT_EQ(routed(table, "C=DE;A=x;P=ACME;S=x"), "C=DE");
  EXPECT_EQ(routed(table, "C=DE;A=x;DDA:FAX=1"), "C=DE;DDA:fax=1");
  EXPECT_EQ(routed(table, "C=AT;A=;P=ACME;S=x"), "none");
  EXPECT_TRUE(table.insert({}, "default"));
  EXPECT_EQ(routed(table, "C=AT;A=;P=ACME;S=x"), "default");
  EXPECT_EQ(table.find(parse("C=AT;S=x").value())->length, 0U);
}

TEST(Routing, PassesOverAttributesThePrefixDoesNotName) {
  RoutingTable<std::string> table;
  table.insert(prefix("C=DE;O=Works"), "works");
  EXPECT_EQ(routed(table, "C=DE;A=x;P=y;O=Works;S=Doe"), "works");
  EXPECT_EQ(routed(table, "C=DE;A=x;P=y;OU1=Works;S=Doe"), "none");
}

TEST(Routing, OfEquallyLongPrefixesTheWiderOneWins) {
  RoutingTable<std::string> table;
  table.insert(prefix("C=DE;O=Works"), "by organization");
  table.insert(prefix("C=DE;P=ACME"), "by private domain");
  EXPECT_EQ(routed(table, "C=DE;P=ACME;O=Works"), "by private domain");
}

TEST(Routing, ReplacesAndErases) {
  RoutingTable<int> table;
  EXPECT_TRUE(table.insert(prefix("C=DE;P=x"), 1));
  EXPECT_FALSE(table.insert(prefix("P=X;C=262"), 2));
  EXPECT_EQ(*table.find(parse("C=DE;P=x").value())->value, 2);
  EXPECT_FALSE(table.erase(prefix("C=DE")));
  EXPECT_FALSE(table.erase(prefix("C=AT")));
  EXPECT_TRUE(table.erase(prefix("C=de;P=x")));
  EXPECT_FALSE(table.erase(prefix("C=de;P=x")));
  EXPECT_FALSE(table.find(parse("C=DE;P=x").value()));
  EXPECT_EQ(table.size(), 0U);
}

// Against the definition: of all prefixes whose every attribute the address has, the longest, the widest.
TEST(Routing, AgreesWithTheDefinition) {
  testing::Addresses made(9);
  RoutingTable<std::size_t> table;
  std::vector<std::vector<Component>> all;
  std::vector<ORAddress> addresses;
  for (int i = 0; i < 200; ++i) {
    addresses.push_back(made.address());
    Attributes chosen;
    for (const Attribute& each : attributes_of(addresses.back()))
      if (made.below(3) == 0) chosen.push_back(each);
    auto components = components_of(chosen);
    std::ranges::sort(components);
    if (std::ranges::find(all, components) != all.end()) continue;
    table.insert(chosen, all.size());
    all.push_back(std::move(components));
  }
  for (const ORAddress& address : addresses) {
    const auto components = components_of(address);
    std::size_t longest = 0;
    bool any = false;
    for (const auto& each : all) {
      if (!routes(each, components)) continue;
      any = true;
      longest = std::max(longest, each.size());
    }
    const auto found = table.find(address);
    ASSERT_EQ(found.has_value(), any);
    if (!found) continue;
    EXPECT_EQ(found->length, longest);
    EXPECT_TRUE(routes(all[*found->value], components));
  }
}

TEST(Routing, HoldsTenThousandRoutes) {
  RoutingTable<int> table;
  for (int i = 0; i < 10'000; ++i) table.insert(prefix("C=DE;A= ;P=P" + std::to_string(i / 100) + ";O=O" + std::to_string(i % 100)), i);
  EXPECT_EQ(table.size(), 10'000U);
  for (int i = 0; i < 10'000; i += 7)
    EXPECT_EQ(*table.find(parse("C=DE;A=;P=p" + std::to_string(i / 100) + ";O=o" + std::to_string(i % 100) + ";S=x").value())->value, i);
}

}  // namespace
}  // namespace postern::oraddress
