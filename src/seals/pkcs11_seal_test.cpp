// Against SoftHSM 2, with a token made here.
#include "seals/pkcs11_seal.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "seals/testing/devices.hpp"

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);

/// SoftHSM's functions, some of which fail as often as a test asks for. PKCS#11 has plain functions only, so this is one for the process.
struct Faults {
  CK_FUNCTION_LIST* real = nullptr;
  CK_FUNCTION_LIST table{};
  CK_RV answer = CKR_OK;
  int open_session = 0, decrypt = 0, login = 0;
  int loads = 0, logins = 0;
  CK_FLAGS token_flags = 0;
  bool no_gcm = false, short_keys = false;
};
Faults g_faults;

CK_RV faulty_open(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* out) {
  if (g_faults.open_session > 0) return --g_faults.open_session, g_faults.answer;
  return g_faults.real->C_OpenSession(slot, flags, application, notify, out);
}
CK_RV faulty_decrypt(CK_SESSION_HANDLE session, Byte* in, CK_ULONG in_size, Byte* out, CK_ULONG* out_size) {
  if (g_faults.decrypt > 0) return --g_faults.decrypt, g_faults.answer;
  return g_faults.real->C_Decrypt(session, in, in_size, out, out_size);
}
CK_RV counted_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, Byte* pin, CK_ULONG size) {
  ++g_faults.logins;
  return g_faults.real->C_Login(session, user, pin, size);
}
CK_RV flagged_token(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV answer = g_faults.real->C_GetTokenInfo(slot, info);
  info->flags |= g_faults.token_flags;
  return answer;
}
CK_RV short_keys(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted, CK_ULONG count, CK_OBJECT_HANDLE* key) {
  static CK_ULONG size = 16;
  for (CK_ULONG i = 0; g_faults.short_keys && i < count; ++i) {
    if (wanted[i].type == CKA_VALUE_LEN) wanted[i].pValue = &size;
  }
  return g_faults.real->C_GenerateKey(session, mechanism, wanted, count, key);
}
CK_RV fewer_mechanisms(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
  if (g_faults.no_gcm && type == CKM_AES_GCM) return CKR_MECHANISM_INVALID;
  return g_faults.real->C_GetMechanismInfo(slot, type, info);
}

Result<Pkcs11Module> load_with_faults(const std::string& path) {
  ++g_faults.loads;
  POSTERN_TRY(const Pkcs11Module real, load_pkcs11_module(path));
  g_faults.real = real.get();
  g_faults.table = *real;
  g_faults.table.C_OpenSession = faulty_open;
  g_faults.table.C_Decrypt = faulty_decrypt;
  g_faults.table.C_Login = counted_login;
  g_faults.table.C_GetTokenInfo = flagged_token;
  g_faults.table.C_GenerateKey = short_keys;
  g_faults.table.C_GetMechanismInfo = fewer_mechanisms;
  return Pkcs11Module(real, &g_faults.table);
}

class Pkcs11SealTest : public ::testing::Test {
 protected:
  Pkcs11SealTest() { g_faults = {}; }
  std::unique_ptr<Seal> seal(std::string_view key = "object=root", bool create = true) {
    return make_pkcs11_seal({.name = "hsm", .uri = parse_pkcs11_uri(m_hsm.uri(key)).value(), .create = create, .load = load_with_faults})
        .value();
  }
  static Pkcs11Recipe recipe_of(ByteView blob) { return read_pkcs11_recipe(read_blob(blob)->recipe).value(); }

  testing::SoftHsm m_hsm;
};

void expect_opens(Seal& seal, ByteView blob) {
  const auto back = seal.unwrap(blob);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(std::ranges::equal(back->view(), kRoot));
}

TEST_F(Pkcs11SealTest, AesKeyIsMadeAndFoundAgain) {
  EXPECT_EQ(seal("object=root", false)->wrap(kRoot).error().code, ErrorCode::Unavailable);
  const auto first = seal();
  EXPECT_EQ(first->type(), "pkcs11");
  EXPECT_EQ(first->name(), "hsm");
  const auto blob = first->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  EXPECT_EQ(recipe_of(*blob).scheme, Pkcs11Scheme::AesGcm);
  EXPECT_EQ(recipe_of(*blob).key.label, "root");
  EXPECT_EQ(recipe_of(*blob).key.id.size(), 16U);
  expect_opens(*first, *blob);
  const auto again = first->wrap(kRoot);
  EXPECT_EQ(recipe_of(*again).key.id, recipe_of(*blob).key.id) << "a second key was made";
  EXPECT_NE(*again, *blob);
  // Another process, whose setting names the key by its id, or by another name: the blob says which key it was.
  expect_opens(*seal("object=elsewhere", false), *blob);
  const std::string id = "id=%" + hex_encode(ByteView(recipe_of(*blob).key.id).first(1));
  EXPECT_EQ(seal(id, false)->wrap(kRoot).error().code, ErrorCode::Unavailable);
}

