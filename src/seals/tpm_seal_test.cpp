// Against swtpm, started here.
#include "seals/tpm_seal.hpp"

#include <gtest/gtest.h>
#include <tss2/tss2_tctildr.h>

#include <algorithm>

#include "seals/deadline_seal.hpp"
#include "seals/testing/devices.hpp"

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);

class TpmSealTest : public ::testing::Test {
 protected:
  std::unique_ptr<Seal> seal(std::string_view options = "") const {
    return make_tpm_seal({.name = "", .address = parse_tpm_address("tpm2:" + m_tpm.tcti() + std::string(options)).value()});
  }
  /// Something else was started on this machine.
  void extend(ESYS_TR pcr) const {
    with_tpm([&](ESYS_CONTEXT* tpm) {
      TPML_DIGEST_VALUES digests{};
      digests.count = 1;
      digests.digests[0].hashAlg = TPM2_ALG_SHA256;
      digests.digests[0].digest.sha256[0] = 1;
      return Esys_PCR_Extend(tpm, pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digests);
    });
  }
  template <class Use>
  void with_tpm(Use use) const {
    TSS2_TCTI_CONTEXT* tcti = nullptr;
    ESYS_CONTEXT* tpm = nullptr;
    ASSERT_EQ(Tss2_TctiLdr_Initialize(m_tpm.tcti().c_str(), &tcti), TSS2_RC_SUCCESS);
    ASSERT_EQ(Esys_Initialize(&tpm, tcti, nullptr), TSS2_RC_SUCCESS);
    EXPECT_EQ(use(tpm), TSS2_RC_SUCCESS);
    Esys_Finalize(&tpm);
    Tss2_TctiLdr_Finalize(&tcti);
  }
  static TpmRecipe recipe_of(ByteView blob) { return read_tpm_recipe(read_blob(blob)->recipe).value(); }

  testing::SwTpm m_tpm;
};

void expect_opens(Seal& seal, ByteView blob) {
  const auto back = seal.unwrap(blob);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(std::ranges::equal(back->view(), kRoot));
}

TEST_F(TpmSealTest, OpensWhatItSealedAlsoAfterARestart) {
  const auto plain = seal();
  EXPECT_EQ(plain->type(), "tpm");
  const auto blob = plain->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  EXPECT_NE(*blob, plain->wrap(kRoot).value());
  m_tpm.restart();
  expect_opens(*plain, *blob);
  extend(ESYS_TR_PCR7);
  expect_opens(*plain, *blob);
  // Handles are given back: a TPM has room for three objects and three sessions.
  for (int i = 0; i < 8; ++i) expect_opens(*plain, *blob);
}

TEST_F(TpmSealTest, AChangedPcrIsNamed) {
  extend(ESYS_TR_PCR0);
  const auto bound = seal(";pcrs=0,4,7,11");
  const auto blob = bound->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  EXPECT_EQ(recipe_of(*blob).pcrs.size(), 4U);
  extend(ESYS_TR_PCR8);
  expect_opens(*seal(), *blob);
  extend(ESYS_TR_PCR7);
  extend(ESYS_TR_PCR11);
  const auto changed = bound->unwrap(*blob);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::Denied);
  EXPECT_NE(changed.error().what.find("changed PCRs: 7, 11"), std::string::npos) << changed.error().what;
  m_tpm.restart();
  extend(ESYS_TR_PCR0);
  expect_opens(*bound, *blob);
}

