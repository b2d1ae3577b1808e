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

TEST(RouteTable, InternationalDomainsHaveOneRoute) {  // RFC 5890 2.3.2.1: A-label and U-label are the same name
  config::Config config;
  config.domains.local = {"xn--bcher-kva.example", "m\xC3\xBCnchen.example"};
  config.routes = {to("stra\xC3\x9F"
                      "e.example",
                      "mx"),
                   to(".k\xC3\xB6ln.example", "smtp:relay.example:25")};
  const auto table = RouteTable::make(config);
  ASSERT_TRUE(table) << table.error().text();
  for (const char* local : {"b\xC3\xBC"
                            "cher.example",
                            "xn--bcher-kva.example", "XN--BCHER-KVA.example", "xn--mnchen-3ya.example", "m\xC3\xBCnchen.example"}) {
    EXPECT_TRUE(table->is_local(local)) << local;
    EXPECT_EQ(table->find(local).via, Via::Mailbox) << local;
  }
  EXPECT_EQ(table->queue_id("a.k\xC3\xB6ln.example"), "smtp:relay.example:25");
  EXPECT_EQ(table->queue_id("a.xn--kln-sna.example"), "smtp:relay.example:25");
  EXPECT_EQ(table->queue_id("d\xC3\xBCren.example"), "mx:xn--dren-0ra.example");
  EXPECT_EQ(table->queue_id("[192.0.2.1]"), "mx:[192.0.2.1]");
  EXPECT_EQ(table->queue_id("Plain.Example"), "mx:plain.example");
  config.routes = {to("b\xC3\xBC"
                      "cher.example",
                      "mx"),
                   to("xn--bcher-kva.example", "mailbox")};
  EXPECT_FALSE(RouteTable::make(config)) << "one domain, two routes";
}

TEST(RouteTable, QueuedRecipientsFollowTheConfiguration) {
  config::Config config;
  config.domains.local = {"postern.example"};
  config.routes = {to("a.example", "smtp:here:25"), to("*", "smtp:there:25")};
  const auto table = RouteTable::make(config);
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->requeue_id("smtp:here:25", "x@other.example"), "smtp:here:25");  // still there: nothing moves
  EXPECT_EQ(table->requeue_id("smtp:gone:25", "x@a.example"), "smtp:here:25");
  EXPECT_EQ(table->requeue_id("smtp:gone:25", "x@b.example"), "smtp:there:25");
  EXPECT_EQ(table->requeue_id("mx:b.example", "x@b.example"), "smtp:there:25");  // no longer by MX
  EXPECT_EQ(table->requeue_id("file:gone", "x@postern.example"), "mailbox");
  for (const char* pseudo : {"policy", "policy:clear", "bounce"}) EXPECT_EQ(table->requeue_id(pseudo, "x@b.example"), pseudo);
}

TEST(RouteTable, TwoRoutesForOneDomainAreAFault) {
  config::Config config;
  config.routes = {to("a.example", "mx"), to("A.example", "mailbox")};
  EXPECT_FALSE(RouteTable::make(config));
}

}  // namespace
}  // namespace postern::gateway
