#include "logins/userpass.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "logins/lockout.hpp"
#include "vault/testing/backend_bench.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::BackendBench;
using testing::Outcome;

constexpr std::string_view kInvalid = "invalid username or password";
// A public test vector of crypt_blowfish.
constexpr std::string_view kBcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
constexpr std::string_view kBcryptText = "U*U";

struct UserPassTest : ::testing::Test {
  BackendBench bench{make_userpass};
  Outcome add(json::object settings = {}, const std::string& name = "joe") {
    settings.emplace("password", "s3cret");
    return bench.write("users/" + name, std::move(settings));
  }
  Outcome login(const std::string& password, const std::string& name = "joe") {
    return bench.write("login/" + name, {{"password", password}});
  }
};

TEST_F(UserPassTest, LogsIn) {
  EXPECT_EQ(add({{"policies", "Mail, ops"}, {"token_ttl", "5m"}}).status, 204);
  const Outcome in = login("s3cret", "JOE");
  ASSERT_TRUE(in.grant) << in.error();
  EXPECT_EQ(in.grant->policies, (std::vector<std::string>{"mail", "ops"}));
  EXPECT_EQ(in.grant->ttl, minutes(5));
  EXPECT_EQ(in.grant->alias, "joe");
  EXPECT_EQ(in.grant->display_name, "joe");
  EXPECT_EQ(in.grant->metadata, (std::vector<std::pair<std::string, std::string>>{{"username", "joe"}}));
  bench.restart();
  EXPECT_TRUE(login("s3cret").grant);
}

