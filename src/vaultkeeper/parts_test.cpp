// The parts of the client by themselves: answers, the line with its addresses, redirects and patience, the wrapped form, secrets of
// settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "vaultkeeper/client.hpp"
#include "vaultkeeper/testing/fake_vault.hpp"
#include "vaultkeeper/transit_keys.hpp"
#include "vaultkeeper/wrapped_key.hpp"

using namespace postern;
using namespace postern::vaultkeeper;
using postern::vaultkeeper::testing::FakeVault;
using ::testing::HasSubstr;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers ----------------------------------------------------------------------------------------------------------------------------

TEST(Answer, ReadsWhatTheApiSaysAndRefusesTheRest) {
  const auto good = Answer::read(200, as_bytes(R"({"data":{"a":"b","n":3,"f":true,"s":"AQI="},"auth":null})"));
  ASSERT_TRUE(good);
  EXPECT_EQ(*text_of(good->data(), "a"), "b");
  EXPECT_EQ(*number_of(good->data(), "n"), 3);
  EXPECT_TRUE(flag_of(good->data(), "f"));
  EXPECT_FALSE(flag_of(good->data(), "a"));
  EXPECT_EQ(secret_of(good->data(), "s")->size(), 2U);
  EXPECT_FALSE(secret_of(good->data(), "a"));
  EXPECT_EQ(good->auth(), nullptr);
  EXPECT_FALSE(text_of(good->data(), "missing"));
  EXPECT_FALSE(text_of(nullptr, "missing"));
  EXPECT_TRUE(Answer::read(204, {}));
  EXPECT_FALSE(Answer::read(200, as_bytes("<html>a captive portal</html>")));
  EXPECT_FALSE(Answer::read(200, as_bytes("[1]")));
  EXPECT_EQ(Answer::read(502, as_bytes("<html>bad gateway</html>"))->errors(), "");
  EXPECT_FALSE(Answer::read(200, as_bytes(std::string(10'000, '[') + std::string(10'000, ']'))));
  EXPECT_EQ(Answer::read(200, Bytes(kAnswerLimit + 1, ' ')).error().code, ErrorCode::TooLarge);
}

TEST(Answer, ErrorsAreOneShortPrintableLine) {
  const auto bad = Answer::read(403, as_bytes("{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\\n\", 7, \"\\u001b[31m\"]}"));
  EXPECT_EQ(bad->errors(), "1 error occurred: * permission denied; ?[31m");
  const auto longest = Answer::read(400, as_bytes("{\"errors\":[\"" + std::string(100'000, 'x') + "\"]}"));
  EXPECT_LE(longest->errors().size(), 300U);
}

TEST(KeyInfo, RefusesImpossibleDescriptions) {
  const auto read = [](std::string_view text) {
    const auto answer = Answer::read(200, as_bytes(text));
    return read_key_info(KeyName("k"), answer->data());
  };
  EXPECT_TRUE(
      read(R"({"data":{"type":"aes256-gcm96","latest_version":1,"min_decryption_version":1,"min_encryption_version":0,"keys":{"1":5}}})"));
  for (const char* text :
       {R"({"data":null})",
        R"({"data":{"type":"none","latest_version":1,"min_decryption_version":1,"min_encryption_version":0,"keys":{"1":5}}})",
        R"({"data":{"type":"aes256-gcm96","latest_version":2,"min_decryption_version":1,"min_encryption_version":0,"keys":{"1":5}}})",
        R"({"data":{"type":"aes256-gcm96","latest_version":1,"min_decryption_version":1,"min_encryption_version":0,"keys":{"9":5}}})",
        R"({"data":{"type":"aes256-gcm96","latest_version":-1,"min_decryption_version":1,"min_encryption_version":0,"keys":{}}})",
        R"({"data":{"type":"ed25519","latest_version":1,"min_decryption_version":1,"min_encryption_version":0,"keys":{"1":5}}})",
        R"({"data":{"type":"ed25519","latest_version":1,"min_decryption_version":1,"min_encryption_version":0,)"
        R"("keys":{"1":{"public_key":"AAAA"}}}})"})
    EXPECT_FALSE(read(text)) << text;
}

// Refusals ---------------------------------------------------------------------------------------------------------------------------

TEST(Refusal, MeansWhatTheWordsSay) {
  const Ask ask{.path = "transit/sign/k", .body = {}};
  const auto code = [&](unsigned status, std::string_view words) {
    return refusal_of(*Answer::read(status, as_bytes("{\"errors\":[\"" + std::string(words) + "\"]}")), ask, "update").code;
  };
  EXPECT_EQ(code(400, "signing key not found"), ErrorCode::NotFound);
  EXPECT_EQ(code(400, "ciphertext or signature version is disallowed by policy (too old)"), ErrorCode::Denied);
  EXPECT_EQ(code(400, "cipher: message authentication failed"), ErrorCode::IntegrityFailed);
  EXPECT_EQ(code(400, "invalid ciphertext: no prefix"), ErrorCode::BadInput);
  EXPECT_EQ(code(400, "something new"), ErrorCode::Unavailable) << "mail waits, and is not refused for ever";
  EXPECT_EQ(code(500, "requested version for signing is higher than the latest key version"), ErrorCode::NotFound);
  EXPECT_EQ(code(500, "disk on fire"), ErrorCode::Unavailable);
  EXPECT_EQ(code(403, "permission denied"), ErrorCode::Unavailable);
  EXPECT_EQ(code(404, ""), ErrorCode::NotFound);
  EXPECT_EQ(code(404, "no handler for route"), ErrorCode::Unavailable);
}

// The line ---------------------------------------------------------------------------------------------------------------------------

class LineTest : public ::testing::Test {
 protected:
  std::unique_ptr<Line> make(std::vector<std::string> addresses = {"https://one.example:8200", "https://two.example:8200"}) {
    return std::make_unique<Line>(vault, clock, LineOptions{std::move(addresses), "", seconds(5)}, [this](milliseconds span) {
      pauses.push_back(span);
      clock.advance(span);
      return true;
    });
  }
  /// Answers in order, then 200.
  template <class... Replies>
  void answers(Replies... replies) {
    auto queue = std::make_shared<std::vector<Result<Reply>>>();
    (queue->emplace_back(std::move(replies)), ...);
    vault->script = [queue, at = std::size_t{0}](const Envelope&) mutable -> std::optional<Result<Reply>> {
      if (at >= queue->size()) return Result<Reply>(FakeVault::reply(200, {{"data", nullptr}}));
      return std::move((*queue)[at++]);
    };
  }
  static Result<Reply> status(unsigned code) { return FakeVault::error(code, "busy"); }
  static Result<Reply> redirect(const std::string& to) {
    Reply out;
    out.status = 307;
    out.location = to;
    return out;
  }
  static Result<Reply> lost(const char* why, const char* field = "") { return fail(ErrorCode::Unavailable, why, field); }
  static Ask question(bool repeatable = true) { return {.method = "GET", .path = "transit/keys/k", .body = {}, .repeatable = repeatable}; }

  std::shared_ptr<FakeVault> vault = std::make_shared<FakeVault>();
  ManualClock clock{wall_from_millis(1'790'000'000'000)};
  std::vector<milliseconds> pauses;
};

TEST_F(LineTest, BusyNodesAreAskedAgainAndThenTheNext) {
  for (const unsigned code : {412U, 429U, 472U, 473U, 500U, 502U, 503U, 504U}) {
    answers(status(code));
    const auto line = make();
    const auto answer = line->ask(question(), {}, line->deadline());
    ASSERT_TRUE(answer) << code;
    EXPECT_EQ(answer->status(), 200U) << code;
    EXPECT_EQ(line->outage().where, "https://two.example:8200");
  }
  EXPECT_TRUE(pauses.empty()) << "the second address was not busy";
}

TEST_F(LineTest, RetryAfterIsObeyedWithinTheDeadline) {
  Reply slow = FakeVault::error(429, "rate limit");
  slow.retry_after = seconds(2);
  answers(std::move(slow));
  const auto line = make({"https://one.example:8200"});
  EXPECT_TRUE(line->ask(question(), {}, line->deadline()));
  EXPECT_EQ(pauses, std::vector<milliseconds>{seconds(2)});
  Reply slower = FakeVault::error(429, "rate limit");
  slower.retry_after = seconds(20);
  answers(std::move(slower));
  EXPECT_FALSE(line->ask(question(), {}, line->deadline())) << "20 s are not there";
}

TEST_F(LineTest, AServersErrorIsTheAnswerWhenItStays) {
  answers(status(500), status(500), status(500), status(500), status(500), status(500));
  const auto line = make({"https://one.example:8200"});
  const auto answer = line->ask(question(), {}, line->deadline());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), 500U);
  EXPECT_FALSE(line->outage().open) << "it is reachable";
}

TEST_F(LineTest, WhatMayHaveBeenSeenIsNotAskedTwiceUnlessItMay) {
  answers(lost("reset", "sent"));
  const auto line = make();
  EXPECT_FALSE(line->ask(question(false), {}, line->deadline()));
  EXPECT_EQ(vault->urls().size(), 1U);
  EXPECT_FALSE(line->outage().open) << "one lost answer is no outage";
  answers(status(502));
  EXPECT_FALSE(line->ask(question(false), {}, line->deadline())) << "a gateway in between cannot tell";
  answers(lost("refused"));
  EXPECT_TRUE(line->ask(question(false), {}, line->deadline())) << "no connection: surely not seen";
  answers(status(503));
  EXPECT_TRUE(line->ask(question(false), {}, line->deadline()));
}

TEST_F(LineTest, TheBreakerOpensAndTheProbeClosesIt) {
  vault->down = true;
  const auto line = make();
  EXPECT_EQ(line->ask(question(), {}, line->deadline()).error().code, ErrorCode::Unavailable);
  EXPECT_TRUE(line->outage().open);
  const auto asked = vault->urls().size();
  EXPECT_EQ(asked, 6U) << "two addresses, three rounds";
  const auto refused = line->ask(question(), {}, line->deadline());
  EXPECT_EQ(vault->urls().size(), asked);
  EXPECT_THAT(refused.error().what, HasSubstr("https://one.example:8200: connecting: Connection refused; https://two.example:8200"));
  EXPECT_FALSE(line->probe());
  vault->down = false;
  answers(FakeVault::reply(501, {{"initialized", false}}));
  EXPECT_FALSE(line->probe()) << "not initialised";
  EXPECT_TRUE(line->outage().sealed);
  answers(FakeVault::reply(200, {{"sealed", false}}));
  EXPECT_TRUE(line->probe());
  EXPECT_FALSE(line->outage().open);
}

TEST_F(LineTest, SomethingElseThanAVaultIsAnOutage) {
  vault->script = [](const Envelope&) -> std::optional<Result<Reply>> {
    Reply page;
    page.status = 200;
    page.body = SecretBytes::from_text("<html>welcome</html>");
    return page;
  };
  const auto line = make();
  EXPECT_THAT(line->ask(question(), {}, line->deadline()).error().what, HasSubstr("see that the address is that of a Vault"));
}

TEST_F(LineTest, RedirectsAreFollowedToTheActiveNodeAndNowhereElse) {
  answers(redirect("https://active.example:8200/v1/transit/keys/k"));
  const auto line = make({"https://one.example:8200"});
  EXPECT_TRUE(line->ask(question(), {}, line->deadline()));
  EXPECT_EQ(vault->urls().back(), "https://active.example:8200/v1/transit/keys/k");
  const std::string url = "https://one.example:8200/v1/transit/keys/k";
  for (const char* to : {"http://active.example:8200/v1/transit/keys/k", "https://active.example:8200/v1/transit/keys/other",
                         "https://active.example:8200/", "/v1/transit/keys/k", "//evil.example/v1/transit/keys/k",
                         "ftp://x/v1/transit/keys/k", "https://user@evil.example/v1/transit/keys/k", ""})
    EXPECT_FALSE(redirect_target(url, to)) << to;
  EXPECT_TRUE(redirect_target("http://127.0.0.1:1/v1/a", "http://127.0.0.1:2/v1/a"));
  EXPECT_FALSE(redirect_target("http://127.0.0.1:1/v1/a", "http://127.evil.example:2/v1/a"));
  EXPECT_FALSE(redirect_target("http://127.0.0.1:1/v1/a", "http://198.51.100.1:2/v1/a"));
  vault->script = [](const Envelope& e) -> std::optional<Result<Reply>> { return redirect(e.url); };
  EXPECT_FALSE(line->ask(question(), {}, line->deadline())) << "without an end";
}

// The wrapped form -------------------------------------------------------------------------------------------------------------------

TEST(WrappedKey, IsReadBackTheSameAndNothingElseIsRead) {
  const WrappedKey key{{7, Bytes(60, 0xaa)}, Bytes(60, 0xbb)};
  const Bytes bytes = write_wrapped_key(key);
  const auto read = read_wrapped_key(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->by, key.by);
  EXPECT_EQ(read->sealed, key.sealed);
  EXPECT_EQ(write_wrapped_key(*read), bytes);
  for (std::size_t size = 0; size < 7 + 60 + 29; ++size) EXPECT_FALSE(read_wrapped_key(ByteView(bytes).first(size))) << size;
  Bytes other = bytes;
  other[0] = 1;
  EXPECT_THAT(read_wrapped_key(other).error().what, HasSubstr("embedded key engine"));
  EXPECT_FALSE(read_wrapped_key(write_wrapped_key({{0, Bytes(60, 1)}, Bytes(60, 1)}))) << "version 0";
  EXPECT_FALSE(read_wrapped_key(write_wrapped_key({{1, Bytes(kWrapMost + 1, 1)}, Bytes(60, 1)})));
  EXPECT_FALSE(read_wrapped_key(write_wrapped_key({{1, Bytes(60, 1)}, Bytes(kSealedMost + 1, 1)})));
}

TEST(WrappedKey, VaultsTextIsCanonical) {
  const std::string text = ciphertext_text(3, Bytes(60, 9));
  EXPECT_EQ(read_vault_text(text)->text(), text);
  EXPECT_FALSE(read_vault_text("vault:v0:" + base64_encode(Bytes(60, 9)))) << "it would come back as v1";
  EXPECT_FALSE(read_vault_text("vault:v03:" + base64_encode(Bytes(60, 9))));
  EXPECT_FALSE(read_vault_text("vault:v3:AAAA"));
  EXPECT_FALSE(read_vault_text("secret"));
}

TEST(WrappedKey, WhatIsAuthenticatedTellsAllPartsApart) {
  const WrappedBy by{1, Bytes(60, 1)};
  const Bytes one = wrap_aad(by, "key", "data key", as_bytes("m"));
  EXPECT_NE(one, wrap_aad({2, Bytes(60, 1)}, "key", "data key", as_bytes("m")));
  EXPECT_NE(one, wrap_aad({1, Bytes(60, 2)}, "key", "data key", as_bytes("m")));
  EXPECT_NE(one, wrap_aad(by, "key2", "data key", as_bytes("m")));
  EXPECT_NE(one, wrap_aad(by, "key", "private key", as_bytes("m")));
  EXPECT_NE(one, wrap_aad(by, "key", "data key", as_bytes("n")));
}

// Secrets of settings ----------------------------------------------------------------------------------------------------------------

TEST(ReadSecret, TakesOneWordFromFileOrEnvironmentOfOurOwn) {
  const auto path = std::filesystem::temp_directory_path() / ("vk-secret-" + std::to_string(::getpid()));
  const RootKeySource file{RootKeySource::Kind::File, path.string(), {}};
  const auto put = [&](const std::string& text, mode_t mode) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
  };
  put("  s.abc123\n", 0600);
  EXPECT_EQ(as_text(read_secret(file, {}, "keys.vault.secret_id")->view()), "s.abc123");
  put("s.abc123", 0644);
  EXPECT_EQ(read_secret(file, {}, "keys.vault.secret_id").error().code, ErrorCode::Denied);
  put("two words", 0600);
  const auto refused = read_secret(file, {}, "keys.vault.secret_id");
  EXPECT_EQ(refused.error().code, ErrorCode::BadInput);
  EXPECT_THAT(refused.error().text(), ::testing::Not(HasSubstr("words")));
  put("", 0600);
  EXPECT_FALSE(read_secret(file, {}, "s"));
  put(std::string(5000, 'x'), 0600);
  EXPECT_FALSE(read_secret(file, {}, "s"));
  std::filesystem::remove(path);
  EXPECT_EQ(read_secret(file, {}, "s").error().code, ErrorCode::NotFound);
  ::setenv("VK_WORD", "word", 1);
  EXPECT_TRUE(read_secret({RootKeySource::Kind::Environment, "VK_WORD", {}}, {}, "s"));
  ::setenv("VK_WORD", "", 1);
  EXPECT_FALSE(read_secret({RootKeySource::Kind::Environment, "VK_WORD", {}}, {}, "s"));
  EXPECT_EQ(read_secret({RootKeySource::Kind::Environment, "VK_NONE", {}}, {}, "s").error().code, ErrorCode::NotFound);
}

}  // namespace
