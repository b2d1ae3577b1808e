// rooms: mailauth
//
// The promise: of what SPF, DKIM and DMARC of a typical message cost, with its DNS records at hand, at least 85% are the primitives of its
// signature, and not ours.
//
//   verdict_bench [--alternations 7] [--seconds 0.5]      exit status 1 when the promise is not kept
//
// In turns within one run: the message is read and judged by the engines (MessageView::parse, spf_check, dkim_verify, dmarc_check);
// and what rsa-sha256 (RFC 6376 3.3.1) is made of, over the very octets: SHA-256 of the canonical body, and EVP_DigestVerify over the
// canonical header with a key that was decoded before, as ours are. Judged is the share of these, as an application calls them. Ours keeps
// the prepared context between messages; the share of the same with such a context stands beside it.
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>

#include "bench/measure.hpp"
#include "crypto/hash.hpp"
#include "crypto/pkey.hpp"
#include "mailauth/canonical.hpp"
#include "mailauth/dkim.hpp"
#include "mailauth/dmarc.hpp"
#include "mailauth/spf.hpp"

namespace {

using namespace postern;
using namespace postern::bench;

constexpr double kPromise = 0.85;

/// As people write: text and HTML, with the fields that such mail has.
std::string message_of(std::size_t size) {
  std::string out =
      "Received: from inside.example.net (inside.example.net [10.1.2.3])\r\n\tby out.example.net (Postfix) with ESMTPS id 4A000001\r\n"
      "\tfor <bob@postern.example>; Mon, 01 Jun 2026 10:00:00 +0000\r\n"
      "From: Alice Example <alice@example.net>\r\nTo: Bob <bob@postern.example>\r\nSubject: The plan for Monday\r\n"
      "Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <20260601100000.1234@example.net>\r\nMIME-Version: 1.0\r\n"
      "User-Agent: Mail/1.0\r\nContent-Type: multipart/alternative; boundary=\"=_part\"\r\n\r\n"
      "--=_part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  const std::string line = "the plan for Monday stands, and for Tuesday there is a plan as well.\r\n";
  while (out.size() < size / 2) out += line;
  out += "--=_part\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>";
  while (out.size() < size) out += line;
  return out + "</p></body></html>\r\n--=_part--\r\n";
}

dns::Answer text_answer(std::string name, std::string text) {
  dns::TxtData data;
  for (; text.size() > 255; text.erase(0, 255)) data.strings.push_back(text.substr(0, 255));
  data.strings.push_back(std::move(text));
  return {dns::AnswerStatus::NoError, false, {{name, dns::RecordType::Txt, 3600, std::move(data)}}, name};
}

class Judging {
 public:
  explicit Judging(std::string raw, const std::string& key_record) : m_raw(std::move(raw)) {
    const auto add = [&](const std::string& name, const std::string& text) {
      m_dns.add(name, dns::RecordType::Txt, text_answer(name, text));
    };
    add("example.net", "v=spf1 ip4:198.18.0.0/24 include:_spf.example.org -all");
    add("_dmarc.example.net", "v=DMARC1; p=reject; rua=mailto:dmarc@example.net");
    m_dns.add("_dmarc.net", dns::RecordType::Txt, {dns::AnswerStatus::NxDomain, false, {}, "_dmarc.net"});
    add("rsa._domainkey.example.net", key_record);
    m_question.ip = must(dns::IpAddress::parse("198.18.0.5"));
    m_question.helo = "out.example.net";
    m_question.mail_from = "alice@example.net";
    m_question.receiver = "mail.postern.example";
  }

  void operator()() {
    const MessageView view = must(MessageView::parse(m_raw));
    const SpfVerdict spf = spf_check(m_question, m_dns);
    const auto dkim = dkim_verify(view, m_dns, m_now);
    DmarcInput input;
    input.from_domain = "example.net";
    input.spf = {spf.result, spf.domain};
    for (const auto& signature : dkim) input.dkim.push_back({signature.result, signature.domain});
    const DmarcVerdict verdict = dmarc_check(input, m_dns, nullptr);
    must(verdict.result == DmarcResult::Pass && verdict.spf_aligned && verdict.dkim_aligned, "the verdict");
  }

