#include "gateway/routing.hpp"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

config::Route to(std::string domain, std::string via) {
  config::Route route;
  route.domain = std::move(domain);
  route.via = std::move(via);
  return route;
}

TEST(RouteTable, MostExactWins) {
  config::Config config;
  config.domains.local = {"postern.example"};
  config.routes = {to("*", "smtp:relay.example:25"), to("a.example", "lmtp:127.0.0.1:24"), to(".example.org", "file:out")};
  const auto table = RouteTable::make(config);
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->find("a.example").via, Via::Lmtp);
  EXPECT_EQ(table->find("b.a.example").host, "relay.example");
  EXPECT_EQ(table->find("x.y.example.org").via, Via::File);
  EXPECT_EQ(table->find("example.org").via, Via::Smtp);
  EXPECT_EQ(table->find("postern.example").via, Via::Mailbox);
  EXPECT_TRUE(table->is_local("postern.example"));
  EXPECT_EQ(table->by_id("lmtp:127.0.0.1:24")->port, 24);
  EXPECT_EQ(table->by_id("gone"), nullptr);
}

TEST(RouteTable, TwoRoutesForOneDomainAreAFault) {
  config::Config config;
  config.routes = {to("a.example", "mx"), to("A.example", "mailbox")};
  EXPECT_FALSE(RouteTable::make(config));
}

}  // namespace
}  // namespace postern::gateway
