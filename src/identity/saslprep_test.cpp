#include "identity/saslprep.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "identity/users.hpp"

namespace postern {
namespace {

std::string prepared(std::string_view text, SaslPrepAs as = SaslPrepAs::Stored) {
  const auto out = saslprep_name(text, as);
  return out ? *out : "refused: " + out.error().what;
}
bool refused(std::string_view text, std::string_view reason, SaslPrepAs as = SaslPrepAs::Stored) {
  const auto out = saslprep(text, as, "password");
  return !out && out.error().code == ErrorCode::BadInput && out.error().what.find(reason) != std::string::npos;
}

TEST(SaslPrep, Rfc4013Examples) {                                   // RFC 4013 3
  EXPECT_EQ(prepared("I\xC2\xADX"), "IX");                          // SOFT HYPHEN mapped to nothing
  EXPECT_EQ(prepared("user"), "user");                              // no transformation
  EXPECT_EQ(prepared("USER"), "USER");                              // case preserved, will not match #2
  EXPECT_EQ(prepared("\xC2\xAA"), "a");                             // output is NFKC, input in ISO 8859-1
  EXPECT_EQ(prepared("\xE2\x85\xA8"), "IX");                        // output is NFKC, will match #1
  EXPECT_TRUE(refused("\x07", "may not stand there"));              // Error - prohibited character
  EXPECT_TRUE(refused("\xD8\xA7\x31", "both writing directions"));  // Error - bidirectional check
}

TEST(SaslPrep, MappingAndProhibitedOutput) {
  EXPECT_EQ(prepared("a\xC2\xA0"
                     "b"),
            "a b");                                                  // RFC 4013 2.1: non-ASCII space becomes SPACE
  EXPECT_EQ(prepared("gru\xCC\x88\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");  // 2.2: NFKC composes
  // RFC 4013 2.3: control (ASCII and other), private use, non-character, inappropriate for plain text, change display, tagging
  for (const char* bad :
       {"a\nb", "a\x7f", "a\xC2\x80", "\xEE\x80\x80", "\xEF\xBF\xBE", "\xEF\xBF\xBD", "a\xE2\x80\xAE", "a\xF3\xA0\x80\x81"})
    EXPECT_TRUE(refused(bad, "may not stand there")) << testing::PrintToString(bad);
  EXPECT_TRUE(refused(std::string_view("a\0b", 3), "may not stand there"));
  EXPECT_TRUE(refused("\xFF", "UTF-8"));
  EXPECT_TRUE(refused("", "empty"));
  EXPECT_TRUE(refused("\xC2\xAD\xE2\x81\xA0", "no character that counts"));  // soft hyphen, word joiner
}

TEST(SaslPrep, UnassignedOnlyInQueries) {        // RFC 4013 2.5
  const std::string emoji = "\xF0\x9F\x94\x91";  // U+1F511, younger than Unicode 3.2
  EXPECT_TRUE(refused(emoji, "does not know"));
  EXPECT_EQ(prepared(emoji, SaslPrepAs::Query), emoji);
}

TEST(SaslPrep, LeavesPrintableAsciiAlone) {
  std::string all;
  for (char c = 0x20; c < 0x7f; ++c) all += c;
  EXPECT_EQ(prepared(all), all);
}

TEST(SaslPrep, HoldsTheLongestExpansion) {
  std::string text;
  for (int i = 0; i < 341; ++i) text += "\xEF\xB7\xBA";  // U+FDFA: three bytes become 33
  EXPECT_EQ(prepared(text).size(), 341U * 33);
}

// RFC 5802 2.2 (Normalize), RFC 4616 2: what is compared is the prepared form, on both sides.
TEST(SaslPrep, PasswordsInAnyFormAreOne) {
  FixedRandom random;
  const auto stored = make_scram("gru\xCC\x88\xC3\x9F\xC2\xA0zwei", random, kScramMinIterations).value();
  EXPECT_TRUE(verify_password(stored, "gr\xC3\xBC\xC3\x9F zwei"));
  EXPECT_EQ(stored.stored_key, make_scram("gr\xC3\xBC\xC3\x9F zwei", stored.salt, stored.iterations)->stored_key);
  const auto proof = scram_client_proof("gr\xC3\xBC\xC3\x9F\xC2\xAD zwei", stored.salt, stored.iterations, "message").value();
  EXPECT_TRUE(scram_verify_proof(stored, "message", proof.client_proof));
  EXPECT_EQ(make_scram("pass\xEE\x80\x80word", random).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(verify_password(stored, "pass\xEE\x80\x80word"));
  EXPECT_EQ(scram_client_proof("\xD8\xA7\x31", stored.salt, stored.iterations, "message").error().field, "password");
}

TEST(SaslPrep, NamesInAnyFormAreOneUser) {
  EXPECT_EQ(parse_user_name("Ju\xCC\x88rgen").value(), "j\xC3\xBCrgen");
  EXPECT_EQ(parse_user_name("\xE2\x84\xAAurt").value(), "kurt");  // KELVIN SIGN is a K
  for (const char* bad : {"a\xC2\xA0"
                          "b",
                          "\xC2\xAD", "a\xE2\x80\xAE", "\xD8\xA7\x31", "\xF0\x9F\x94\x91"})
    EXPECT_FALSE(parse_user_name(bad)) << bad;
  MemoryUserStore store;
  FixedRandom random;
  ASSERT_TRUE(store.put({"j\xC3\xBCrgen", make_scram("pencil", random, kScramMinIterations).value(), {"*"}, false}));
  EXPECT_TRUE(authenticate(store, "Ju\xCC\x88RGEN", "pencil"));
  EXPECT_EQ(authenticate(store, "\xD8\xA7\x31", "pencil").error(), authenticate(store, "nobody", "pencil").error());
  EXPECT_TRUE(store.remove("ju\xCC\x88rgen"));
}

}  // namespace
}  // namespace postern