 private:
  const std::string m_raw;
  dns::AnswerTable m_dns;
  SpfQuestion m_question;
  const WallTime m_now = SystemClock().now();
};

/// rsa-sha256 alone.
class Primitive {
 public:
  Primitive(Bytes public_key, Bytes header, Bytes signature, std::string body)
      : m_key(must(PublicKey::from_spki(public_key))),
        m_header(std::move(header)),
        m_signature(std::move(signature)),
        m_body(std::move(body)),
        m_kept(EVP_PKEY_CTX_new_from_pkey(nullptr, m_key.native(), nullptr)) {
    must(EVP_PKEY_verify_init(m_kept.get()) == 1 && EVP_PKEY_CTX_set_rsa_padding(m_kept.get(), RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(m_kept.get(), EVP_sha256()) == 1,
         "EVP_PKEY_verify_init");
  }
  void body() { (void)sha256(as_bytes(m_body)); }
  void with_kept_context() {
    body();
    const Sha256 hashed = sha256(m_header);
    must(EVP_PKEY_verify(m_kept.get(), m_signature.data(), m_signature.size(), hashed.data(), hashed.size()) == 1, "EVP_PKEY_verify");
  }
  void operator()() {
    body();
    const EvpMdCtxPtr context(EVP_MD_CTX_new());
    must(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, m_key.native()) == 1 &&
             EVP_DigestVerify(context.get(), m_signature.data(), m_signature.size(), m_header.data(), m_header.size()) == 1,
         "EVP_DigestVerify");
  }

 private:
  PublicKey m_key;
  Bytes m_header, m_signature;
  std::string m_body;
  EvpPkeyCtxPtr m_kept;
};

bool run(std::size_t size, const PrivateKey& key, const RunOptions& options) {
  const std::string raw = message_of(size);
  const MessageView view = must(MessageView::parse(raw));
  Bytes header, signature;
  const SignFn sign = [&](const DkimKeyRef&, ByteView data) -> Result<Bytes> {
    header.assign(data.begin(), data.end());
    POSTERN_TRY(signature, key.sign(SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), data));
    return signature;
  };
  DkimSignOptions how;
  how.time = SystemClock().now();
  const std::vector<DkimKeyRef> keys = {{"example.net", "rsa", DkimAlgorithm::RsaSha256, "", 0}};
  const std::string field = must(dkim_sign(view, keys, how, sign));
  const Bytes spki = key.public_key().to_spki();
  Judging judging(field + raw, dkim_key_record(DkimAlgorithm::RsaSha256, spki));
  Primitive primitive(spki, header, signature, std::string(view.body()));
  std::vector<double> whole, alone, kept_context, body;
  for (std::size_t turn = 0; turn < options.alternations; ++turn) {
    alone.push_back(cost([&] { primitive(); }, options.seconds));
    whole.push_back(cost([&] { judging(); }, options.seconds));
    kept_context.push_back(cost([&] { primitive.with_kept_context(); }, options.seconds));
    body.push_back(cost([&] { primitive.body(); }, options.seconds / 4));
  }
  const Spread share = ratio(alone, whole);
  const auto micro = [](std::vector<double> values) {
    for (double& value : values) value *= 1e6;
    return spread(std::move(values)).text("%.1f");
  };
  const bool kept = share.median >= kPromise;
  std::printf("| %zu | %s | %s | %s | %s | %s | %.2f | %s |\n", size, micro(whole).c_str(), micro(alone).c_str(), micro(body).c_str(),
              share.text("%.3f").c_str(), ratio(kept_context, whole).text("%.3f").c_str(), kPromise, kept ? "yes" : "NO");
  return kept;
}

}  // namespace

int main(int argc, char** argv) {
  const RunOptions options = read_options(argc, argv, {0, 7, 0.5});
  const PrivateKey key = must(PrivateKey::generate(KeyKind::Rsa));
  std::printf("RSA-2048, relaxed/relaxed, %zu alternations, microseconds of processor time a message; median (least-most)\n\n",
              options.alternations);
  std::printf(
      "| bytes | SPF, DKIM and DMARC | rsa-sha256 alone | of it SHA-256 of the body | share | share with a kept context | promised | kept "
      "|\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
  bool kept = true;
  for (const std::size_t size : {std::size_t{2048}, std::size_t{16384}}) kept = run(size, key, options) && kept;
  return kept ? 0 : 1;
}