TEST_F(Pkcs11SealTest, TheKeyStaysInTheToken) {
  ASSERT_TRUE(seal()->wrap(kRoot));
  ASSERT_TRUE(seal("object=pair;type=private")->wrap(kRoot));
  const Pkcs11Uri uri = parse_pkcs11_uri(m_hsm.uri("object=root")).value();
  auto session = Pkcs11Session::open(load_pkcs11_module(testing::kSoftHsm).value(), uri, as_bytes("1234-good"));
  ASSERT_TRUE(session) << session.error().text();
  for (const auto& [type, label] : {std::pair(Pkcs11KeyType::SecretKey, "root"), std::pair(Pkcs11KeyType::Private, "pair")}) {
    const auto key = session->find(type, {label, {}});
    ASSERT_TRUE(key && *key) << label;
    EXPECT_TRUE(session->is_kept(**key)) << label;
  }
}

TEST_F(Pkcs11SealTest, RsaWhereThereIsNoGcm) {
  g_faults.no_gcm = true;
  const auto without = seal();
  const auto blob = without->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  // SoftHSM's OAEP takes SHA-1 only.
  EXPECT_EQ(recipe_of(*blob).scheme, Pkcs11Scheme::OaepSha1);
  expect_opens(*without, *blob);
  EXPECT_EQ(seal("object=other;type=secret-key")->wrap(kRoot).error().code, ErrorCode::Unsupported);
  g_faults.no_gcm = false;
  expect_opens(*seal("object=root", false), *blob);
  EXPECT_EQ(recipe_of(*seal("object=root;type=private", false)->wrap(kRoot)).scheme, Pkcs11Scheme::OaepSha1);
}

TEST_F(Pkcs11SealTest, ChangedBlobsDoNotOpen) {
  for (const char* key : {"object=root", "object=pair;type=private"}) {
    const auto with = seal(key);
    const Bytes blob = with->wrap(kRoot).value();
    for (std::size_t i = 0; i < blob.size(); i += 3) {
      Bytes changed = blob;
      changed[i] ^= 0x10;
      const auto opened = with->unwrap(changed);
      ASSERT_FALSE(opened) << key << ", byte " << i;
      EXPECT_NE(opened.error().code, ErrorCode::Unavailable) << key << ", byte " << i << ": " << opened.error().text();
    }
    Bytes last = blob;
    last.back() ^= 1;
    EXPECT_EQ(with->unwrap(last).error().code, ErrorCode::IntegrityFailed);
  }
}

TEST_F(Pkcs11SealTest, ALostSessionIsOpenedOnceMore) {
  const auto lost = seal();
  const Bytes blob = lost->wrap(kRoot).value();
  for (const CK_RV answer : {CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_SESSION_CLOSED,
                             CKR_CRYPTOKI_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN}) {
    g_faults.answer = answer;
    g_faults.open_session = 1;
    const int before = g_faults.loads;
    expect_opens(*lost, blob);
    EXPECT_EQ(g_faults.loads, before + 1) << answer;
    g_faults.decrypt = 1;
    expect_opens(*lost, blob);
    g_faults.decrypt = 2;
    const auto twice = lost->unwrap(blob);
    ASSERT_FALSE(twice) << answer;
    EXPECT_EQ(twice.error().code, ErrorCode::Unavailable);
    EXPECT_NE(twice.error().what.find("unseal again"), std::string::npos) << twice.error().what;
    EXPECT_EQ(g_faults.decrypt, 0);
    expect_opens(*lost, blob);
  }
}

TEST_F(Pkcs11SealTest, ATokenThatIsUnpluggedAndComesBack) {
  const auto pulled = seal();
  const Bytes blob = pulled->wrap(kRoot).value();
  m_hsm.unplug();
  const auto gone = pulled->unwrap(blob);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::Unavailable);
  EXPECT_NE(gone.error().what.find("plug"), std::string::npos) << gone.error().what;
  m_hsm.plug_in();
  expect_opens(*pulled, blob);
}

TEST_F(Pkcs11SealTest, AWrongPinIsTriedOnceOnly) {
  const auto locked_out = seal();
  const Bytes blob = locked_out->wrap(kRoot).value();
  m_hsm.pin("9999-bad");
  const int before = g_faults.logins;
  for (int i = 0; i < 3; ++i) {
    const auto denied = locked_out->unwrap(blob);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code, ErrorCode::Denied) << denied.error().text();
    EXPECT_EQ(denied.error().text().find("9999-bad"), std::string::npos);
  }
  EXPECT_EQ(g_faults.logins, before + 1);
  m_hsm.pin("1234-good");
  expect_opens(*locked_out, blob);
}