// What the blob says of the PCRs is for the message; the TPM itself has to refuse.
TEST_F(TpmSealTest, TheTpmRefusesByItself) {
  const auto bound = seal(";pcrs=7");
  const Bytes blob = bound->wrap(kRoot).value();
  extend(ESYS_TR_PCR7);
  TpmDevice tpm = TpmDevice::open(m_tpm.tcti()).value();
  const TpmHandle parent = tpm.storage_key(0).value();
  const TpmHandle session = tpm.session(parent, TpmDevice::SessionKind::Hmac).value();
  const TpmRecipe recipe = recipe_of(blob);
  EXPECT_EQ(tpm.unseal(parent, session, recipe.sealed, recipe.pcrs).error().code, ErrorCode::Denied);
  EXPECT_EQ(tpm.unseal(parent, session, recipe.sealed, {}).error().code, ErrorCode::Denied);
  TpmRecipe lying = recipe;
  lying.pcrs = tpm.read_pcrs(session, {7}).value();
  EXPECT_EQ(tpm.unseal(parent, session, lying.sealed, lying.pcrs).error().code, ErrorCode::Denied);
}

TEST_F(TpmSealTest, EveryPcrAtOnce) {
  const auto all = seal(";pcrs=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23");
  const auto blob = all->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  EXPECT_EQ(recipe_of(*blob).pcrs[23].index, 23);
  expect_opens(*all, *blob);
  extend(ESYS_TR_PCR16);
  EXPECT_NE(all->unwrap(*blob).error().what.find("PCRs: 16)"), std::string::npos);
}

TEST_F(TpmSealTest, ChangedBlobsDoNotOpen) {
  const auto bound = seal(";pcrs=7");
  const Bytes blob = bound->wrap(kRoot).value();
  for (std::size_t i = 0; i < blob.size(); i += 5) {
    Bytes changed = blob;
    changed[i] ^= 0x10;
    EXPECT_FALSE(bound->unwrap(changed)) << "byte " << i;
  }
  TpmRecipe recipe = recipe_of(blob);
  recipe.sealed.private_area.back() ^= 1;
  const Bytes forged = lock_blob(BlobKind::Tpm, write_tpm_recipe(recipe), Bytes(32, 1), kRoot).value();
  EXPECT_EQ(bound->unwrap(forged).error().code, ErrorCode::IntegrityFailed);
}

TEST_F(TpmSealTest, AnotherTpmIsTold) {
  const Bytes blob = seal()->wrap(kRoot).value();
  const testing::SwTpm other;
  const auto moved = make_tpm_seal({.name = "", .address = {.tcti = other.tcti()}})->unwrap(blob);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::IntegrityFailed);
  EXPECT_NE(moved.error().what.find("another TPM"), std::string::npos);
}

TEST_F(TpmSealTest, APersistentStorageKey) {
  EXPECT_FALSE(seal(";parent=0x81000001")->wrap(kRoot));
  with_tpm([](ESYS_CONTEXT* tpm) {
    TPM2B_PUBLIC wanted{};
    wanted.publicArea.type = TPM2_ALG_RSA;
    wanted.publicArea.nameAlg = TPM2_ALG_SHA256;
    wanted.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                         TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    auto& rsa = wanted.publicArea.parameters.rsaDetail;
    rsa.symmetric.algorithm = TPM2_ALG_AES;
    rsa.symmetric.keyBits.aes = 128;
    rsa.symmetric.mode.aes = TPM2_ALG_CFB;
    rsa.scheme.scheme = TPM2_ALG_NULL;
    rsa.keyBits = 2048;
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION none{};
    ESYS_TR key = ESYS_TR_NONE, kept = ESYS_TR_NONE;
    const TSS2_RC made = Esys_CreatePrimary(tpm, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &wanted,
                                            &outside, &none, &key, nullptr, nullptr, nullptr, nullptr);
    if (made != TSS2_RC_SUCCESS) return made;
    const TSS2_RC put = Esys_EvictControl(tpm, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, 0x81000001, &kept);
    Esys_FlushContext(tpm, key);
    return put;
  });
  const auto blob = seal(";parent=0x81000001;pcrs=7")->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  // The setting may forget the handle: the blob does not.
  expect_opens(*seal(), *blob);
}

