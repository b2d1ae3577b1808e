#include "io/endpoint.hpp"

#include <gtest/gtest.h>

#include "io/sockets.hpp"

namespace postern::io {
namespace {

TEST(Endpoint, ReadsAndWritesEveryForm) {
  for (const char* text : {"127.0.0.1:25", "[::1]:25", "0.0.0.0:0", "[2001:db8::1]:65535", "unix:/run/postern.sock"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->text(), text);
  }
  EXPECT_EQ(Endpoint::parse("*:25")->text(), "[::]:25");
}

TEST(Endpoint, RefusesOtherForms) {
  for (const char* text : {"", "25", ":25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:2 5", "::1:25",
                           "[127.0.0.1]:25", "[::1]", "localhost:25", "unix:", "unix:relative", "1.2.3.4.5:1", "[::1%lo]:1"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(Endpoint, SurvivesTheKernelForm) {
  for (const char* text : {"127.0.0.1:25", "[2001:db8::1]:465", "unix:/tmp/x"}) {
    const Endpoint endpoint = *Endpoint::parse(text);
    EXPECT_EQ(from_socket_address(*to_socket_address(endpoint)), endpoint) << text;
  }
  EXPECT_EQ(from_socket_address(*to_socket_address(*Endpoint::parse("[::ffff:192.0.2.1]:25"))).text(), "192.0.2.1:25");
  Endpoint deep;
  deep.path = "/" + std::string(120, 'x');
  EXPECT_EQ(to_socket_address(deep).error().code, ErrorCode::TooLarge);
}

TEST(IpNetwork, ContainsByPrefix) {
  const auto in = [](const char* network, const char* ip) { return IpNetwork::parse(network)->contains(*IpAddress::parse(ip)); };
  EXPECT_TRUE(in("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(in("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(in("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(in("0.0.0.0/0", "203.0.113.1"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(in("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_TRUE(in("127.0.0.0/8", "::ffff:127.0.0.1"));
}

TEST(IpNetwork, RefusesWrongForms) {
  for (const char* text :
       {"", "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/x", "192.0.2/24", "2001:db8::1/64"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
}

TEST(AddressLiteral, HasTheFormOfRfc5321) {
  EXPECT_EQ(address_literal(*IpAddress::parse("192.0.2.1")), "[192.0.2.1]");
  EXPECT_EQ(address_literal(*IpAddress::parse("2001:DB8::1")), "[IPv6:2001:db8::1]");
}

}  // namespace
}  // namespace postern::io