TEST_F(Pkcs11SealTest, TheLastTryIsLeftToThePerson) {
  const auto careful = seal();
  const Bytes blob = careful->wrap(kRoot).value();
  const int before = g_faults.logins;
  for (const CK_FLAGS flag : {CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED}) {
    g_faults.token_flags = flag;
    EXPECT_EQ(careful->unwrap(blob).error().code, ErrorCode::Denied);
  }
  EXPECT_EQ(g_faults.logins, before);
  g_faults.token_flags = 0;
  expect_opens(*careful, blob);
}

TEST_F(Pkcs11SealTest, NamesMustBeUnique) {
  ASSERT_TRUE(m_hsm.add_token("Postern"));
  const auto doubled = seal()->wrap(kRoot);
  ASSERT_FALSE(doubled);
  EXPECT_EQ(doubled.error().code, ErrorCode::Denied);
  EXPECT_NE(doubled.error().what.find("serial"), std::string::npos) << doubled.error().what;
}

TEST_F(Pkcs11SealTest, ShortKeysAreRefused) {
  g_faults.short_keys = true;
  EXPECT_EQ(seal()->wrap(kRoot).error().code, ErrorCode::Unsupported);
}

TEST_F(Pkcs11SealTest, TwoKeysOfOneName) {
  ASSERT_TRUE(seal("object=root;id=%01")->wrap(kRoot));
  const auto blob = seal("object=root;id=%02")->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  EXPECT_EQ(recipe_of(*blob).key.id, Bytes{2});
  const auto both = seal("object=root", false)->wrap(kRoot);
  ASSERT_FALSE(both);
  EXPECT_NE(both.error().what.find("id"), std::string::npos);
  expect_opens(*seal("object=root", false), *blob);
}

TEST_F(Pkcs11SealTest, BlobsOfAnotherToken) {
  ASSERT_TRUE(m_hsm.add_token("Second"));
  const Bytes blob = seal()->wrap(kRoot).value();
  const auto second = make_pkcs11_seal({.uri = parse_pkcs11_uri(m_hsm.uri("object=root", "Second")).value(), .create = true}).value();
  ASSERT_TRUE(second->wrap(kRoot));
  EXPECT_EQ(second->unwrap(blob).error().code, ErrorCode::IntegrityFailed);
}

TEST_F(Pkcs11SealTest, WhatIsNotThere) {
  auto uri = parse_pkcs11_uri(m_hsm.uri("object=root")).value();
  uri.module_path = "/nonexistent/p.so";
  const Error library = make_pkcs11_seal({.uri = uri}).value()->wrap(kRoot).error();
  EXPECT_EQ(library.code, ErrorCode::Unavailable);
  EXPECT_EQ(library.field, "module-path");
  uri.module_path = testing::kSoftHsm, uri.pin_file = "/nonexistent/pin";
  const Error pin = make_pkcs11_seal({.uri = uri}).value()->wrap(kRoot).error();
  EXPECT_EQ(pin.field, "pin-source");
  EXPECT_EQ(pin.what.find("fresh start"), std::string::npos) << pin.what;
  uri.pin_file.clear();
  EXPECT_EQ(make_pkcs11_seal({.uri = uri}).value()->wrap(kRoot).error().field, "pin-source");
  EXPECT_EQ(make_pkcs11_seal({.uri = parse_pkcs11_uri(m_hsm.uri("id=%01")).value(), .create = true}).error().field, "object");
}

TEST(Pkcs11RecipeTest, IsReadStrictly) {
  const Pkcs11Recipe good{Pkcs11Scheme::AesGcm, {"l", {1}}, Bytes(12), Bytes(48)};
  EXPECT_TRUE(read_pkcs11_recipe(write_pkcs11_recipe(good)));
  const auto refused = [&](auto change) {
    Pkcs11Recipe bad = good;
    change(bad);
    return !read_pkcs11_recipe(write_pkcs11_recipe(bad));
  };
  EXPECT_TRUE(refused([](auto& r) { r.key = {}; }));
  EXPECT_TRUE(refused([](auto& r) { r.iv.clear(); }));
  EXPECT_TRUE(refused([](auto& r) { r.iv.resize(65); }));
  EXPECT_TRUE(refused([](auto& r) { r.locked.clear(); }));
  EXPECT_TRUE(refused([](auto& r) { r.locked.resize(1025); }));
  EXPECT_TRUE(refused([](auto& r) { r.scheme = Pkcs11Scheme::OaepSha256; })) << "RSA has no iv";
  EXPECT_TRUE(refused([](auto& r) { r.scheme = static_cast<Pkcs11Scheme>(4); }));
}

}  // namespace
}  // namespace postern::seals