TEST_F(UserPassTest, WrongOnesLookAlike) {
  add();
  for (const auto& [name, password] : std::vector<std::pair<std::string, std::string>>{
           {"joe", "S3cret"}, {"joe", "s3cret "}, {"nobody", "s3cret"}, {"-", "x"}, {"a b", "x"}}) {
    const Outcome out = login(password, name);
    EXPECT_EQ(out.status, 400);
    EXPECT_EQ(out.error(), kInvalid) << name;
    EXPECT_FALSE(out.grant);
  }
  EXPECT_EQ(login("").error(), "missing password");
  EXPECT_EQ(login("", "nobody").error(), "missing password");
  EXPECT_EQ(login(std::string(100'000, 'x')).error(), kInvalid);
}

TEST_F(UserPassTest, PasswordsAreNotStored) {
  add();
  const std::vector<std::string> paths = bench.storage().walk("").value();
  EXPECT_EQ(paths.size(), 1U);
  for (const std::string& path : paths) {
    const std::string stored(as_text(bench.storage().get(path).value()->view()));
    EXPECT_EQ(stored.find("s3cret"), std::string::npos);
    EXPECT_NE(stored.find("argon2id"), std::string::npos);
  }
  EXPECT_FALSE(bench.read("users/joe").data.contains("password"));
}

TEST_F(UserPassTest, Users) {
  EXPECT_EQ(bench.write("users/joe", {}).error(), "missing password");
  EXPECT_EQ(bench.write("users/joe", {{"password", ""}}).status, 400);
  EXPECT_EQ(add({{"token_policies", "root"}}).status, 400);
  EXPECT_EQ(bench.read("users/joe").status, 404);
  EXPECT_EQ(add().status, 204);
  EXPECT_EQ(add({}, "Joe.Doe+1@example.org").status, 204);
  EXPECT_EQ(bench.list("users").data, (json::object{{"keys", {"joe", "joe.doe+1@example.org"}}}));
  EXPECT_EQ(bench.write("users/joe", {{"token_period", 7}}).status, 204) << "the password stays";
  EXPECT_TRUE(login("s3cret").grant);
  EXPECT_EQ(bench.read("users/joe").data.at("token_period"), 7);
  EXPECT_EQ(bench.write("users/joe/policies", {{"policies", "b,a"}}).status, 204);
  EXPECT_EQ(bench.read("users/joe").data.at("token_policies"), (json::array{"a", "b"}));
  EXPECT_EQ(bench.write("users/joe/policies", {}).status, 400);
  EXPECT_EQ(bench.write("users/joe/password", {{"password", "other"}}).status, 204);
  EXPECT_FALSE(login("s3cret").grant);
  EXPECT_TRUE(login("other").grant);
  EXPECT_EQ(bench.write("users/none/password", {{"password", "x"}}).status, 404);
  EXPECT_EQ(bench.write("users/none/policies", {{"policies", "x"}}).status, 404);
  EXPECT_EQ(bench.remove("users/joe").status, 204);
  EXPECT_EQ(login("other").error(), kInvalid);
  for (const std::string& bad : {std::string("-x"), std::string("x."), std::string("a b"), std::string(129, 'x'), std::string("..")})
    EXPECT_EQ(add({}, bad).status, 400) << bad;
  EXPECT_FALSE(make_userpass({{"x", "y"}}, bench.clock()));
}

TEST_F(UserPassTest, BcryptHashesCanBeBroughtAlong) {
  EXPECT_EQ(bench.write("users/joe", {{"password_hash", kBcrypt}}).status, 204);
  EXPECT_TRUE(login(std::string(kBcryptText)).grant);
  EXPECT_EQ(login("U*V").error(), kInvalid);
  EXPECT_EQ(login(std::string("U*U\0", 4)).error(), kInvalid) << "what follows a NUL counts";
  EXPECT_EQ(bench.write("users/joe", {{"password_hash", kBcrypt}, {"password", "x"}}).status, 400);
  for (std::string bad :
       {std::string("$1$abc"), std::string(kBcrypt) + "x", std::string(60, 'x'), std::string("$2x") + std::string(kBcrypt.substr(3)),
        std::string("$2a$03") + std::string(kBcrypt.substr(6)), std::string("$2a$31") + std::string(kBcrypt.substr(6))})
    EXPECT_EQ(bench.write("users/jim", {{"password_hash", bad}}).status, 400) << bad;
  // bcrypt sees 72 bytes: a longer password must not be as good as its beginning.
  EXPECT_EQ(login(std::string(73, 'U')).error(), kInvalid);
}

TEST_F(UserPassTest, LocksAfterFiveFailures) {
  add();
  for (const char* name : {"joe", "nobody"}) {
    for (int i = 0; i < kLockoutFailures; ++i) EXPECT_EQ(login("wrong", name).error(), kInvalid);
    const Outcome locked = login("s3cret", name);
    EXPECT_EQ(locked.status, 403) << name;
    EXPECT_EQ(locked.error(), "permission denied") << name;
  }
  bench.clock().step(std::chrono::hours(24));  // whoever sets the clock unlocks nothing
  EXPECT_EQ(login("s3cret").status, 403);
  bench.clock().step(-std::chrono::hours(48));
  bench.clock().advance(kLockoutTime - seconds(1));
  EXPECT_EQ(login("s3cret").status, 403);
  bench.clock().advance(seconds(1));
  EXPECT_TRUE(login("s3cret").grant);
  // A new password unlocks.
  for (int i = 0; i < kLockoutFailures; ++i) (void)login("wrong");
  EXPECT_EQ(login("s3cret").status, 403);
  EXPECT_EQ(bench.write("users/joe/password", {{"password", "s3cret"}}).status, 204);
  EXPECT_TRUE(login("s3cret").grant);
}

TEST_F(UserPassTest, SuccessAndTimeForgive) {
  add();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kLockoutFailures - 1; ++i) (void)login("wrong");
    EXPECT_TRUE(login("s3cret").grant);
  }
  for (int i = 0; i < kLockoutFailures - 1; ++i) (void)login("wrong");
  bench.clock().advance(kLockoutReset);
  for (int i = 0; i < kLockoutFailures - 1; ++i) (void)login("wrong");
  EXPECT_TRUE(login("s3cret").grant);
}

TEST_F(UserPassTest, ManyGuessesAtOnceGetNoFurther) {
  add();
  std::atomic<int> checked{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) checked += login("guess").error() == kInvalid ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(checked, kLockoutFailures);
  EXPECT_EQ(login("s3cret").status, 403);
}

TEST_F(UserPassTest, Addresses) {
  add({{"token_bound_cidrs", "10.0.0.0/8"}});
  EXPECT_EQ(login("s3cret").status, 403);
  bench.set_remote_address("10.0.0.1");
  EXPECT_EQ(login("s3cret").grant->bound_cidrs, (std::vector<std::string>{"10.0.0.0/8"}));
}

TEST_F(UserPassTest, Renewal) {
  add({{"token_policies", "a"}, {"token_ttl", 60}});
  const Outcome in = login("s3cret");
  EXPECT_EQ(bench.backend().renew(in.grant->internal)->ttl, seconds(60));
  EXPECT_EQ(bench.write("users/joe/policies", {{"token_policies", "a,b"}}).status, 204);
  EXPECT_EQ(bench.backend().renew(in.grant->internal).error().what, "policies have changed, not renewing");
  EXPECT_EQ(bench.remove("users/joe").status, 204);
  EXPECT_FALSE(bench.backend().renew(in.grant->internal));
}

TEST(LockoutTest, IsBoundedAndKeepsLockedNames) {
  ManualClock clock(wall_from_millis(0));
  Lockout lockout(clock);
  const auto fail_once = [&](const std::string& name) { lockout.begin(name)->failed(); };
  for (int i = 0; i < kLockoutFailures; ++i) fail_once("joe");
  for (std::size_t i = 0; i < kLockoutNames + 1000; ++i) fail_once("invented" + std::to_string(i));
  EXPECT_EQ(lockout.size(), kLockoutNames);
  EXPECT_EQ(lockout.begin("joe").error().code, ErrorCode::Denied);
}

TEST(LockoutTest, OpenAttemptsCount) {
  ManualClock clock(wall_from_millis(0));
  Lockout lockout(clock);
  std::vector<Lockout::Attempt> open;
  for (int i = 0; i < kLockoutFailures; ++i) open.push_back(lockout.begin("joe").value());
  EXPECT_EQ(lockout.begin("joe").error().code, ErrorCode::Exhausted);
  open.pop_back();  // without a verdict
  EXPECT_TRUE(lockout.begin("joe"));
  for (Lockout::Attempt& attempt : open) attempt.succeeded();
  EXPECT_EQ(lockout.size(), 0U);
}

}  // namespace
}  // namespace postern::vault
