// The certificate of x400.strong while its files change.
#include "mhs/strong_identity.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>

#include "base/testing/temporary_directory.hpp"
#include "pki/testing/certificates.hpp"

namespace postern::mhs {
namespace {

namespace fs = std::filesystem;
using postern::testing::Made;
using postern::testing::make_certificate;

std::string pem_of(const Made& made) {
  const BioPtr text = bio_buffer();
  EXPECT_EQ(PEM_write_bio_PrivateKey(text.get(), made.key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  return std::string(as_text(bio_bytes(text.get())));
}

struct StrongFilesOnDisk : ::testing::Test {
  StrongFilesOnDisk() {
    put("own.pem", first.certificate.to_pem());
    put("own.key", pem_of(first));
  }
  /// By a rename, as who renews a certificate does it.
  void put(const char* file, const std::string& text) const {
    std::ofstream(folder / "new") << text;
    fs::rename(folder / "new", folder / file);
  }
  [[nodiscard]] Result<std::shared_ptr<StrongIdentity>> open() const {
    return StrongIdentity::open((folder / "own.pem").string(), (folder / "own.key").string());
  }
  Made first = make_certificate({.name = "north"}), second = make_certificate({.name = "north"});
  WallTime well = first.certificate.not_after() - std::chrono::hours(24 * 31);
  const test::TemporaryDirectory directory;
  const fs::path folder = directory.path();
};

TEST_F(StrongFilesOnDisk, ARenewedCertificateIsShownAndWhatDoesNotFitIsNot) {
  const auto own = open();
  ASSERT_TRUE(own) << own.error().text();
  EXPECT_EQ((*own)->get().chain.front(), first.certificate);
  put("own.pem", second.certificate.to_pem());
  EXPECT_EQ((*own)->get().chain.front(), first.certificate) << "its key is not there yet";
  ASSERT_EQ((*own)->warnings(well).size(), 1U);
  EXPECT_NE((*own)->warnings(well).front().find("x400.strong.key"), std::string::npos) << (*own)->warnings(well).front();
  put("own.key", pem_of(second));
  EXPECT_EQ((*own)->get().chain.front(), second.certificate);
  fs::remove(folder / "own.pem");
  EXPECT_EQ((*own)->get().chain.front(), second.certificate) << "what was good last";
  EXPECT_NE((*own)->warnings(well).front().find("x400.strong.certificate"), std::string::npos);
}

TEST_F(StrongFilesOnDisk, TheEndOfTheCertificateIsSaidBefore) {
  const auto own = open();
  ASSERT_TRUE(own) << own.error().text();
  const WallTime end = first.certificate.not_after();
  EXPECT_TRUE((*own)->warnings(well).empty());
  EXPECT_NE((*own)->warnings(end - std::chrono::hours(24 * 29)).front().find("expires at"), std::string::npos);
  EXPECT_NE((*own)->warnings(end).front().find("expired at"), std::string::npos);
}

TEST_F(StrongFilesOnDisk, AtTheStartTheyMustBeGood) {
  put("own.key", pem_of(second));
  EXPECT_EQ(open().error().field, "x400.strong.key");
  fs::remove(folder / "own.pem");
  EXPECT_EQ(open().error().field, "x400.strong.certificate");
}

}  // namespace
}  // namespace postern::mhs
