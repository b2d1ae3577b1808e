#include "transport/sealing.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <postern/x400_sdk.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "contentseal/seal.hpp"
#include "contentseal/testing/people.hpp"
#include "ipm/testing/samples.hpp"
#include "transport/sealing_service.hpp"
#include "transport/testing/one_message.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;
namespace people = contentseal::testing;
using people::kAlice;
using people::kBob;
using people::kNow;
using postern::testing::Made;
using testing::GivenService;
using testing::OneMessage;

std::string key_pem(const Made& made) {
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(out, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

class Sealing : public ::testing::Test {
 protected:
  inline static const Made root = people::authority();
  inline static const Made alice = people::person({.addresses = {kAlice}}, &root);
  inline static const Made bob = people::person({.addresses = {kBob}}, &root);
  const fs::path folder = fs::temp_directory_path() / ("postern-sealing-" + std::to_string(::getpid()));
  const Bytes message = people_message();
  ManualClock clock{kNow};
  OneMessage peer;
  SealingOptions options;
  SmimeSource source{folder.string(), [] { return Result<CertificateChain>(CertificateChain{root.certificate}); }, clock};

  Sealing() { fs::create_directories(folder); }
  ~Sealing() override { fs::remove_all(folder); }

  static Bytes people_message() {
    ipm::Draft draft = ipm::testing::draft();
    draft.originator.name = ipm::testing::name(kAlice);
    return ipm::compose(draft).value().copies.front().content;
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder / name) << text; }
  void own(const std::string& name, const Made& made) {
    write(name + ".pem", made.certificate.to_pem());
    write(name + ".key", key_pem(made));
  }
  Result<sdk::Submitted> submit(ByteView content, std::string type = "22") {
    sdk::Submit request;
    request.submission.originator = kAlice;
    request.submission.content_type = std::move(type);
    request.submission.encoded_types = {"2.6.3.4.2"};
    request.submission.recipients = {{kBob, {}, sdk::ReportRequest::NonDelivery}};
    return SealingTransport(peer, source, options, clock).submit(request, content, {});
  }
  struct Got {
    sdk::Fetched fetched;
    Bytes content;
    boost::json::object verdict;  ///< Empty: none.
  };
  Got fetch() {
    Got out;
    sdk::Fetch request;
    request.wanted.fields = 0;
    auto fetched = SealingTransport(peer, source, options, clock)
                       .fetch(request, [&out](ByteView piece) { return append(out.content, piece), true; }, {});
    EXPECT_TRUE(fetched) << (fetched ? "" : fetched.error().text());
    if (!fetched) return out;
    out.fetched = *std::move(fetched);
    if (const auto verdict = verdict_of(out.fetched.entry)) out.verdict = boost::json::parse(*verdict).as_object();
    return out;
  }
  Findings judged(SealingNeed need = SealingNeed::Should) {
    const auto material = load_smime(folder.string(), {root.certificate});
    EXPECT_TRUE(material) << (material ? "" : material.error().text());
    return judge_smime(**material, clock.now(), need);
  }
};

TEST_F(Sealing, SignedOnTheWayOutAndJudgedOnTheWayIn) {
  own("signing", alice);
  ASSERT_TRUE(submit(message));
  EXPECT_EQ(peer.submission.content_type, "1.2.840.113549.1.9.16.1.6");
  EXPECT_EQ(peer.submission.encoded_types, std::vector<std::string>{"1.2.840.113549.1.9.16.10.6"});
  EXPECT_NE(peer.submission.flags & POSTERN_X400_CONVERSION_PROHIBITED, 0U);
  EXPECT_NE(peer.content, message);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{33}, std::size_t{100'000}}) {
    peer.piece = piece;
    const Got got = fetch();
    EXPECT_EQ(got.content, message);
    EXPECT_EQ(got.fetched.entry.content_type, "22");
    EXPECT_EQ(got.fetched.content_size, message.size());
    EXPECT_EQ(got.fetched.entry.content_size, message.size());
    EXPECT_TRUE(got.verdict.at("valid").as_bool()) << got.verdict;
  }
}

TEST_F(Sealing, EncryptedToWhoIsInTheFolder) {
  own("signing", alice);
  own("encryption", bob);  // one daemon plays both sides
  options.encrypt = SealingNeed::Must;
  ASSERT_TRUE(submit(message)) << "bob's certificate is found by his address";
  EXPECT_EQ(as_text(peer.content).find("all is well"), std::string_view::npos);
  const Got got = fetch();
  EXPECT_EQ(got.content, message);
  EXPECT_TRUE(got.verdict.at("valid").as_bool() && got.verdict.at("encrypted").as_bool()) << got.verdict;
}

TEST_F(Sealing, WhereNothingIsThereItDependsOnTheNeed) {
  ASSERT_TRUE(submit(message));
  EXPECT_EQ(peer.content, message) << "should: goes as it is";
  EXPECT_EQ(peer.submission.encoded_types, std::vector<std::string>{"2.6.3.4.2"});
  options.sign = SealingNeed::Must;
  EXPECT_EQ(submit(message).error().code, ErrorCode::NotFound);
  own("signing", alice);
  clock.advance(kSmimeAge);
  options.encrypt = SealingNeed::Should;
  ASSERT_TRUE(submit(message));
  EXPECT_EQ(peer.submission.encoded_types, std::vector<std::string>{"1.2.840.113549.1.9.16.10.6"}) << "signed only";
  options.encrypt = SealingNeed::Must;
  const auto refused = submit(message);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, kBob);
}

