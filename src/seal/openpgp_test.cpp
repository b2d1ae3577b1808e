#include "seal/openpgp.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "keys/key_store.hpp"
#include "keys/transit_keeper.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"
#include "seal/pgp_directory.hpp"
#include "seal/rnp.hpp"

namespace postern {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};
const KeyName kKey{"mail_pgp"};

const std::string kMessage =
    "From: Alice <alice@example.org>\r\n"
    "To: bob@example.net\r\n"
    "Subject: Quarterly figures\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "Gr\xC3\xBC\xC3\x9F\x65 MARKER-7f3a\r\n";

/// A keeper with one OpenPGP key.
struct Person {
  ManualClock clock{kNow};
  std::shared_ptr<Keeper> keeper;
  std::optional<PgpCertificate> certificate;

  explicit Person(const std::string& user_id) {
    keeper = make_memory_keeper(clock).value();
    EXPECT_TRUE(keeper->openpgp_create(kKey, user_id));
    const std::string armored = keeper->openpgp_certificate(kKey).value();
    certificate = PgpCertificate::parse(as_bytes(armored)).value();
  }
};

/// A stranger's certificate with anything wrong about it, made with RNP.
struct Wish {
  std::string user_id = "Bob <bob@example.net>";
  std::string primary = "EDDSA";
  std::string subkey = "ECDH";
  std::uint32_t bits = 0;
  std::uint32_t lifetime = 0;
  WallTime created = kNow - std::chrono::hours(24);
};

rnp::Key generate(rnp_op_generate_t operation, const Wish& wish, bool primary) {
  bool ok = wish.bits == 0 || rnp_op_generate_set_bits(operation, wish.bits) == RNP_SUCCESS;
  if (!primary && wish.subkey == "ECDH") ok = ok && rnp_op_generate_set_curve(operation, "Curve25519") == RNP_SUCCESS;
  if (primary) ok = ok && rnp_op_generate_set_userid(operation, wish.user_id.c_str()) == RNP_SUCCESS;
  EXPECT_TRUE(ok && rnp_op_generate_set_expiration(operation, wish.lifetime) == RNP_SUCCESS);
  EXPECT_EQ(rnp_op_generate_execute(operation), RNP_SUCCESS);
  rnp_key_handle_t key = nullptr;
  EXPECT_EQ(rnp_op_generate_get_key(operation, &key), RNP_SUCCESS);
  rnp_op_generate_destroy(operation);
  return rnp::Key(key);
}

Bytes export_key(rnp_key_handle_t key, std::uint32_t what) {
  const auto out = rnp::buffer(0).value();
  EXPECT_EQ(rnp_key_export(key, out.get(), what | RNP_KEY_EXPORT_ARMORED | RNP_KEY_EXPORT_SUBKEYS), RNP_SUCCESS);
  return rnp::bytes_of(out.get()).value();
}

Bytes make_certificate(const Wish& wish, std::uint32_t what = RNP_KEY_EXPORT_PUBLIC, bool revoke = false) {
  const auto ffi = rnp::open(wish.created).value();
  rnp_op_generate_t operation = nullptr;
  EXPECT_EQ(rnp_op_generate_create(&operation, ffi.get(), wish.primary.c_str()), RNP_SUCCESS);
  const rnp::Key primary = generate(operation, wish, true);
  if (!wish.subkey.empty()) {
    EXPECT_EQ(rnp_op_generate_subkey_create(&operation, ffi.get(), primary.get(), wish.subkey.c_str()), RNP_SUCCESS);
    rnp_op_generate_clear_usage(operation);
    EXPECT_EQ(rnp_op_generate_add_usage(operation, "encrypt"), RNP_SUCCESS);
    const rnp::Key subkey = generate(operation, wish, false);
  }
  EXPECT_TRUE(!revoke || rnp_key_revoke(primary.get(), 0, "SHA256", "compromised", "lost") == RNP_SUCCESS);
  return export_key(primary.get(), what);
}

