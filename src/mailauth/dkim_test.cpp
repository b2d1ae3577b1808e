#include "mailauth/dkim.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/text.hpp"
#include "crypto/pkey.hpp"
#include "dns/fixture.hpp"
#include "mailauth/canonical.hpp"
#include "mime/writer.hpp"

namespace postern {
namespace {

WallTime at(std::int64_t seconds) { return wall_from_millis(seconds * 1000); }
constexpr std::int64_t kNow = 1'700'000'000;

DkimSignature verify_first(const std::string& raw, dns::Fixture& dns, std::int64_t now = kNow, const DkimVerifyOptions& options = {}) {
  const auto view = MessageView::parse(raw);
  const auto all = dkim_verify(*view, dns, at(now), options);
  if (!all.empty()) return all.front();
  DkimSignature none;
  none.result = DkimResult::None;
  return none;
}

std::string digest_of(std::string_view body, Canonicalization how, std::optional<std::uint64_t> limit = {}) {
  return base64_encode(hash_body(body, how, limit).digest);
}
std::string sha_of(std::string_view text) { return base64_encode(sha256(as_bytes(text))); }

// RFC 6376 3.4.3, 3.4.4 and the example of 3.4.5.
TEST(Canonical, Bodies) {
  constexpr auto simple = Canonicalization::Simple;
  constexpr auto relaxed = Canonicalization::Relaxed;
  EXPECT_EQ(digest_of(" C \r\nD \t E\r\n\r\n\r\n", relaxed), sha_of(" C\r\nD E\r\n"));
  EXPECT_EQ(digest_of(" C \r\nD \t E\r\n\r\n\r\n", simple), sha_of(" C \r\nD \t E\r\n"));
  EXPECT_EQ(digest_of("", simple), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");   // the value given in 3.4.3
  EXPECT_EQ(digest_of("", relaxed), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");  // the value given in 3.4.4
  EXPECT_EQ(digest_of("\r\n\r\n", simple), digest_of("", simple));
  EXPECT_EQ(digest_of("\r\n \t\r\n", relaxed), digest_of("", relaxed));
  EXPECT_EQ(digest_of("a", simple), sha_of("a\r\n"));
  EXPECT_EQ(digest_of("a \t", relaxed), sha_of("a\r\n"));
  EXPECT_EQ(digest_of("a\nb\rc", relaxed), sha_of("a\nb\rc\r\n"));
  EXPECT_EQ(digest_of("a\r\n \r\nb", relaxed), sha_of("a\r\n\r\nb\r\n"));
  EXPECT_EQ(digest_of("a\r", relaxed), sha_of("a\r\r\n"));
  EXPECT_EQ(digest_of("abcdef", simple, 3), sha_of("abc"));
  EXPECT_EQ(hash_body("abcdef", simple, 3).canonical_size, 8U);
  EXPECT_EQ(digest_of(std::string(100000, 'x') + "  y", relaxed, 50000), sha_of(std::string(50000, 'x')));
}

// RFC 6376 3.4.4, word for word and octet by octet, beside what hashes whole stretches.
std::string relaxed_by_the_letter(std::string_view body) {
  std::string out;
  for (std::size_t i = 0; i < body.size();) {
    std::size_t end = body.find("\r\n", i);
    const bool closed = end != std::string_view::npos;
    if (!closed) end = body.size();
    std::string line;
    for (const char c : body.substr(i, end - i)) {
      if (c != ' ' && c != '\t')
        line += c;
      else if (line.empty() || line.back() != ' ')
        line += ' ';
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + "\r\n";
    i = end + (closed ? 2 : 0);
  }
  while (out.ends_with("\r\n\r\n")) out.resize(out.size() - 2);
  return out == "\r\n" ? "" : out;
}

TEST(DkimCanonical, HostileBodiesTakeLinearTime) {
  for (const std::string_view piece : {"\n", "\n ", "\r", "x\r\n\r\n", " \n", "x ", "\r\n", "x\r"}) {
    std::string body;
    while (body.size() < 4'000'000) body += piece;
    const auto begun = std::chrono::steady_clock::now();
    (void)digest_of(body, Canonicalization::Relaxed);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << piece;
  }
}

TEST(DkimCanonical, RelaxedBodyIsTheSameByTheLetter) {
  std::uint32_t state = 7;
  const auto next = [&state](std::uint32_t below) { return (state = state * 1664525 + 1013904223) / 65536 % below; };
  for (int round = 0; round < 3000; ++round) {
    std::string body;
    const std::uint32_t density = 2 + next(60);
    const std::uint32_t size = next(400);
    while (body.size() < size) {
      if (next(density) != 0)
        body += static_cast<char>('a' + next(26));
      else
        body += std::array{" ", "  ", "\t", "\r\n", " \r\n", "\r\n\r\n", "\r", "\n", " \r", "\t "}.at(next(10));
    }
    for (std::uint32_t i = next(4); i > 0; --i) body += std::array{"\r\n", " ", "\t\r\n", "\r"}.at(next(4));
    EXPECT_EQ(digest_of(body, Canonicalization::Relaxed), base64_encode(sha256(as_bytes(relaxed_by_the_letter(body))))) << body;
  }
}

TEST(Canonical, Fields) {
  const auto field = [](std::string_view raw, Canonicalization how) {
    std::string out;
    append_canonical_field(out, raw, how);
    return out;
  };
  // RFC 6376 3.4.5
  EXPECT_EQ(field("A: X\r\n", Canonicalization::Relaxed), "a:X\r\n");
  EXPECT_EQ(field("B : Y\t\r\n\tZ  \r\n", Canonicalization::Relaxed), "b:Y Z\r\n");
  EXPECT_EQ(field("B : Y\t\r\n\tZ  \r\n", Canonicalization::Simple), "B : Y\t\r\n\tZ  \r\n");
  EXPECT_EQ(field("E:\r\n", Canonicalization::Relaxed), "e:\r\n");
  EXPECT_EQ(field("E: x", Canonicalization::Simple), "E: x\r\n");
}

// RFC 6376 5.4.2: from the bottom up, and null when there are no more.
TEST(Canonical, RepeatedFields) {
  const auto view = MessageView::parse("R: 1\r\nX: a\r\nR: 2\r\n\r\n");
  std::string out;
  append_canonical_fields(out, *view, {"r", "x", "r", "r", "none"}, Canonicalization::Relaxed);
  EXPECT_EQ(out, "r:2\r\nx:a\r\nr:1\r\n");
}

constexpr std::string_view kRsaRecord =
    "v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/"
    "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

// RFC 8463 appendix A, message and keys as printed there.
const std::string kRfc8463 = normalize_crlf(
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\n d=football.example.com; i=@football.example.com;\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\n subject : date : message-id : from : subject : date;\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\n "
    "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n d=football.example.com; i=@football.example.com;\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\n date : message-id : from : subject : date;\n "
    "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\n DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\n"
    "From: Joe SixPack <joe@football.example.com>\nTo: Suzie Q <suzie@shopping.example.net>\nSubject: Is dinner ready?\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\n\nHi.\n\nWe lost the game. "
    " Are you hungry yet?\n\nJoe.\n");

dns::Fixture rfc8463_dns() {
  dns::Fixture dns;
  dns.add_txt("brisbane._domainkey.football.example.com", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  dns.add_txt("test._domainkey.football.example.com", kRsaRecord);
  return dns;
}

TEST(DkimVerify, Rfc8463Example) {
  auto dns = rfc8463_dns();
  const auto view = MessageView::parse(kRfc8463);
  const auto all = dkim_verify(*view, dns, at(kNow));
  ASSERT_EQ(all.size(), 2U);
  for (const auto& signature : all) EXPECT_EQ(signature.result, DkimResult::Pass) << signature.reason;
  EXPECT_EQ(all[0].algorithm, "ed25519-sha256");
  EXPECT_EQ(all[1].key_bits, 1024U);
  EXPECT_EQ(all[0].signature_head, "/gCrinpc");
  EXPECT_EQ(dkim_key_names(*view),
            (std::vector<std::string>{"brisbane._domainkey.football.example.com", "test._domainkey.football.example.com"}));
  EXPECT_EQ(dkim_overall(all), DkimResult::Pass);
  EXPECT_EQ(dkim_overall({}), DkimResult::None);
}

// RFC 6376 appendix A.2, key of appendix C.
TEST(DkimVerify, Rfc6376Example) {
  const std::string raw = normalize_crlf(
      "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\n      c=simple/simple; q=dns/txt; i=joe@football.example.com;\n"
      "      h=Received : From : To : Subject : Date : Message-ID;\n      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
      "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\n        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\n"
      "        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\n        4bmp/YzhwvcubU4=;\n"
      "Received: from client1.football.example.com  [192.0.2.1]\n      by submitserver.example.com with SUBMISSION;\n      Fri, 11 Jul "
      "2003 21:01:54 -0700 (PDT)\n"
      "From: Joe SixPack <joe@football.example.com>\nTo: Suzie Q <suzie@shopping.example.net>\nSubject: Is dinner ready?\n"
      "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\n\nHi.\n\nWe lost the "
      "game. Are you hungry yet?\n\nJoe.\n");
  dns::Fixture dns;
  dns.add_txt("brisbane._domainkey.example.com",
              "v=DKIM1; "
              "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/"
              "zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR"
              "+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB");
  const auto signature = verify_first(raw, dns);
  EXPECT_EQ(signature.result, DkimResult::Pass) << signature.reason;
  EXPECT_EQ(signature.identity, "joe@football.example.com");
}

TEST(DkimVerify, ChangesAreSeen) {
  auto dns = rfc8463_dns();
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string raw = kRfc8463;
    raw.replace(raw.find(from), from.size(), to);
    return verify_first(raw, dns);
  };
  EXPECT_EQ(changed("hungry", "angry").result, DkimResult::Fail);
  EXPECT_EQ(changed("Is dinner", "Was dinner").result, DkimResult::Fail);
  EXPECT_EQ(changed("b=/gCr", "b=/gCs").result, DkimResult::Fail);
  EXPECT_EQ(changed("dinner ready", "dinner   ready").result, DkimResult::Pass);  // relaxed
  // Oversigned in the example, so that a second one cannot be slipped in.
  EXPECT_EQ(changed("To: Suzie", "Subject: other\r\nTo: Suzie").result, DkimResult::Fail);
}

/// Keys and DNS for signing tests.
struct Signer {
  Signer() {
    rsa.emplace(PrivateKey::generate(KeyKind::Rsa, 2048).value());
    ed.emplace(PrivateKey::generate(KeyKind::Ed25519).value());
    dns.add_txt("r._domainkey.example.org", dkim_key_record(DkimAlgorithm::RsaSha256, rsa->public_key().to_spki()));
    dns.add_txt("e._domainkey.example.org", dkim_key_record(DkimAlgorithm::Ed25519Sha256, ed->public_key().to_raw()));
  }
  [[nodiscard]] SignFn sign() const {
    return [this](const DkimKeyRef& key, ByteView data) {
      if (key.algorithm == DkimAlgorithm::RsaSha256) return rsa->sign(SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), data);
      EXPECT_EQ(data.size(), 32U);
      return ed->sign(SignAlgorithm::ed25519(), data);
    };
  }
  std::string signed_message(const std::string& raw, DkimSignOptions options = {}) const {
    const auto view = MessageView::parse(raw);
    const auto fields = dkim_sign(*view, keys, options, sign());
    return fields ? *fields + raw : "error: " + fields.error().text();
  }
  std::optional<PrivateKey> rsa;
  std::optional<PrivateKey> ed;
  dns::Fixture dns;
  std::vector<DkimKeyRef> keys = {{"Example.ORG", "r", DkimAlgorithm::RsaSha256, "rsa-key", 1},
                                  {"example.org", "e", DkimAlgorithm::Ed25519Sha256, "ed-key", 3}};
};

Signer& signer() {
  static Signer instance;
  return instance;
}

const std::string kMessage =
    "Received: from x\r\nFrom: A <a@example.org>\r\nTo: b@example.net\r\nSubject:  Hello \r\n  world\r\nDate: Sun, 22 Nov 2026 00:00:00 "
    "+0000\r\n"
    "Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nBody  with \t space \r\n\r\n\r\n";

TEST(DkimSign, BothAlgorithmsAllCanonicalizationsOddBodies) {
  for (const std::string_view canon : {"relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"}) {
    for (const std::string& body : {std::string("x\r\n"), std::string(), std::string("\r\n"), std::string("\r\n\r\n"),
                                    std::string("no line end"), std::string(" \t\r\n \r\n"), std::string("trailing  \r\n\r\n\r\n"),
                                    std::string(20000, 'y'), std::string("nul\0\xFF", 5), std::string("bare\nlf\rcr\r\n")}) {
      DkimSignOptions options;
      options.canonicalization = CanonicalizationPair::parse(canon).value();
      options.time = at(kNow);
      const std::string done = signer().signed_message(kMessage.substr(0, kMessage.find("\r\n\r\n") + 4) + body, options);
      const auto view = MessageView::parse(done);
      const auto all = dkim_verify(*view, signer().dns, at(kNow));
      ASSERT_EQ(all.size(), 2U) << done;
      for (const auto& s : all) EXPECT_EQ(s.result, DkimResult::Pass) << canon << " " << s.reason << "\n" << done;
    }
  }
}

TEST(DkimSign, TheFieldIsFoldedAndComplete) {
  DkimSignOptions options;
  options.time = at(kNow);
  options.lifetime = std::chrono::hours(24);
  options.identity = "a b@mail.Example.org";
  const std::string done = signer().signed_message(kMessage, options);
  const auto view = MessageView::parse(done);
  for (const auto line : split(view->fields()[0].raw, '\n')) EXPECT_LE(trim(line).size(), 76U) << line;
  const std::string value = view->fields()[0].unfolded();
  for (const std::string_view part : {"v=1;", "a=rsa-sha256;", "c=relaxed/relaxed;", "d=example.org;", "s=r;", "i=a=20b@mail.example.org;",
                                      "t=1700000000;", "x=1700086400;", "bh=", "from:from:to:to:subject:subject:date:date:cc:reply-to:"}) {
    std::string compact = value;
    compact.erase(std::remove(compact.begin(), compact.end(), ' '), compact.end());
    EXPECT_NE(compact.find(part), std::string::npos) << part << " in " << compact;
  }
  EXPECT_EQ(value.find("l="), std::string::npos);
  EXPECT_EQ(dkim_verify(*view, signer().dns, at(kNow))[0].result, DkimResult::Pass);
  EXPECT_EQ(dkim_verify(*view, signer().dns, at(kNow + 86401))[0].result, DkimResult::PermError);
  EXPECT_EQ(dkim_verify(*view, signer().dns, at(kNow - 3601))[0].result, DkimResult::Policy);
}

TEST(DkimSign, OversigningStopsAddedFields) {
  const std::string done = signer().signed_message(kMessage);
  for (const std::string_view name :
       {"From", "To", "Subject", "Date", "Cc", "Reply-To", "Message-ID", "MIME-Version", "Content-Type", "In-Reply-To", "References"}) {
    EXPECT_EQ(verify_first(std::string(name) + ": x\r\n" + done, signer().dns).result, DkimResult::Fail) << name;
  }
  EXPECT_EQ(verify_first("Received: y\r\n" + done, signer().dns).result, DkimResult::Pass);
}

TEST(DkimSign, RefusesWhatMustNotBeSigned) {
  const auto error_of = [](const std::string& raw, const DkimSignOptions& options = {}) {
    const auto view = MessageView::parse(raw);
    const auto done = dkim_sign(*view, signer().keys, options, signer().sign());
    return done ? std::string("none") : done.error().field;
  };
  EXPECT_EQ(error_of("To: x\r\n\r\n"), "From");
  EXPECT_EQ(error_of("From: a@b\r\nFrom: c@d\r\n\r\n"), "From");
  EXPECT_NE(error_of("From: a@b\r\nSubject: x\ny: z\r\n\r\n"), "none");
  DkimSignOptions no_from;
  no_from.headers = {"to"};
  EXPECT_EQ(error_of(kMessage, no_from), "headers");
  DkimSignOptions itself;  // RFC 6376 5.4
  itself.headers = {"from", "dkim-signature"};
  EXPECT_EQ(error_of(kMessage, itself), "headers");
  EXPECT_EQ(error_of("DKIM-Signature: v=1; a=older\r\n" + std::string(kMessage), itself), "none");
  DkimSignOptions before_1970;
  before_1970.time = WallTime(std::chrono::seconds(-5));
  EXPECT_EQ(error_of(kMessage, before_1970), "time");
  DkimSignOptions identity;
  identity.identity = "@example.com";
  EXPECT_EQ(error_of(kMessage, identity), "identity");
  DkimSignOptions expiry;
  expiry.lifetime = std::chrono::hours(1);
  EXPECT_EQ(error_of(kMessage, expiry), "lifetime");
  const SignFn broken = [](const DkimKeyRef&, ByteView) -> Result<Bytes> {
    return fail(ErrorCode::Unavailable, "the keeper does not answer");
  };
  const auto view = MessageView::parse(kMessage);
  EXPECT_EQ(dkim_sign(*view, signer().keys, {}, broken).error().text(), "DKIM selector r: the keeper does not answer");
}

TEST(DkimSign, AllSignaturesAreBegunBeforeOneIsTakenTheSlowestFirst) {
  std::vector<std::string> story;
  const SignFn own = signer().sign();
  const SignFn sign = [&](const DkimKeyRef& key, ByteView data) {
    story.push_back("begin " + key.selector);
    const auto made = std::make_shared<Result<Bytes>>(own(key, data).take());
    return Later<Bytes>([&story, made, selector = key.selector] {
      story.push_back("take " + selector);
      return *made;
    });
  };
  const std::vector<DkimKeyRef> keys = {signer().keys[1], signer().keys[0]};
  const auto view = MessageView::parse(kMessage);
  const std::string fields = dkim_sign(*view, keys, {}, sign).value();
  EXPECT_EQ(story, (std::vector<std::string>{"begin r", "begin e", "take e", "take r"}));
  EXPECT_LT(fields.find("s=e;"), fields.find("s=r;")) << "in the order of the keys";
  const std::string whole = fields + kMessage;
  const auto all = dkim_verify(*MessageView::parse(whole), signer().dns, at(kNow));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0].result == DkimResult::Pass && all[1].result == DkimResult::Pass);
}

TEST(DkimSign, GivenHeaderList) {
  DkimSignOptions options;
  options.headers = {"From", "Subject", "X-None"};
  const std::string done = signer().signed_message(kMessage, options);
  const auto signature = verify_first(done, signer().dns);
  EXPECT_EQ(signature.result, DkimResult::Pass);
  EXPECT_EQ(signature.signed_fields, (std::vector<std::string>{"from", "subject", "x-none"}));
  // RFC 6376 8.15: a From above the signed one is not covered.
  EXPECT_EQ(verify_first("From: evil@example.org\r\n" + done, signer().dns).result, DkimResult::Policy);
}

/// A hand-made signature whose tags a test chooses.
std::string with_tags(const std::string& tags) { return "DKIM-Signature: " + tags + "\r\n" + kMessage; }
const std::string kBh = "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; ";
const std::string kGood = "v=1; a=rsa-sha256; d=example.org; s=r; h=from; b=AAAA; " + kBh;

TEST(DkimVerify, EveryResultOfRfc8601) {
  const auto result = [](const std::string& tags) { return verify_first(with_tags(tags), signer().dns).result; };
  EXPECT_EQ(verify_first(kMessage, signer().dns).result, DkimResult::None);
  EXPECT_EQ(result(kGood), DkimResult::Fail);
  for (const std::string& neutral :
       {"v=2; a=rsa-sha256; d=example.org; s=r; h=from; b=AAAA; " + kBh, "a=rsa-sha256; d=example.org; s=r; h=from; b=AAAA; " + kBh,
        kGood + "; x", kGood + "d=other; ", kGood + "q=http; ", kGood + "c=nice; ", kGood + "l=x; ", kGood + "t=-1; ", kGood + "i=nobody; ",
        std::string("v=1; a=rsa-sha256; d=example.org; s=r; h=from; b=AAAA; bh=AAAA"),
        std::string("v=1; a=rsa-md5; d=example.org; s=r; h=from; b=AAAA; ") + kBh,
        std::string("v=1; a=rsa-sha256; d=a..b; s=r; h=from; b=AAAA; ") + kBh,
        std::string("v=1; a=rsa-sha256; d=example.org; h=from; b=AAAA; ") + kBh,
        std::string("v=1; a=rsa-sha256; d=example.org; s=r; b=AAAA; ") + kBh, std::string("")}) {
    EXPECT_EQ(result(neutral), DkimResult::Neutral) << neutral;
  }
  for (const std::string& permanent :
       {"v=1; a=rsa-sha1; d=example.org; s=r; h=from; b=AAAA; " + kBh, "v=1; a=rsa-sha256; d=example.org; s=r; h=to; b=AAAA; " + kBh,
        "v=1; a=rsa-sha256; d=example.org; s=missing; h=from; b=AAAA; " + kBh,
        "v=1; a=rsa-sha256; d=example.org; s=e; h=from; b=AAAA; " + kBh, kGood + "i=@example.com; ", kGood + "x=1; ", kGood + "t=5; x=5; ",
        kGood + "l=100000; "}) {
    EXPECT_EQ(result(permanent), DkimResult::PermError) << permanent;
  }
}

// RFC 6376 3.2: "Whitespace within a value MUST be retained unless explicitly excluded by the specific tag description"; 3.5 lets FWS stand
// in base64, in i= and around the colons of h= and q=.
TEST(DkimVerify, WhiteSpaceOnlyWhereTheGrammarHasIt) {
  const auto result = [](const std::string& tags) { return verify_first(with_tags(tags), signer().dns).result; };
  const auto instead = [](const std::string& tag, const std::string& other) {
    std::string out = kGood;
    return out.replace(out.find(tag), tag.size(), other);
  };
  for (const std::string& good :
       {kGood + "c=relaxed/simple; ", kGood + "c = relaxed/simple ; ", kGood + "q=other : dns/txt; ", kGood + "i= a\r\n @example.org; ",
        instead("h=from", "h=\r\n from :\r\n\tto "), instead("b=AAAA", "b= AA\r\n AA "), instead("v=1", " v = 1 ")}) {
    EXPECT_EQ(result(good), DkimResult::Fail) << good;
  }
  for (const std::string& bad :
       {kGood + "c=relaxed / simple; ", kGood + "c=relaxed /simple; ", kGood + "c=rel axed; ", kGood + "q=dns / txt; ", kGood + "t=1 2; ",
        kGood + "l=1 2; ", kGood + "x=1\r\n 2; ", instead("h=from", "h=fr om"), instead("h=from", "h=from:sub\r\n ject"),
        instead("h=from", "h=from:"), instead("h=from", "h=from::to"), instead("a=rsa-sha256", "a=rsa - sha256"),
        instead("d=example.org", "d=example .org"), instead("s=r", "s=r r"), instead("v=1", "v=1 1")}) {
    EXPECT_EQ(result(bad), DkimResult::Neutral) << bad;
  }
}

TEST(DkimVerify, KeyRecordsThatForbidUse) {
  const std::string p = std::string(kRsaRecord.substr(kRsaRecord.find("p=")));
  const auto with_record = [&](const std::string& record) {
    dns::Fixture dns;
    dns.add_txt("test._domainkey.football.example.com", record);
    std::string raw = kRfc8463.substr(kRfc8463.find("DKIM-Signature", 1));
    return verify_first(raw, dns);
  };
  EXPECT_EQ(with_record(p).result, DkimResult::Pass);
  EXPECT_EQ(with_record("v=DKIM1; h=sha1:sha256; s=email; t=s; n=note; g=*; " + p).result, DkimResult::Pass);
  EXPECT_EQ(with_record("h=sha1 : sha256; s= other :email; " + p).result, DkimResult::Pass);
  for (const std::string& bad : {std::string("v=DKIM1; p="), "v=DKIM2; " + p, "k=rsa; v=DKIM1; " + p, "k=ed25519; " + p, "h=sha1; " + p,
                                 "s=tlsrpt; " + p, "h=sha 256; " + p, "s=e mail; " + p, "k=r sa; " + p, std::string("v=DKIM1; k=rsa"),
                                 std::string("not a record"), std::string("p=AAAA"), std::string("p=!"), p + "; p=x"}) {
    EXPECT_EQ(with_record(bad).result, DkimResult::PermError) << bad;
  }
  const auto testing = with_record("t=y; " + p);
  EXPECT_EQ(testing.result, DkimResult::Pass);
  EXPECT_TRUE(testing.testing);
  DkimVerifyOptions strict;
  strict.min_rsa_bits = 2048;
  auto dns = rfc8463_dns();
  EXPECT_EQ(verify_first(kRfc8463.substr(kRfc8463.find("DKIM-Signature", 1)), dns, kNow, strict).result, DkimResult::Policy);
}

TEST(DkimVerify, TestModeKeyIsStrictAboutIdentityAndSoftAboutFailure) {
  const std::string record = dkim_key_record(DkimAlgorithm::RsaSha256, signer().rsa->public_key().to_spki());
  dns::Fixture dns;
  dns.add_txt("r._domainkey.example.org", record + "; t=y:s");
  DkimSignOptions below;
  below.identity = "@sub.example.org";
  EXPECT_EQ(verify_first(signer().signed_message(kMessage, below), dns).result, DkimResult::PermError);
  EXPECT_EQ(verify_first(signer().signed_message(kMessage) + "more", dns).result, DkimResult::Neutral);
}

TEST(DkimVerify, DnsFailuresAreTemporary) {
  auto timeout = dns::Fixture::parse(R"({"records":{"r._domainkey.example.org":[{"type":"TXT","timeout":true}]}})");
  auto servfail = dns::Fixture::parse(R"({"records":{"r._domainkey.example.org":[{"timeout":true}]}})");
  EXPECT_EQ(verify_first(with_tags(kGood), *timeout).result, DkimResult::TempError);
  EXPECT_EQ(verify_first(with_tags(kGood), *servfail).result, DkimResult::TempError);
}

// RFC 6376 8.2: with l= anybody can append.
TEST(DkimVerify, PartialBodyIsPolicyUnlessAccepted) {
  const std::string head = "From: a@example.org\r\n\r\n";
  const std::string body = "signed part\r\n";
  std::string field = "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=r; h=from; l=13; bh=" + sha_of(body) + "; b=";
  const auto data = "From: a@example.org\r\n" + field;
  field += base64_encode(signer().rsa->sign(SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), as_bytes(data)).value()) + "\r\n";
  EXPECT_EQ(verify_first(field + head + body, signer().dns).result, DkimResult::Pass);
  const auto appended = verify_first(field + head + body + "appended\r\n", signer().dns);
  EXPECT_EQ(appended.result, DkimResult::Policy);
  EXPECT_TRUE(appended.partial_body);
  DkimVerifyOptions soft;
  soft.accept_partial_body = true;
  EXPECT_EQ(verify_first(field + head + body + "appended\r\n", signer().dns, kNow, soft).result, DkimResult::Pass);
  EXPECT_EQ(verify_first(field + head + "short", signer().dns).result, DkimResult::PermError);
}

TEST(DkimVerify, SignaturesAreBounded) {
  std::string raw;
  for (int i = 0; i < 12; ++i) raw += "DKIM-Signature: " + kGood + "\r\n";
  raw += kMessage;
  const auto view = MessageView::parse(raw);
  const auto all = dkim_verify(*view, signer().dns, at(kNow));
  ASSERT_EQ(all.size(), 12U);
  EXPECT_EQ(all[9].result, DkimResult::Fail);
  EXPECT_EQ(all[10].result, DkimResult::Policy);
  EXPECT_EQ(dkim_key_names(*view).size(), 1U);
}

TEST(DkimVerify, SeveralKeyRecordsAreTriedInTurn) {
  dns::Fixture dns;
  dns.add_txt("r._domainkey.example.org", "v=spf1 -all");
  dns.add_txt("r._domainkey.example.org", kRsaRecord);
  dns.add_txt("r._domainkey.example.org", dkim_key_record(DkimAlgorithm::RsaSha256, signer().rsa->public_key().to_spki()));
  EXPECT_EQ(verify_first(signer().signed_message(kMessage), dns).result, DkimResult::Pass);
}

// Keys are kept decoded, by their octets: what stands in the record now is what counts.
TEST(DkimVerify, AKeyThatIsChangedCountsAtOnce) {
  const std::string ours = dkim_key_record(DkimAlgorithm::RsaSha256, signer().rsa->public_key().to_spki());
  const auto result = [&](const std::string& record) {
    dns::Fixture dns;
    dns.add_txt("r._domainkey.example.org", record);
    return verify_first(signer().signed_message(kMessage), dns).result;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(result(ours), DkimResult::Pass);
    EXPECT_EQ(result(std::string(kRsaRecord)), DkimResult::Fail);
    EXPECT_EQ(result("v=DKIM1; p=AAAA"), DkimResult::PermError);
  }
}

// RFC 8616 5: U-labels in d= are asked for as A-labels.
TEST(DkimVerify, InternationalDomain) {
  const std::string raw = with_tags(
      "v=1; a=rsa-sha256; d=b\xC3\xBC"
      "cher.example; s=r; h=from; b=AAAA; " +
      kBh);
  const auto view = MessageView::parse(raw);
  dns::Fixture dns;
  EXPECT_EQ(dkim_verify(*view, dns, at(kNow)).front().reason, "there is no key at r._domainkey.xn--bcher-kva.example");
  EXPECT_EQ(dkim_key_names(*view), std::vector<std::string>{"r._domainkey.xn--bcher-kva.example"});
}

std::optional<std::string> shared_file(const std::string& name) {
  const char* root = std::getenv("POSTERN_SHARED_DATA");
  for (const std::string& base :
       {std::string(root == nullptr ? "" : root), std::string("../shared/data"), std::string("../../shared/data")}) {
    std::ifstream file(base + "/dkim/" + name, std::ios::binary);
    if (base.empty() || !file) continue;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  return std::nullopt;
}

TEST(DkimVectors, MessagesSignedByOthers) {
  const auto gmail = shared_file("mimekit/gmail.msg");
  const auto related = shared_file("mimekit/related.msg");
  const auto pub = shared_file("mimekit/gmail.pub");
  const auto rfc6376 = shared_file("dkimpy/rfc6376.signed.msg");
  const auto exim = shared_file("dkimpy/ed25519test2.msg");
  if (!gmail || !related || !pub || !rfc6376 || !exim) GTEST_SKIP() << "no shared data (set POSTERN_SHARED_DATA)";
  std::string key;
  for (const auto line : split(*pub, '\n')) {
    if (!line.starts_with("-----")) key += trim(line);
  }
  dns::Fixture dns = rfc8463_dns();
  dns.add_txt("20120113._domainkey.gmail.com", "k=rsa; p=" + key);
  dns.add_txt("sed._domainkey.test.ex", shared_file("dkimpy/eximtest.dns").value_or(""));
  for (const std::string& raw : {*gmail, *related, *rfc6376, *exim}) {
    const auto signature = verify_first(normalize_crlf(raw), dns);
    EXPECT_EQ(signature.result, DkimResult::Pass) << signature.domain << ": " << signature.reason;
  }
}

}  // namespace
}  // namespace postern