TEST_F(TpmSealTest, AnOwnerPasswordIsExplained) {
  with_tpm([](ESYS_CONTEXT* tpm) {
    TPM2B_AUTH password{};
    password.size = 4;
    password.buffer[0] = password.buffer[3] = 7;  // a TPM drops zeros at the end
    return Esys_HierarchyChangeAuth(tpm, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &password);
  });
  const Error error = seal()->wrap(kRoot).error();
  EXPECT_EQ(error.code, ErrorCode::Denied);
  EXPECT_NE(error.what.find("parent="), std::string::npos) << error.what;
}

TEST_F(TpmSealTest, ATpmThatIsGoneOrStuck) {
  const Bytes blob = seal()->wrap(kRoot).value();
  {
    const auto bounded = with_deadline(seal(), std::chrono::milliseconds(100));
    m_tpm.freeze();
    const Error stuck = bounded->unwrap(blob).error();
    EXPECT_EQ(stuck.code, ErrorCode::Unavailable);
    EXPECT_NE(stuck.what.find("did not answer"), std::string::npos) << stuck.what;
    EXPECT_NE(bounded->unwrap(blob).error().what.find("still busy"), std::string::npos);
    m_tpm.thaw();
  }
  m_tpm.stop();
  const Error gone = seal()->unwrap(blob).error();
  EXPECT_EQ(gone.code, ErrorCode::Unavailable);
  EXPECT_NE(gone.what.find("no TPM answers"), std::string::npos) << gone.what;
}

TEST(TpmAddressTest, IsReadStrictly) {
  EXPECT_EQ(parse_tpm_address("tpm2:")->tcti, "device:/dev/tpmrm0");
  const TpmAddress whole = parse_tpm_address("tpm2:swtpm:port=2321;pcrs=11,7;parent=0x81000001").value();
  EXPECT_EQ(whole.tcti, "swtpm:port=2321");
  EXPECT_EQ(whole.pcrs, (std::vector<std::uint8_t>{7, 11}));
  EXPECT_EQ(whole.parent, 0x81000001U);
  for (const char* bad : {"", "tpm2", "tpm2:x", "tpm2:libevil.so", "tpm2:cmd:sh", "tpm2:device:/dev/a b", "tpm2:;",
                          "tpm2:;pcrs=", "tpm2:;pcrs=24", "tpm2:;pcrs=7,7", "tpm2:;pcrs=7,", "tpm2:;pcrs=-1", "tpm2:;pcrs=7;pcrs=8",
                          "tpm2:;parent=81000001", "tpm2:;parent=0x80000001", "tpm2:;parent=0x181000001", "tpm2:;x=1"})
    EXPECT_EQ(parse_tpm_address(bad).error().code, ErrorCode::BadInput) << bad;
  EXPECT_EQ(parse_tpm_address("tpm2:" + std::string(2000, 'x')).error().code, ErrorCode::TooLarge);
}

TEST(TpmRecipeTest, IsReadStrictly) {
  const TpmRecipe good{0, Bytes(34), {{3, {}}, {7, {}}}, {Bytes(80), Bytes(160)}};
  EXPECT_TRUE(read_tpm_recipe(write_tpm_recipe(good)));
  const auto refused = [&](auto change) {
    TpmRecipe bad = good;
    change(bad);
    return !read_tpm_recipe(write_tpm_recipe(bad));
  };
  EXPECT_TRUE(refused([](auto& r) { r.parent = 1; }));
  EXPECT_TRUE(refused([](auto& r) { r.parent_name.clear(); }));
  EXPECT_TRUE(refused([](auto& r) { r.parent_name.resize(100); }));
  EXPECT_TRUE(refused([](auto& r) { r.pcrs[0].index = 7; }));
  EXPECT_TRUE(refused([](auto& r) { r.pcrs[1].index = 24; }));
  EXPECT_TRUE(refused([](auto& r) { r.sealed.public_area.resize(1025); }));
  EXPECT_TRUE(refused([](auto& r) { r.sealed.private_area.clear(); }));
}

}  // namespace
}  // namespace postern::seals