std::string reason_against(const Bytes& bytes) {
  const auto certificate = PgpCertificate::parse(bytes);
  if (!certificate) return "unreadable: " + certificate.error().text();
  return certificate->recipient_fault(kNow).value_or("none");
}

class OpenPgp : public ::testing::Test {
 protected:
  inline static Person* alice = nullptr;
  inline static Person* bob = nullptr;
  static void SetUpTestSuite() {
    alice = new Person("Alice <alice@example.org>");
    bob = new Person("Bob <bob@example.net>");
  }
  static void TearDownTestSuite() {
    delete alice;
    delete bob;
  }
  FixedRandom random;
  Limits limits;
  SealContext context{kNow, random, limits};

  std::string sign() {
    auto out = pgp_sign(kMessage, *alice->keeper, kKey, {}, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or("");
  }
  std::string encrypt(PgpEncryptOptions options = {}) {
    const std::vector<PgpCertificate> recipients{*bob->certificate, *alice->certificate};
    auto out = pgp_encrypt(kMessage, recipients, options, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or("");
  }
  PgpOpened open(const std::string& message) {
    const std::vector<PgpCertificate> known{*alice->certificate};
    auto out = pgp_decrypt(message, *bob->keeper, kKey, known, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or(PgpOpened{});
  }
  PgpVerification verify(const std::string& message, std::vector<PgpCertificate> known = {*alice->certificate}) {
    auto out = pgp_verify(message, known, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or(PgpVerification{});
  }
};

std::string field(const std::string& message, std::string_view name) { return MessageView::parse(message).value().value(name); }
Protection protection_of(const std::string& message) { return classify(MessageView::parse(message).value()).protection; }
std::string body_text(const std::string& message) {
  const auto tree = parse_mime_tree(message);
  return tree ? std::string(as_text(tree->content)) : "unreadable";
}

TEST_F(OpenPgp, SignsAndVerifies) {
  const std::string out = sign();
  EXPECT_EQ(protection_of(out), Protection::PgpSigned);
  const ContentType type = parse_content_type(field(out, "Content-Type"));
  // RFC 3156 5
  EXPECT_EQ(type.type, "multipart/signed");
  EXPECT_EQ(type.parameter("micalg"), "pgp-sha512");
  EXPECT_EQ(type.parameter("protocol"), "application/pgp-signature");
  EXPECT_TRUE(is_7bit(out));
  const PgpVerification verification = verify(out);
  EXPECT_TRUE(verification.valid()) << verification.reason();
  EXPECT_EQ(verification.signers.at(0).hash, "SHA512");
  EXPECT_EQ(verification.signers.at(0).fingerprint, alice->certificate->fingerprint());
  EXPECT_EQ(verification.header.hp, "clear");
}

TEST_F(OpenPgp, AChangedByteIsSeen) {
  std::string out = sign();
  out[out.find("MARKER")] = 'm';
  const PgpVerification verification = verify(out);
  EXPECT_FALSE(verification.valid());
  EXPECT_EQ(verification.signers.at(0).status, OpenPgpSignatureStatus::Bad);
  EXPECT_TRUE(verification.header.hp.empty());
}

TEST_F(OpenPgp, UnknownSignerAndWrongSender) {
  EXPECT_EQ(verify(sign(), {*bob->certificate}).signers.at(0).status, OpenPgpSignatureStatus::UnknownSigner);
  const auto as_bob = pgp_sign(kMessage, *bob->keeper, kKey, {}, context).value();
  const PgpVerification verification = verify(as_bob, {*alice->certificate, *bob->certificate});
  EXPECT_EQ(verification.signers.at(0).status, OpenPgpSignatureStatus::Good);
  EXPECT_FALSE(verification.valid()) << "bob's signature under alice's From";
  EXPECT_NE(verification.reason().find("From"), std::string::npos);
}

TEST_F(OpenPgp, EncryptsToEveryRecipient) {
  const std::string out = encrypt();
  EXPECT_EQ(protection_of(out), Protection::PgpEncrypted);
  EXPECT_EQ(out.find("MARKER-7f3a"), std::string::npos);
  // RFC 3156 4
  EXPECT_EQ(parse_content_type(field(out, "Content-Type")).parameter("protocol"), "application/pgp-encrypted");
  EXPECT_NE(out.find("\r\n\r\nVersion: 1\r\n"), std::string::npos);
  const PgpOpened opened = open(out);
  EXPECT_EQ(opened.cipher, "AES256");
  EXPECT_EQ(opened.mode, "cfb-mdc") << "RFC 9580 13.7: SEIPD version 1 unless the recipient says otherwise";
  EXPECT_TRUE(opened.signers.empty());
  EXPECT_FALSE(opened.signature_valid());
  EXPECT_EQ(body_text(opened.message), body_text(kMessage));
  EXPECT_EQ(opened.message.find("pgp-encrypted"), std::string::npos);
  EXPECT_EQ(MessageView::parse(opened.message).value().count("Content-Type"), 1U);
  EXPECT_TRUE(pgp_decrypt(out, *alice->keeper, kKey, {}, context));
}

TEST_F(OpenPgp, SignsInsideTheEncryption) {
  const std::vector<PgpCertificate> recipients{*bob->certificate};
  const auto out = pgp_sign_encrypt(kMessage, *alice->keeper, kKey, recipients, {.header = {.hide_subject = true}}, context);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(field(*out, "Subject"), "[...]");
  const PgpOpened opened = open(*out);
  EXPECT_TRUE(opened.signature_valid()) << (opened.signers.empty() ? "no signature" : opened.signers[0].reason);
  EXPECT_EQ(field(opened.message, "Subject"), "Quarterly figures");
}

TEST_F(OpenPgp, SignedThenEncryptedAsMime) {
  const std::vector<PgpCertificate> recipients{*bob->certificate};
  const auto out = pgp_encrypt(sign(), recipients, {}, context);
  ASSERT_TRUE(out) << out.error().text();
  const PgpOpened opened = open(*out);
  EXPECT_EQ(opened.inner, Protection::PgpSigned);
  EXPECT_TRUE(verify(opened.message).valid());
}

TEST_F(OpenPgp, DamageGivesNothingOut) {
  const std::string out = encrypt();
  const auto end = out.find("-----END PGP MESSAGE-----");
  int refused = 0;
  for (std::size_t back = 20; back < 140; back += 7) {
    std::string bad = out;
    char& c = bad[end - back];
    if (!is_alnum(c)) continue;
    c = c == 'A' ? 'B' : 'A';
    const auto opened = pgp_decrypt(bad, *bob->keeper, kKey, {}, context);
    ASSERT_FALSE(opened) << back;
    EXPECT_EQ(opened.error().what.find("MARKER"), std::string::npos);
    ++refused;
  }
  EXPECT_GT(refused, 5);
}

TEST_F(OpenPgp, NotForUs) {
  const std::vector<PgpCertificate> recipients{*alice->certificate};
  const auto out = pgp_encrypt(kMessage, recipients, {}, context).value();
  const auto opened = pgp_decrypt(out, *bob->keeper, kKey, {}, context);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::NotFound);
}

TEST_F(OpenPgp, InlineMessageBecomesText) {
  const std::string sealed = encrypt();
  const auto begin = sealed.find("-----BEGIN PGP MESSAGE-----");
  const auto end = sealed.find("-----END PGP MESSAGE-----") + 25;
  const std::string inline_message =
      "From: alice@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + sealed.substr(begin, end - begin) + "\r\n";
  const PgpOpened opened = open(inline_message);
  EXPECT_TRUE(field(opened.message, "Content-Type").starts_with("text/plain"));
  EXPECT_NE(opened.message.find("MARKER-7f3a"), std::string::npos);
}

TEST_F(OpenPgp, ProtectedMessagesAreNotProtectedAgain) {
  const std::vector<PgpCertificate> recipients{*bob->certificate};
  EXPECT_EQ(pgp_encrypt(encrypt(), recipients, {}, context).error().code, ErrorCode::Conflict);
  EXPECT_EQ(pgp_sign(sign(), *alice->keeper, kKey, {}, context).error().code, ErrorCode::Conflict);
}

TEST_F(OpenPgp, CertificateFacts) {
  EXPECT_EQ(alice->certificate->emails(), std::vector<std::string>{"alice@example.org"});
  EXPECT_EQ(alice->certificate->user_ids(), std::vector<std::string>{"Alice <alice@example.org>"});
  EXPECT_EQ(alice->certificate->fingerprint().size(), 40U);
  EXPECT_EQ(alice->certificate->key_ids().size(), 2U);
  EXPECT_EQ(alice->certificate->recipient_fault(kNow), std::nullopt);
}

TEST_F(OpenPgp, UnusableCertificatesSayWhy) {
  EXPECT_EQ(reason_against(make_certificate({})), "none");
  EXPECT_EQ(reason_against(make_certificate({.lifetime = 3600})), "is expired");
  EXPECT_EQ(reason_against(make_certificate({}, RNP_KEY_EXPORT_PUBLIC, true)), "is revoked");
  EXPECT_EQ(reason_against(make_certificate({.subkey = ""})), "has no usable encryption key");
  EXPECT_EQ(reason_against(make_certificate({.primary = "RSA", .subkey = "RSA", .bits = 1024})), "has a RSA key of only 1024 bits");
  EXPECT_EQ(reason_against(make_certificate({.primary = "RSA", .subkey = "RSA", .bits = 2048})), "none");
}

TEST_F(OpenPgp, ACertificateWithoutItsArmor) {
  const auto binary = alice->certificate->to_binary();
  ASSERT_TRUE(binary) << binary.error().text();
  ASSERT_FALSE(binary->empty());
  EXPECT_NE(binary->front() & 0x80, 0);  // RFC 9580 4.2: a packet, no text
  const auto again = PgpCertificate::parse(*binary);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->fingerprint(), alice->certificate->fingerprint());
  EXPECT_EQ(again->emails(), alice->certificate->emails());
  EXPECT_EQ(again->to_binary().value(), *binary);
}

TEST_F(OpenPgp, SecretKeysAndNoiseAreRefused) {
  const auto secret = PgpCertificate::parse(make_certificate({}, RNP_KEY_EXPORT_SECRET));
  ASSERT_FALSE(secret);
  EXPECT_NE(secret.error().what.find("secret"), std::string::npos);
  EXPECT_FALSE(PgpCertificate::parse(as_bytes("hello")));
  EXPECT_FALSE(PgpCertificate::parse({}));
}

TEST_F(OpenPgp, DirectoryPassesOverTheExpired) {
  const auto folder = std::filesystem::temp_directory_path() / ("postern_seal_pgp_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto put = [&](const char* name, const Bytes& bytes) { std::ofstream(folder / name, std::ios::binary) << as_text(bytes); };
  put("a-old.asc", make_certificate({.lifetime = 3600}));
  put("b-good.asc", make_certificate({}));
  put("c-broken.asc", to_bytes("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"));
  put("d-carol.asc", make_certificate({.user_id = "carol@example.net", .lifetime = 3600}));
  const PgpDirectory directory = PgpDirectory::load(folder.string()).value();
  std::filesystem::remove_all(folder);
  EXPECT_EQ(directory.size(), 3U);
  ASSERT_EQ(directory.faults().size(), 1U);
  EXPECT_EQ(directory.faults()[0].file, "c-broken.asc");
  const auto chosen = directory.choose({"bob", "example.net"}, kNow);
  ASSERT_TRUE(chosen) << chosen.error().text();
  EXPECT_EQ(chosen->recipient_fault(kNow), std::nullopt);
  const auto carol = directory.choose({"carol", "example.net"}, kNow);
  ASSERT_FALSE(carol);
  EXPECT_EQ(carol.error().code, ErrorCode::Denied);
  EXPECT_NE(carol.error().what.find("d-carol.asc is expired"), std::string::npos) << carol.error().what;
}

}  // namespace
}  // namespace postern
