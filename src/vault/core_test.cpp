// The order of things, and the shape of every answer and refusal.
#include "vault/core.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "vault/testing/world.hpp"

namespace postern::vault {
namespace {

using boost::json::object;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Seen;
using ::testing::SizeIs;
using testing::World;

class CoreTest : public ::testing::Test {
 protected:
  World w;
};

TEST_F(CoreTest, TheEnvelopeHasAllItsKeys) {
  EXPECT_EQ(w.write("notes/a", {{"text", "one \"two\" \n\x01 \xc3\xa4"}}).status, 204);
  const Seen read = w.read("notes/a");
  EXPECT_EQ(read.status, 200);
  std::vector<std::string> keys;
  for (const auto& member : read.body.as_object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys,
              ElementsAre("request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth", "mount_type"));
  EXPECT_EQ(read.str("/data/text"), "one \"two\" \n\x01 \xc3\xa4");
  EXPECT_EQ(read.str("/request_id").size(), 36U);
  EXPECT_EQ(read.str("/lease_id"), "");
  EXPECT_TRUE(read.at("/auth").is_null() && read.at("/warnings").is_null() && read.at("/wrap_info").is_null());
}

TEST_F(CoreTest, NothingIsNoContentAndNothingFoundAnEmptyError) {
  EXPECT_EQ(w.remove("notes/none").status, 204);
  EXPECT_EQ(w.remove("notes/none").text, "");
  for (const Seen& nothing : {w.read("notes/none"), w.list("notes/none")}) {
    EXPECT_EQ(nothing.status, 404);
    EXPECT_EQ(nothing.text, R"({"errors":[]})");
  }
}

TEST_F(CoreTest, ErrorsOfHandlersAndTheirStatus) {
  const std::vector<std::pair<const char*, int>> expected = {{"bad", 400},     {"large", 400}, {"conflict", 400},  {"denied", 403},
                                                             {"missing", 404}, {"full", 429},  {"integrity", 400}, {"away", 503},
                                                             {"late", 504},    {"other", 400}};
  for (const auto& [how, status] : expected) {
    const Seen seen = w.read(std::string("notes/broken/") + how);
    EXPECT_EQ(seen.status, status) << how;
    EXPECT_EQ(seen.text, "{\"errors\":[\"it is " + std::string(how) + "\"]}");
  }
  for (const char* how : {"internal", "throw"}) {
    const Seen seen = w.read(std::string("notes/broken/") + how);
    EXPECT_EQ(seen.status, 500);
    EXPECT_THAT(seen.text, AllOf(Not(HasSubstr("SECRET")), Not(HasSubstr("it is"))));
  }
}

TEST_F(CoreTest, AnswersOfEveryKind) {
  const Seen partly = w.read("notes/broken/partly");
  EXPECT_EQ(partly.status, 400);
  EXPECT_EQ(partly.text, R"({"errors":["one failed"],"data":{"done":1}})");
  const Seen gone = w.read("notes/broken/gone");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.str("/data/deleted"), "true");
  const Seen raw = w.read("notes/broken/raw");
  EXPECT_EQ(raw.text, "as it is");
  EXPECT_EQ(raw.content_type, "text/plain");
  const Seen warned = w.read("notes/broken/warned");
  EXPECT_EQ(warned.status, 200);
  EXPECT_EQ(warned.str("/warnings/0"), "mind \"this\"");
  EXPECT_TRUE(warned.at("/data").is_null());
}

TEST_F(CoreTest, UnknownMountsPathsAndOperations) {
  EXPECT_EQ(w.read("nowhere/x").error(), "no handler for route \"nowhere/x\". route entry not found.");
  EXPECT_EQ(w.read("nowhere/x").status, 404);
  EXPECT_EQ(w.read("sys/no-such-thing").status, 404);
  EXPECT_EQ(w.read("sys/no-such-thing").error(), "1 error occurred:\n\t* unsupported path\n\n");
  EXPECT_EQ(w.remove("sys/key-status").status, 405);
  EXPECT_EQ(w.remove("sys/key-status").error(), "1 error occurred:\n\t* unsupported operation\n\n");
  // Who may not ask is not told what there is.
  for (const std::string& token : {std::string(), std::string("hvs.guess"), w.token({{"policies", "default"}})}) {
    for (const char* path : {"nowhere/x", "sys/no-such-thing", "notes/a"}) EXPECT_EQ(w.read(path, token).status, 403) << path;
  }
}

TEST_F(CoreTest, PathTricks) {
  w.write("notes/closed", {{"text", "S3CRET"}});
  const std::string guest = w.limited(
      R"(path "notes/*" { capabilities = ["read", "create", "update", "list"] } path "notes/closed" { capabilities = ["deny"] })");
  for (const std::string& path :
       {std::string("notes/../notes/closed"), std::string("notes/./closed"), std::string("notes//closed"), std::string("/notes/closed"),
        std::string("notes/closed\0", 13), std::string("notes/closed/"), std::string("notes/x/../closed"), std::string("notes/a\n"),
        std::string("notes/\xff"), std::string(), std::string("/"), "notes/" + std::string(5000, 'x'), std::string("..")}) {
    const Seen seen = w.read(path, guest);
    EXPECT_TRUE(seen.status >= 400 && seen.status < 500) << path << " " << seen.text;
    EXPECT_THAT(seen.text, Not(HasSubstr("S3CRET")));
  }
  EXPECT_EQ(w.write("notes/folder/").error(), "cannot write to a path ending in '/'");
  EXPECT_EQ(w.write("notes/folder/").status, 400);
}

TEST_F(CoreTest, OnlyTheRootNamespace) {
  for (const auto& [ns, status] : std::vector<std::pair<std::string, int>>{{"", 200}, {"root", 200}, {"root/", 200}, {"team", 404}}) {
    Request request;
    request.path = "sys/mounts";
    request.token = w.root;
    request.ns = ns;
    EXPECT_EQ(w.send(std::move(request)).status, status) << ns;
  }
}

TEST_F(CoreTest, CreateAndUpdateAreTwoCapabilities) {
  const std::string creator = w.limited(R"(path "notes/*" { capabilities = ["create"] })");
  const std::string updater = w.limited(R"(path "notes/*" { capabilities = ["update"] })");
  EXPECT_EQ(w.write("notes/new", {}, updater).status, 403);
  EXPECT_EQ(w.write("notes/new", {}, creator).status, 204);
  EXPECT_EQ(w.write("notes/new", {}, creator).status, 403);
  EXPECT_EQ(w.write("notes/new", {}, updater).status, 204);
}

TEST_F(CoreTest, FieldsAreJudgedAfterPolicy) {
  const std::string guest = w.token({{"policies", "default"}});
  EXPECT_EQ(w.write("notes/a", {{"count", "many"}}, guest).status, 403);
  const Seen bad = w.write("notes/a", {{"count", "many"}});
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.error(), HasSubstr("error converting input for field \"count\""));
}

TEST_F(CoreTest, ListsAreAskedWithASlash) {
  w.write("notes/folder/one");
  const std::string guest = w.limited(R"(path "notes/folder/" { capabilities = ["list"] })");
  EXPECT_EQ(w.list("notes/folder", guest).str("/data/keys"), R"(["one"])");
  EXPECT_EQ(w.list("notes/folder/", guest).status, 200);
  EXPECT_EQ(w.list("notes/other", guest).status, 403);
}

TEST_F(CoreTest, HelpWantsAToken) {
  EXPECT_EQ(w.call(Operation::Help, "notes/a", {}, "").status, 403);
  EXPECT_TRUE(w.call(Operation::Help, "notes/a", {}, w.root).at("/help").is_string());
  EXPECT_THAT(w.call(Operation::Help, "notes", {}, w.root).str("/help"), HasSubstr("{path...}"));
  EXPECT_EQ(w.call(Operation::Help, "sys/no-such", {}, w.root).status, 404);
}

TEST_F(CoreTest, WhatIsQuick) {
  const auto is_quick = [this](Request request) {
    AuditReceipt receipt;
    return w.core->handle_if_quick(request, receipt).has_value();
  };
  Request request;
  request.path = "notes/keys";
  request.token = w.root;
  (void)w.read("notes/keys");
  EXPECT_TRUE(is_quick(request));
  request.wrap_ttl = std::chrono::seconds(60);
  EXPECT_FALSE(is_quick(request));
  request.wrap_ttl.reset();
  request.token = "hvs.unknown";
  EXPECT_FALSE(is_quick(request));
  request.token = w.token({{"num_uses", 5}});
  (void)w.read("notes/keys", request.token);
  EXPECT_FALSE(is_quick(request));
  request.token = w.root;
  request.path = "notes/other";
  EXPECT_FALSE(is_quick(request));
  request.path = "notes/keys";
  w.core->seal();
  EXPECT_FALSE(is_quick(request));
}

TEST_F(CoreTest, WhatIsNotQuickIsLeftAlone) {
  const auto try_it = [&](std::string path, std::string token) {
    Request request;
    request.path = std::move(path);
    request.token = std::move(token);
    request.remote_address = "192.0.2.7";
    AuditReceipt receipt;
    const auto reply = w.core->handle_if_quick(request, receipt);
    return reply ? reply->status : 0;
  };
  (void)w.read("notes/keys");
  const std::size_t lines = w.sink->lines().size();
  EXPECT_EQ(try_it("notes/other", w.root), 0);
  EXPECT_EQ(try_it("notes/keys", "hvs.unknown"), 0);
  EXPECT_EQ(try_it("notes/keys", ""), 0);
  EXPECT_EQ(try_it("notes/../keys", w.root), 0);
  EXPECT_EQ(try_it("no-such/keys", w.root), 0);
  EXPECT_EQ(w.sink->lines().size(), lines) << "nothing has happened";
  EXPECT_EQ(try_it("notes/keys", w.root), 200);
  EXPECT_EQ(w.sink->lines().size(), lines + 2);
  const std::string spent = w.token({{"num_uses", 2}});
  EXPECT_EQ(try_it("notes/keys", spent), 0);
  const std::string limited = w.limited(R"(path "notes/other" { capabilities = ["read"] })");
  (void)w.read("notes/keys", limited);
  EXPECT_EQ(try_it("notes/keys", limited), 403) << "policies hold here too";
  w.core->seal();
  EXPECT_EQ(try_it("notes/keys", w.root), 0);
}

// Audit ------------------------------------------------------------------------------------------------------------------------------

TEST_F(CoreTest, TwoLinesForEachRequestAndNoSecretInThem) {
  const std::size_t before = w.sink->lines().size();
  w.write("notes/a", {{"text", "S3CRET"}});
  const std::vector<std::string> lines = w.sink->lines();
  ASSERT_EQ(lines.size(), before + 2);
  EXPECT_THAT(lines[before], HasSubstr(R"("type":"request")"));
  EXPECT_THAT(lines[before + 1], HasSubstr(R"("type":"response")"));
  for (const std::string& line : lines) EXPECT_THAT(line, AllOf(Not(HasSubstr("S3CRET")), Not(HasSubstr(w.root)), Not(HasSubstr(w.share))));
}

TEST_F(CoreTest, RefusalsAreRecorded) {
  const std::size_t before = w.sink->lines().size();
  (void)w.read("notes/a", "hvs.guess");
  (void)w.read("notes/a", w.token({{"policies", "default"}}));
  const std::vector<std::string> lines = w.sink->lines();
  ASSERT_EQ(lines.size(), before + 6);
  EXPECT_THAT(lines[before + 1], HasSubstr("permission denied"));
  EXPECT_THAT(lines.back(), HasSubstr("permission denied"));
}

TEST_F(CoreTest, NothingIsDoneThatIsNotRecorded) {
  w.sink->refusing = true;
  const Seen refused = w.write("notes/a", {{"text", "x"}});
  EXPECT_EQ(refused.status, 500);
  EXPECT_THAT(refused.error(), HasSubstr("audit"));
  EXPECT_EQ(w.read("sys/health", "").status, 200);
  w.sink->refusing = false;
  EXPECT_EQ(w.read("notes/a").status, 404);
}

TEST_F(CoreTest, AnAnswerThatIsNotRecordedIsNotSentAndGrantsNothing) {
  w.sink->refuse_type = "response";
  w.sink->refusing = true;
  const Seen login = w.write("auth/door/login/eve", {{"word", "please"}, {"policies", "default"}}, "");
  EXPECT_EQ(login.status, 500);
  EXPECT_THAT(login.text, Not(HasSubstr("hvs.")));
  EXPECT_EQ(w.write("auth/token/create", {{"policies", "default"}}).status, 500);
  w.sink->refusing = false;
  EXPECT_THAT(w.list("auth/token/accessors").at("/data/keys").as_array(), SizeIs(1));  // root alone
}

// Life -------------------------------------------------------------------------------------------------------------------------------

TEST(CoreLife, BeforeInitialization) {
  World w(false);
  EXPECT_EQ(w.read("sys/init", "").text, R"({"initialized":false})");
  EXPECT_EQ(w.read("sys/health", "").status, 501);
  EXPECT_EQ(w.call(Operation::Read, "sys/health", {{"uninitcode", "299"}}, "").status, 299);
  const Seen mounts = w.read("sys/mounts", "x");
  EXPECT_EQ(mounts.status, 503);
  EXPECT_EQ(mounts.error(), "Vault is sealed");
  const Seen unsealed = w.write("sys/unseal", {{"key", std::string(66, '0')}}, "");
  EXPECT_TRUE(unsealed.status >= 400 && unsealed.status < 500) << unsealed.text;
  for (const object& bad :
       {object{}, object{{"secret_shares", 2}, {"secret_threshold", 3}}, object{{"secret_shares", 256}, {"secret_threshold", 2}},
        object{{"secret_shares", -1}, {"secret_threshold", -1}}, object{{"secret_shares", 5}, {"secret_threshold", 1}},
        object{{"secret_shares", "many"}, {"secret_threshold", 2}},
        object{{"secret_shares", 1}, {"secret_threshold", 1}, {"pgp_keys", {"x"}}}}) {
    EXPECT_EQ(w.write("sys/init", bad, "").status, 400) << bad;
  }
  const Seen made = w.write("sys/init", {{"secret_shares", "3"}, {"secret_threshold", 2}}, "");
  EXPECT_EQ(made.status, 200);
  EXPECT_THAT(made.at("/keys").as_array(), SizeIs(3));
  EXPECT_THAT(made.at("/keys_base64").as_array(), SizeIs(3));
  EXPECT_EQ(made.str("/root_token").size(), kServiceToken);
  EXPECT_EQ(w.write("sys/init", {{"secret_shares", 1}, {"secret_threshold", 1}}, "").error(), "Vault is already initialized");
  EXPECT_EQ(w.read("sys/health", "").status, 503);
  EXPECT_EQ(w.write("sys/unseal", {{"key", made.str("/keys/0")}}, "").str("/progress"), "1");
  EXPECT_EQ(w.write("sys/unseal", {{"reset", true}}, "").str("/progress"), "0");
  for (const char* bad : {"", "zz", "!"}) EXPECT_EQ(w.write("sys/unseal", {{"key", bad}}, "").status, 400);
  (void)w.write("sys/unseal", {{"key", made.str("/keys_base64/2")}}, "");
  const Seen opened = w.write("sys/unseal", {{"key", made.str("/keys/1")}}, "");
  EXPECT_EQ(opened.str("/sealed"), "false");
  EXPECT_EQ(w.read("auth/token/lookup-self", made.str("/root_token")).str("/data/policies"), R"(["root"])");
  EXPECT_EQ(w.read("sys/health", "").status, 200);
  EXPECT_EQ(w.call(Operation::Read, "sys/health", {{"activecode", "many"}}, "").status, 400);
}

TEST(CoreLife, ACrashAnywhereInTheFirstOpeningLeavesAWholeVault) {
  for (std::size_t nth = 1; nth < 20; ++nth) {
    World w(false);
    auto made = w.core->initialize({1, 1}).value();
    w.root = made.root_token;
    w.share = hex_encode(made.keys.shares.front().view());
    w.store.fail_apply(nth, test::MemorySealedStore::Cut::After, true);
    w.unseal();
    const bool whole = w.core->is_open();
    w.store.restart();
    w.restart();
    w.unseal();
    EXPECT_EQ(w.write("notes/a", {{"text", "kept"}}).status, 204) << "cut in write " << nth;
    EXPECT_EQ(w.write("auth/door/login/kim", {{"word", "please"}}, "").status, 200) << "cut in write " << nth;
    if (whole) return;
  }
  FAIL() << "the first opening takes more than 20 writes: look further";
}

TEST(CoreLife, WhatTheProductUsesComesBackWhenATableLostIt) {
  World w;
  w.restart(false);
  w.unseal();
  ASSERT_EQ(w.remove("sys/mounts/notes").status, 204);
  w.restart(true);
  w.unseal();
  EXPECT_EQ(w.write("notes/a", {{"text", "kept"}}).status, 204);
  EXPECT_EQ(w.remove("sys/mounts/notes").status, 400);
}

TEST(CoreLife, TheTokenIsKeptBeforeTheVaultExists) {
  World w(false);
  std::string kept;
  const auto refuse = [&](std::string_view token, const InitResult& /*keys*/) -> Status {
    kept = token;
    return fail(ErrorCode::Unavailable, "injected: the disk is full");
  };
  EXPECT_EQ(w.core->initialize({1, 1}, refuse).error().what, "injected: the disk is full");
  EXPECT_EQ(kept.size(), kServiceToken);
  EXPECT_EQ(w.read("sys/init", "").text, R"({"initialized":false})");
}

TEST_F(CoreTest, SealedMeansSealedAndARestartForgetsNothing) {
  w.write("notes/a", {{"text", "kept"}});
  const std::string child = w.token({{"policies", "default"}});
  EXPECT_EQ(w.write("sys/seal", {}, child).status, 403);
  EXPECT_EQ(w.write("sys/seal").status, 204);
  EXPECT_EQ(w.read("notes/a").error(), "Vault is sealed");
  EXPECT_EQ(w.read("notes/a").status, 503);
  EXPECT_EQ(w.read("sys/leader", "").status, 503);
  w.unseal();
  EXPECT_EQ(w.read("notes/a").str("/data/text"), "kept");
  w.restart();
  EXPECT_EQ(w.read("sys/seal-status", "").str("/sealed"), "true");
  w.unseal();
  EXPECT_EQ(w.read("notes/a").str("/data/text"), "kept");
  EXPECT_EQ(w.read("auth/token/lookup-self", child).status, 200);
}

TEST_F(CoreTest, ARootTokenFromTheShares) {
  const Seen started = w.write("sys/generate-root/attempt", {}, "");
  EXPECT_EQ(started.status, 200) << started.text;
  EXPECT_EQ(started.at("/otp_length").as_int64(), static_cast<std::int64_t>(started.str("/otp").size()));
  EXPECT_EQ(w.read("sys/generate-root/attempt", "").str("/otp"), "");
  const Seen done = w.write("sys/generate-root/update", {{"key", w.share}, {"nonce", started.str("/nonce")}}, "");
  ASSERT_EQ(done.str("/complete"), "true") << done.text;
  std::string encoded = done.str("/encoded_token");
  encoded.append((4 - encoded.size() % 4) % 4, '=');
  Bytes token = base64_decode(encoded).value();
  const std::string otp = started.str("/otp");
  for (std::size_t at = 0; at < token.size(); ++at) token[at] = static_cast<Byte>(token[at] ^ static_cast<Byte>(otp[at]));
  EXPECT_EQ(w.read("auth/token/lookup-self", std::string(as_text(token))).str("/data/policies"), R"(["root"])");
}

TEST_F(CoreTest, RekeyWantsSudo) {
  EXPECT_EQ(w.write("sys/rekey/init", {{"secret_shares", 2}, {"secret_threshold", 2}}, "").status, 403);
  const Seen started = w.write("sys/rekey/init", {{"secret_shares", 2}, {"secret_threshold", 2}});
  ASSERT_EQ(started.status, 200) << started.text;
  EXPECT_EQ(w.write("sys/rekey/update", {{"key", w.share}, {"nonce", "other"}}).status, 400);
  const Seen done = w.write("sys/rekey/update", {{"key", w.share}, {"nonce", started.str("/nonce")}});
  EXPECT_EQ(done.str("/complete"), "true") << done.text;
  EXPECT_THAT(done.at("/keys").as_array(), SizeIs(2));
}

TEST_F(CoreTest, TheBarrierRotates) {
  const std::int64_t term = w.read("sys/key-status").at("/data/term").as_int64();
  EXPECT_EQ(w.write("sys/rotate").status, 204);
  const Seen after = w.read("sys/key-status");
  EXPECT_EQ(after.at("/data/term").as_int64(), term + 1);
  EXPECT_EQ(after.at("/term"), after.at("/data/term"));  // on top, too
  EXPECT_EQ(w.write("sys/rotate/config", {{"interval", "48h"}}).status, 204);
  EXPECT_EQ(w.read("sys/rotate/config").str("/data/interval"), "172800");
  EXPECT_EQ(w.write("sys/rotate/config", {{"interval", "1h"}}).status, 400);
}

TEST(CoreThreads, SealingWaitsForRequestsAndNothingGetsThrough) {
  World w;
  w.write("notes/a", {{"text", "x"}});
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&] {
      while (!stop) {
        const int status = w.read("notes/a").status;
        EXPECT_TRUE(status == 200 || status == 503) << status;
        ++answered;
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    const int before = answered;
    while (answered < before + 20) std::this_thread::yield();
    w.core->seal();
    EXPECT_EQ(w.read("notes/a").status, 503);
    w.unseal();
    EXPECT_EQ(w.read("notes/a").status, 200);
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace postern::vault
