#include "seal/certificate_directory.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "seal/test_certificates.hpp"

namespace postern {
namespace {

using test::issue;
using test::Issued;
using test::kNow;

class Directory : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::temp_directory_path() / (std::string("postern_seal_") + info->name() + "_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  void put(const std::string& name, std::string_view text) const { std::ofstream(folder / name, std::ios::binary) << text; }
  CertificateDirectory load() const { return CertificateDirectory::load(folder.string()).value(); }

  std::filesystem::path folder;
  inline static const Issued root = test::make_root();
};

Mailbox bob() { return {"bob", "example.net"}; }

TEST_F(Directory, FindsByAddressWithoutCaseOfTheDomain) {
  put("bob.pem", issue({.email = "bob@Example.NET"}, &root).certificate.to_pem());
  const CertificateDirectory directory = load();
  EXPECT_TRUE(directory.faults().empty());
  EXPECT_TRUE(directory.choose(bob(), kNow));
  const auto other = directory.choose({"carol", "example.net"}, kNow);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::NotFound);
  EXPECT_EQ(other.error().field, "carol@example.net");
}

TEST_F(Directory, OneExpiredAmongSeveralDoesNotBlock) {
  put("a-old.pem", issue({.email = "bob@example.net", .until = 1'750'000'000}, &root).certificate.to_pem());
  put("b-good.pem", issue({.email = "bob@example.net"}, &root).certificate.to_pem());
  const Issued newest = issue({.email = "bob@example.net", .from = 1'790'000'000}, &root);
  put("c-newest.crt", newest.certificate.to_pem());
  put("d-future.pem", issue({.email = "bob@example.net", .from = 1'900'000'000}, &root).certificate.to_pem());
  const auto chosen = load().choose(bob(), kNow);
  ASSERT_TRUE(chosen) << chosen.error().text();
  EXPECT_TRUE(*chosen == newest.certificate);
}

TEST_F(Directory, EveryReasonIsToldWhenNoneMayBeUsed) {
  put("old.pem", issue({.email = "bob@example.net", .until = 1'750'000'000}, &root).certificate.to_pem());
  put("sign-only.pem", issue({.email = "bob@example.net", .key_usage = "critical,digitalSignature"}, &root).certificate.to_pem());
  put("weak.pem", issue({.email = "bob@example.net", .kind = KeyKind::Rsa, .rsa_bits = 1024}, &root).certificate.to_pem());
  put("web.pem", issue({.email = "bob@example.net", .extended_key_usage = "serverAuth"}, &root).certificate.to_pem());
  put("sha1.pem", issue({.email = "bob@example.net", .digest = "SHA1"}, &root).certificate.to_pem());
  const auto chosen = load().choose(bob(), kNow);
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, ErrorCode::Denied);
  for (const char* reason : {"old.pem expired", "sign-only.pem is not for encryption", "weak.pem has an RSA key of only 1024 bits",
                             "web.pem is not for e-mail protection", "sha1.pem was issued with SHA1"}) {
    EXPECT_NE(chosen.error().what.find(reason), std::string::npos) << reason << " in " << chosen.error().what;
  }
}

TEST_F(Directory, RevokedIsNeverChosen) {
  const Issued bad = issue({.email = "bob@example.net", .from = 1'790'000'000}, &root);
  const Issued good = issue({.email = "bob@example.net"}, &root);
  put("bad.pem", bad.certificate.to_pem());
  put("good.pem", good.certificate.to_pem());
  put("ca.CRL", test::revocation_list(root, bad.certificate));
  const CertificateDirectory directory = load();
  EXPECT_TRUE(directory.faults().empty());
  EXPECT_TRUE(directory.is_revoked(bad.certificate));
  EXPECT_FALSE(directory.is_revoked(good.certificate));
  EXPECT_TRUE(directory.choose(bob(), kNow).value() == good.certificate);
}

TEST_F(Directory, ABadFileIsNamedAndTheOthersCount) {
  put("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  put("empty.crt", "");
  put("note.txt", "not looked at");
  put("root.pem", root.certificate.to_pem());
  put("bob.cer", as_text(issue({.email = "bob@example.net"}, &root).certificate.to_der()));
  const CertificateDirectory directory = load();
  EXPECT_EQ(directory.size(), 1U);
  ASSERT_EQ(directory.faults().size(), 3U);
  EXPECT_EQ(directory.faults()[0].file, "broken.pem");
  EXPECT_EQ(directory.faults()[1].file, "empty.crt");
  EXPECT_EQ(directory.faults()[2].file, "root.pem");
  EXPECT_NE(directory.faults()[2].error.what.find("names no mail address"), std::string::npos);
}

TEST_F(Directory, AChainInOneFile) {
  const Issued leaf = issue({.email = "bob@example.net"}, &root);
  put("chain.pem", leaf.certificate.to_pem() + root.certificate.to_pem());
  const CertificateDirectory directory = load();
  EXPECT_TRUE(directory.faults().empty());
  EXPECT_EQ(directory.size(), 1U);
}

TEST_F(Directory, MissingFolder) {
  const auto missing = CertificateDirectory::load((folder / "none").string());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
}

TEST_F(Directory, ExactLocalPartGoesFirst) {
  const Issued upper = issue({.email = "Bob@example.net", .from = 1'790'000'000}, &root);
  const Issued lower = issue({.email = "bob@example.net"}, &root);
  put("upper.pem", upper.certificate.to_pem());
  put("lower.pem", lower.certificate.to_pem());
  EXPECT_TRUE(load().choose(bob(), kNow).value() == lower.certificate);
  EXPECT_TRUE(load().choose({"BOB", "example.net"}, kNow)) << "without case when nothing is exact";
}

}  // namespace
}  // namespace postern