TEST_F(Sealing, ACertificateThatCannotBeUsedStopsTheMessage) {
  own("signing", people::person({.addresses = {kAlice}, .not_after = 1'710'000'000}, &root));
  const auto refused = submit(message);
  ASSERT_FALSE(refused) << "not silently unsigned";
  EXPECT_NE(refused.error().what.find("expired"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(peer.content.empty());
}

TEST_F(Sealing, SealedAndUnnameableContentsGoAsTheyAre) {
  own("signing", alice);
  const Bytes sealed = contentseal::sign_content({asn1::Oid{2, 6, 1, 10, 1}, message}, people::identity(alice), kNow).value().octets;
  ASSERT_TRUE(submit(sealed, "1.2.840.113549.1.9.16.1.6"));
  EXPECT_EQ(peer.content, sealed);
  ASSERT_TRUE(submit(message, "40"));
  EXPECT_EQ(peer.content, message);
  options.sign = SealingNeed::Must;
  EXPECT_EQ(submit(message, "40").error().code, ErrorCode::Unsupported);
  EXPECT_EQ(submit(message, "forty").error().code, ErrorCode::BadInput);
}

TEST_F(Sealing, UnderMustAnObjectGoesOnlyWithWhatMustBe) {
  own("signing", alice);
  const contentseal::PlainContent plain{{2, 6, 1, 10, 1}, message};
  const CertificateChain readers{bob.certificate};
  const Bytes is_signed = contentseal::sign_content(plain, people::identity(alice), kNow).value().octets;
  const Bytes is_encrypted = contentseal::encrypt_content(plain, readers, {}, kNow).value().octets;
  Bytes compressed{0x30, 0x11, 0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x09, 0xA0, 0x02, 0x30, 0x00};
  const auto goes = [&](const Bytes& object, SealingNeed sign, SealingNeed encrypt) {
    options.sign = sign;
    options.encrypt = encrypt;
    peer.content.clear();
    const auto sent = submit(object, "1.2.840.113549.1.9.16.1.6");
    EXPECT_EQ(peer.content, sent ? object : Bytes());
    if (!sent) EXPECT_EQ(sent.error().field, "content") << sent.error().text();
    return sent.has_value();
  };
  constexpr auto kMust = SealingNeed::Must, kShould = SealingNeed::Should, kNever = SealingNeed::Never;
  EXPECT_TRUE(goes(is_signed, kMust, kNever) && goes(is_signed, kMust, kShould));
  EXPECT_FALSE(goes(is_signed, kShould, kMust)) << "in clear";
  EXPECT_TRUE(goes(is_encrypted, kShould, kMust));
  EXPECT_FALSE(goes(is_encrypted, kMust, kNever)) << "whether it is signed further in cannot be seen";
  EXPECT_FALSE(goes(is_signed, kMust, kMust) || goes(is_encrypted, kMust, kMust));
  EXPECT_FALSE(goes(compressed, kMust, kNever) || goes(compressed, kNever, kMust));
  EXPECT_TRUE(goes(compressed, kShould, kNever));
}

TEST_F(Sealing, WhatIsMissingHereIsNoVerdict) {
  own("encryption", bob);
  options.sign = SealingNeed::Never;
  options.encrypt = SealingNeed::Must;
  ASSERT_TRUE(submit(message));
  write("encryption.key", "no key");
  clock.advance(kSmimeAge);
  const auto error = [&](SmimeSource& from) {
    Bytes content;
    const auto fetched =
        SealingTransport(peer, from, options, clock).fetch({}, [&](ByteView piece) { return append(content, piece), true; }, {});
    EXPECT_TRUE(content.empty());
    return fetched ? Error() : fetched.error();
  };
  const Error broken = error(source);
  EXPECT_EQ(broken.code, ErrorCode::Unavailable) << "the next fetch finds it mended";
  EXPECT_EQ(broken.field, "security.smime.certificates_dir");
  SmimeSource locked{folder.string(), [] { return Result<CertificateChain>(fail(ErrorCode::Unavailable, "sealed")); }, clock};
  EXPECT_EQ(error(locked).what, "sealed");
  own("encryption", bob);
  clock.advance(kSmimeAge);
  EXPECT_EQ(fetch().content, message);
  own("encryption", alice);
  clock.advance(kSmimeAge);
  EXPECT_FALSE(fetch().verdict.at("opened").as_bool()) << "encrypted to somebody else: that stays so";
}

/// RFC 3855 2.2: with content type id-data, MIME around the object.
Bytes in_mime(ByteView object, const std::string& type = "application/pkcs7-mime; smime-type=signed-x400") {
  return to_bytes("MIME-Version: 1.0\r\nContent-Type: " + type + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64_encode(object) +
                  "\r\n");
}

TEST_F(Sealing, AnObjectInAMimeEntityIsOpenedAndJudged) {
  own("signing", alice);
  ASSERT_TRUE(submit(message));
  const Bytes entity = in_mime(peer.content);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{33}, std::size_t{100'000}}) {
    peer.content = entity;
    peer.submission.content_type = "1.2.840.113549.1.7.1";
    peer.piece = piece;
    const Got got = fetch();
    EXPECT_EQ(got.content, message);
    EXPECT_EQ(got.fetched.entry.content_type, "22");
    ASSERT_TRUE(got.verdict.contains("valid"));
    EXPECT_TRUE(got.verdict.at("valid").as_bool()) << got.verdict;
  }
  ASSERT_TRUE(submit(entity, "1.2.840.113549.1.7.1"));
  EXPECT_EQ(peer.content, entity) << "is sealed already";
}

TEST_F(Sealing, OtherMimeEntitiesPassThrough) {
  for (const Bytes& entity : {in_mime(message, "application/octet-stream"), in_mime(message), to_bytes("Subject: no end of the header"),
                              to_bytes("X: " + std::string(100'000, 'x')), to_bytes(std::string(100'000, 'x'))}) {
    peer.content = entity;
    const Got got = fetch();
    EXPECT_EQ(got.content, entity);
    EXPECT_TRUE(got.verdict.empty());
  }
}

TEST_F(Sealing, PlainContentPassesThrough) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{5000}}) {
    peer.content = ipm::testing::entropy(1, size);
    const Got got = fetch();
    EXPECT_EQ(got.content, peer.content) << size;
    EXPECT_TRUE(got.verdict.empty());
  }
}

TEST_F(Sealing, NobodyCanSendAVerdict) {
  peer.content = message;
  peer.attributes = {{0, kSmimeVerdict, to_bytes("{\"valid\":true}")}, {0, "2.6.1.1", {}}};
  EXPECT_TRUE(fetch().verdict.empty());
  const auto listed = SealingTransport(peer, source, options, clock).list({}, {});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->entries.at(0).attributes.size(), 1U);
}

TEST_F(Sealing, WhatDoesNotOpenComesAsItIs) {
  own("signing", alice);
  options.encrypt = SealingNeed::Must;
  write("bob.pem", bob.certificate.to_pem());
  ASSERT_TRUE(submit(message));
  const Got closed = fetch();
  EXPECT_EQ(closed.content, peer.content);
  EXPECT_EQ(closed.fetched.entry.content_type, "1.2.840.113549.1.9.16.1.6");
  EXPECT_FALSE(closed.verdict.at("opened").as_bool());
  options.encrypt = SealingNeed::Never;
  ASSERT_TRUE(submit(message));
  peer.content.at(as_text(peer.content).find("all is well")) = 'o';
  const Got changed = fetch();
  EXPECT_EQ(changed.content, peer.content);
  EXPECT_EQ(changed.verdict.at("reason").as_string(), "the content or its signature was changed");
}

TEST_F(Sealing, ObjectsOverTheLimitComeAsTheyAre) {
  own("signing", alice);
  ASSERT_TRUE(submit(message));
  options.limit = 100;
  const Got got = fetch();
  EXPECT_EQ(got.content, peer.content);
  EXPECT_TRUE(got.verdict.empty());
}

std::string text_of(const Findings& findings) {
  std::string out;
  for (const Finding& each : findings) out += each.name + " " + std::to_string(static_cast<int>(each.state)) + " " + each.text + "\n";
  return out;
}

TEST_F(Sealing, JudgedAtTheStart) {
  EXPECT_EQ(judged().at(0).state, Finding::State::Note);
  EXPECT_TRUE(judged(SealingNeed::Never).empty());
  EXPECT_EQ(judged(SealingNeed::Must).at(0).state, Finding::State::Failed);
  own("signing", alice);
  own("encryption", bob);
  const Findings good = judged();
  ASSERT_EQ(good.size(), 3U) << text_of(good);
  for (const Finding& each : good) EXPECT_EQ(each.state, Finding::State::Ok) << text_of(good);
  EXPECT_EQ(text_of(good).find("Alice"), std::string::npos) << "/status names no person: " << text_of(good);
}

TEST_F(Sealing, EachFaultIsSaid) {
  const Made elsewhere = people::authority("Elsewhere");
  const std::vector<std::tuple<Made, Finding::State, std::string>> cases{
      {people::person({.addresses = {kAlice}, .not_after = 1'710'000'000}, &root), Finding::State::Failed, "expired at"},
      {people::person({.addresses = {kAlice}, .not_after = 1'802'000'000}, &root), Finding::State::Warning, "it ends soon"},
      {people::person({.addresses = {kAlice}, .key_usage = "critical,keyAgreement"}, &root), Finding::State::Failed, "keyUsage"},
      {people::person({.addresses = {kAlice}}, &elsewhere), Finding::State::Warning, "no path"},
      {people::person({}, &root), Finding::State::Warning, "names nobody"},
  };
  for (const auto& [made, state, words] : cases) {
    own("signing", made);
    const Findings found = judged();
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].state, state) << text_of(found);
    EXPECT_NE(found[0].text.find(words), std::string::npos) << text_of(found);
  }
}

TEST_F(Sealing, KeysThatDoNotFitAndFilesThatAreNone) {
  own("signing", alice);
  write("signing.key", key_pem(bob));
  write("broken.pem", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n");
  const std::string found = text_of(judged());
  EXPECT_NE(found.find("does not belong"), std::string::npos) << found;
  EXPECT_NE(found.find("1 files of security.smime.certificates_dir cannot be used"), std::string::npos) << found;
  EXPECT_FALSE(submit(message));
  fs::remove(folder / "signing.key");
  EXPECT_EQ(judged().at(0).state, Finding::State::Failed) << "a certificate without its key";
}

TEST_F(Sealing, TheServiceSaysWhatItFound) {
  config::Config config;
  config.smime.certificates_dir = folder.string();
  const auto roots = [] { return Result<CertificateChain>(CertificateChain{root.certificate}); };
  const auto found = [&](const char* mode) {
    return text_of(with_smime(std::make_unique<GivenService>(peer, mode), config, {roots}, clock)->findings());
  };
  EXPECT_NE(found("native").find("smime signing 1 security.smime.certificates_dir: there is no"), std::string::npos) << found("native");
  EXPECT_EQ(found("mock"), "profile 0 given\n") << "who only tries it out need not hear of certificates";
  own("signing", alice);
  EXPECT_NE(found("mock").find("smime signing 0"), std::string::npos) << found("mock");
  const auto service = with_smime(std::make_unique<GivenService>(peer, "native"), config, {roots}, clock);
  sdk::Submit request;
  request.submission.originator = kAlice;
  ASSERT_TRUE(service->transport().submit(request, message, {}));
  EXPECT_TRUE(contentseal::is_sealed(peer.content));
  EXPECT_EQ(service->bind_test().size(), 3U) << "bind, signing, correspondents";
  config.smime.enabled = false;
  const auto off = with_smime(std::make_unique<GivenService>(peer, "native"), config, {roots}, clock);
  EXPECT_EQ(&off->transport(), &peer);
}

TEST_F(Sealing, RootsThatAreNotThereAreSaid) {
  const auto sealed = [] { return Result<CertificateChain>(fail(ErrorCode::Unavailable, "the key engine is sealed")); };
  const auto service = with_smime(std::make_unique<GivenService>(peer, "native"), config::Config(), {sealed}, clock);
  EXPECT_NE(text_of(service->findings()).find("the key engine is sealed"), std::string::npos);
  EXPECT_EQ(service->transport().submit({}, message, {}).error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace postern::transport
