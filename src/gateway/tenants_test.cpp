#include "gateway/tenants.hpp"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

config::Config two_tenants() {
  config::Config config;
  config.domains.local = {"a.example", "b.example", "plain.example",
                          "b\xc3\xbc"
                          "cher.example"};
  config.tenants = {{"a",
                     {"a.example",
                      "b\xc3\xbc"
                      "cher.example"},
                     "key_a"},
                    {"b", {"b.example"}, "key_b"}};
  return config;
}

TEST(Tenants, ACopyBelongsToItsReader) {
  const auto tenants = Tenants::make(two_tenants()).value();
  EXPECT_EQ(tenants->storage_key("a.example", true, ""), KeyName("key_a"));
  EXPECT_EQ(tenants->storage_key("A.Example", true, "b.example"), KeyName("key_a"));
  EXPECT_EQ(tenants->storage_key("xn--bcher-kva.example", true, ""), KeyName("key_a")) << "one domain in two forms (RFC 5890)";
  EXPECT_EQ(tenants->storage_key("plain.example", true, "a.example"), key_names::kMailStorage) << "what he got from a is his";
  EXPECT_EQ(tenants->storage_key("elsewhere.example", false, "a.example"), KeyName("key_a")) << "waits here as a's";
  EXPECT_EQ(tenants->storage_key("elsewhere.example", false, ""), key_names::kMailStorage);
  EXPECT_EQ(tenants->storage_key("sub.a.example", false, ""), key_names::kMailStorage) << "a subdomain is another domain";
}

TEST(Tenants, ShreddedOnesAreRefusedAndHaveNoKey) {
  const auto tenants = Tenants::make(two_tenants()).value();
  EXPECT_EQ(tenants->storage_keys().size(), 3U);
  EXPECT_FALSE(tenants->refuses("a.example"));
  tenants->mark_shredded("a");
  tenants->mark_shredded("nobody");
  EXPECT_TRUE(tenants->refuses("a.example"));
  EXPECT_FALSE(tenants->refuses("b.example"));
  EXPECT_FALSE(tenants->refuses(""));
  EXPECT_EQ(tenants->storage_keys(), (std::vector<KeyName>{key_names::kMailStorage, KeyName("key_b")}));
  EXPECT_TRUE(tenants->is_destroyed(KeyName("key_a")));
  EXPECT_FALSE(tenants->is_destroyed(KeyName("key_b")));
  EXPECT_TRUE(tenants->is_storage_key(KeyName("key_a"))) << "still nobody may delete it as just some key";
}

TEST(Tenants, AnImpossibleKeyNameIsAFault) {
  auto config = two_tenants();
  config.tenants[0].storage_key = "no/path";
  EXPECT_EQ(Tenants::make(config).error().code, ErrorCode::BadInput);
}

}  // namespace
}  // namespace postern::gateway
