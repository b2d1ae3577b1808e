#include "api/vault_request.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace postern::api {
namespace {

using vault::Operation;

http::Request ask(std::string method, std::string path, std::string body = {}) {
  http::Request request;
  request.method = std::move(method);
  request.target = request.path = std::move(path);
  request.body = std::move(body);
  return request;
}

vault::Request good(const http::Request& request) {
  auto read = read_vault_request(request, "id");
  if (const auto* refused = std::get_if<http::Response>(&read)) {
    ADD_FAILURE() << refused->status << " " << refused->body;
    return {};
  }
  // Copied out of the wiping memory, which goes with `read`; assigning to the copy's fields would keep that memory.
  const vault::Request& from = std::get<VaultRequest>(read).request;
  vault::Request copy{from.id,
                      from.operation,
                      from.path,
                      boost::json::object(from.data, boost::json::storage_ptr()),
                      from.token,
                      from.ns,
                      from.wrap_ttl,
                      from.wrap_as_jwt,
                      from.remote_address,
                      from.remote_port,
                      from.headers};
  return copy;
}

std::pair<int, std::string> refusal(const http::Request& request) {
  const auto read = read_vault_request(request, "id");
  const auto* refused = std::get_if<http::Response>(&read);
  if (refused == nullptr) return {0, "accepted"};
  return {refused->status, refused->body};
}

TEST(VaultRequest, VerbsBecomeOperations) {
  EXPECT_EQ(good(ask("GET", "/v1/a/b")).operation, Operation::Read);
  EXPECT_EQ(good(ask("HEAD", "/v1/sys/health")).operation, Operation::Read);
  EXPECT_EQ(good(ask("POST", "/v1/a/b")).operation, Operation::Update);
  EXPECT_EQ(good(ask("PUT", "/v1/a/b")).operation, Operation::Update);
  EXPECT_EQ(good(ask("DELETE", "/v1/a/b")).operation, Operation::Delete);
  EXPECT_EQ(good(ask("LIST", "/v1/a/b")).operation, Operation::List);
  EXPECT_EQ(good(ask("HELP", "/v1/a/b")).operation, Operation::Help);
  EXPECT_EQ(refusal(ask("BREW", "/v1/a")).first, 405);
}

TEST(VaultRequest, AListIsAVerbOrAQuery) {
  EXPECT_EQ(good(ask("LIST", "/v1/transit/keys")).path, "transit/keys/");
  auto query = ask("GET", "/v1/transit/keys");
  query.query = {{"list", "true"}};
  EXPECT_EQ(good(query).operation, Operation::List);
  EXPECT_EQ(good(query).path, "transit/keys/");
  query.query = {{"list", "false"}};
  EXPECT_EQ(good(query).operation, Operation::Read);
  query.query = {{"list", "1"}, {"scan", "1"}};
  EXPECT_EQ(refusal(query).first, 400);
  auto write = ask("POST", "/v1/a", "{}");  // a query parameter of a write is none of our business
  write.query = {{"list", "true"}};
  EXPECT_EQ(good(write).operation, Operation::Update);
}

TEST(VaultRequest, TheBodyIsJsonWhateverItsTypeSays) {
  auto text = ask("POST", "/v1/a", R"({"a":1})");
  text.headers.set("Content-Type", "text/plain;charset=UTF-8");
  EXPECT_EQ(good(text).data.at("a").as_int64(), 1);
  text.headers.set("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(good(text).data.at("a").as_int64(), 1);
  text.body = "a=x%20y&b=&c=1+2";
  const auto form = good(text);
  EXPECT_EQ(form.data.at("a").as_string(), "x y");
  EXPECT_EQ(form.data.at("b").as_string(), "");
  EXPECT_EQ(form.data.at("c").as_string(), "1 2");
  EXPECT_TRUE(good(ask("PUT", "/v1/a", "null")).data.empty());
  EXPECT_TRUE(good(ask("PUT", "/v1/a", " ")).data.empty());
}

TEST(VaultRequest, WhatIsNoObjectIsRefused) {
  for (const char* body : {"[1]", "1", "\"x\"", "{", "{\"a\":}", "{\"a\":1}x", "\xff"})
    EXPECT_EQ(refusal(ask("POST", "/v1/a", body)).first, 400) << body;
  const std::string deep = "{\"a\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
  const auto [status, text] = refusal(ask("POST", "/v1/a", deep));
  EXPECT_EQ(status, 400);
  EXPECT_NE(text.find("deep"), std::string::npos) << text;
}

TEST(VaultRequest, QueryParametersAreFieldsOfReads) {
  auto read = ask("GET", "/v1/secret/data/a");
  read.query = {{"version", "3"}};
  EXPECT_EQ(good(read).data.at("version").as_string(), "3");
}

TEST(VaultRequest, TheTokenIsInEitherHeader) {
  auto request = ask("GET", "/v1/a");
  request.headers.set("Authorization", "Bearer s.two");
  EXPECT_EQ(good(request).token, "s.two");
  request.headers.set("X-Vault-Token", "s.one");
  EXPECT_EQ(good(request).token, "s.one");
  request.headers.set("X-Vault-Namespace", std::string(2000, 'x'));
  EXPECT_EQ(refusal(request).first, 400);
}

TEST(VaultRequest, WrappingIsSecondsOrADuration) {
  auto request = ask("GET", "/v1/a");
  request.headers.set("X-Vault-Wrap-TTL", "90");
  EXPECT_EQ(good(request).wrap_ttl, std::chrono::seconds(90));
  request.headers.set("X-Vault-Wrap-TTL", "1h30m");
  EXPECT_EQ(good(request).wrap_ttl, std::chrono::seconds(5400));
  request.headers.set("X-Vault-Wrap-TTL", "0");
  EXPECT_FALSE(good(request).wrap_ttl.has_value());
  request.headers.set("X-Vault-Wrap-TTL", "soon");
  EXPECT_EQ(refusal(request).first, 400);
}

TEST(VaultRequest, PatchWantsItsMediaType) {
  auto request = ask("PATCH", "/v1/secret/data/a", "{}");
  EXPECT_EQ(refusal(request).first, 415);
  request.headers.set("Content-Type", "application/merge-patch+json; charset=utf-8");
  EXPECT_EQ(good(request).operation, Operation::Patch);
}

TEST(VaultRequest, ABadTargetIsRefusedInTheFormOfItsApi) {
  const Error error{ErrorCode::BadInput, "dot segments are not resolved here", "target"};
  EXPECT_NE(refuse_target(error, "/v1/transit/keys/..").body.find("\"errors\""), std::string::npos);
  EXPECT_EQ(refuse_target(error, "/api/v1/..").headers.get("Content-Type"), "application/problem+json");
}

TEST(VaultRequest, PathsAreBounded) {
  EXPECT_EQ(refusal(ask("GET", "/v1/" + std::string(5000, 'a'))).first, 400);
  EXPECT_NE(refusal(ask("PUT", "/v1/secret/a/")).second.find("cannot write to a path ending in '/'"), std::string::npos);
}

}  // namespace
}  // namespace postern::api
