// S/MIME with keys that stay in the keeper: certificates of our own authority, handles instead of keys.
#include <gtest/gtest.h>

#include "keys/evp_handle.hpp"
#include "keys/key_store.hpp"
#include "keys/transit_keeper.hpp"
#include "pki/authority.hpp"
#include "seal/smime.hpp"
#include "seal/test_certificates.hpp"

namespace postern {
namespace {

const std::string kMessage = "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: s\r\n\r\nMARKER-7f3a\r\n";

class SmimeWithKeeper : public ::testing::TestWithParam<KeyType> {
 protected:
  SmimeIdentity identity(const std::string& name, const std::string& email) {
    const Identity made = authority->email_identity(KeyName(name), {.emails = {email}, .name = {}}, GetParam()).value();
    return {made.chain, std::shared_ptr<EVP_PKEY>(evp_handle(keeper, made.key, made.version).value())};
  }

  MemoryCertificateStore certificates;
  ManualClock clock{test::kNow};
  FixedRandom random;
  Limits limits;
  std::shared_ptr<Keeper> keeper = make_memory_keeper(clock).value();
  std::shared_ptr<Authority> authority = Authority::open(keeper, certificates, clock, random).value();
  SealContext context{test::kNow, random, limits};
};

TEST_P(SmimeWithKeeper, SealsAndOpens) {
  const SmimeIdentity alice = identity("alice", "alice@example.org");
  const std::vector<SmimeIdentity> bob{identity("bob", "bob@example.net")};
  const auto sealed = smime_sign_encrypt(kMessage, alice, std::span(bob.front().chain).first(1), {}, context);
  ASSERT_TRUE(sealed) << sealed.error().text();
  EXPECT_EQ(sealed->find("MARKER"), std::string::npos);
  const auto opened = smime_decrypt(*sealed, bob, context);
  ASSERT_TRUE(opened) << opened.error().text();
  const std::vector<Certificate> roots{authority->root()};
  const auto verified = smime_verify(opened->message, {.roots = roots}, context);
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_TRUE(verified->valid()) << verified->reason();
}

INSTANTIATE_TEST_SUITE_P(Keys, SmimeWithKeeper, ::testing::Values(KeyType::Rsa2048, KeyType::EcdsaP256, KeyType::EcdsaP384));

}  // namespace
}  // namespace postern
