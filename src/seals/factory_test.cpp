#include "seals/factory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "seals/testing/devices.hpp"

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);

TEST(SealFactory, KeysRootMeansWhatItMeant) {
  const testing::TempFolder folder;
  folder.write("pass", "correct horse battery staple\n");
  SealSettings settings{.seal = "passphrase",
                        .name = "main",
                        .keys_root = "file:pass",
                        .folder = folder / "",
                        .cost = {.memory_kib = 64, .iterations = 1, .lanes = 1}};
  const auto seal = make_seal(settings).value();
  EXPECT_EQ(seal->type(), "passphrase");
  EXPECT_EQ(seal->name(), "main");
  const Bytes blob = seal->wrap(kRoot).value();
  settings.keys_root = "env:NOBODY_SET_THIS", settings.seal = "passphrase:file:" + (folder / "pass");
  EXPECT_TRUE(std::ranges::equal(make_seal(settings).value()->unwrap(blob)->view(), kRoot));
  settings.keys_root = "file:root.key", settings.seal = "file", settings.create = true;
  EXPECT_TRUE(make_seal(settings).value()->wrap(kRoot));
  EXPECT_TRUE(std::filesystem::exists(folder / "root.key"));
  settings.keys_root = "keychain:", settings.seal = "keychain";
  EXPECT_EQ(make_seal(settings).value()->type(), "secret-service");
}

TEST(SealFactory, DevicesAndOtherVaults) {
  const auto type = [](std::string seal) {
    const auto made = make_seal({.seal = std::move(seal), .transit = [](TransitRequest) { return TransitReply{}; }});
    return made ? std::string((*made)->type()) : made.error().text();
  };
  EXPECT_EQ(type("pkcs11:token=t;object=o?module-path=/p.so"), "pkcs11");
  EXPECT_EQ(type("tpm2:;pcrs=7"), "tpm");
  EXPECT_EQ(type("transit:transit/root"), "transit");
}

TEST(SealFactory, RefusesPrecisely) {
  const auto error = [](std::string seal, std::string root = "file:/x", std::string name = "") {
    return make_seal({.seal = std::move(seal), .name = std::move(name), .keys_root = std::move(root)}).error();
  };
  EXPECT_NE(error("pasphrase").what.find("did you mean \"passphrase\""), std::string::npos);
  EXPECT_EQ(error("").code, ErrorCode::Unsupported);
  EXPECT_EQ(error("shamir").code, ErrorCode::Unsupported);
  EXPECT_EQ(error("pkcs11:token=t").field, "module-path");
  EXPECT_EQ(error("tpm2:;pcrs=99").field, "pcrs");
  EXPECT_EQ(error("transit:x").code, ErrorCode::BadInput);
  EXPECT_NE(error("transit:x/y").what.find("address and token"), std::string::npos);
  EXPECT_EQ(error("passphrase", "keychain:a/b").field, "keys.root");
  EXPECT_EQ(error("file", "env:X").field, "keys.root");
  EXPECT_EQ(error("keychain", "file:/x").field, "keys.root");
  EXPECT_EQ(error("file", "nonsense").code, ErrorCode::BadInput);
  EXPECT_EQ(error("file", "file:/x", std::string(65, 'n')).field, "name");
  EXPECT_EQ(error("file", "file:/x", "a\nb").field, "name");
}

}  // namespace
}  // namespace postern::seals
