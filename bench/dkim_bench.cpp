// rooms: mailauth keys
//
// The promise: signing a message with DKIM, Ed25519 and RSA-2048 side by side, spends at least 85% of its processor time in the signature
// primitives (EVP_DigestSign), not in ours.
//
//   dkim_bench [--alternations 7] [--seconds 0.5]         exit status 1 when the promise is not kept
//
// In turns within one run: dkim_sign() with keys of the embedded keeper, as the gateway calls it; and the bare primitives over the very
// bytes that it gave to the keys. Judged is their share alone; that with the digest of the body, which is not ours either, stands beside
// it.
#include <openssl/evp.h>

#include <array>

#include "bench/measure.hpp"
#include "crypto/hash.hpp"
#include "keys/transit_keeper.hpp"
#include "mailauth/canonical.hpp"
#include "mailauth/dkim.hpp"

namespace {

using namespace postern;
using namespace postern::bench;

constexpr double kPromise = 0.85;

struct Options {
  std::size_t alternations = 7;
  double seconds = 0.5;
};

std::string message_of(std::size_t size) {
  std::string out =
      "Received: from mua.postern.example ([192.0.2.7])\r\n\tby mail.postern.example (Postern) with ESMTPSA id "
      "01M80JWM8A0TCTJP7HBD2MTF7F\r\n"
      "\tfor <bob@example.net>; Mon, 01 Jun 2026 10:00:00 +0000\r\n"
      "From: Alice Example <alice@postern.example>\r\nTo: Bob Example <bob@example.net>\r\nSubject: The plan for Monday\r\n"
      "Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <20260601100000.1234@postern.example>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
  while (out.size() < size) out += "the plan for Monday stands, and for Tuesday there is a plan as well.\r\n";
  return out;
}

/// One key as OpenSSL alone uses it: sign() gets what DKIM gave to the key of the same algorithm.
class Primitive {
 public:
  explicit Primitive(KeyKind kind) : m_key(must(PrivateKey::generate(kind))) {}
  void operator()(ByteView data) {
    const EvpMdCtxPtr context(EVP_MD_CTX_new());
    const EVP_MD* digest = m_key.kind() == KeyKind::Rsa ? EVP_sha256() : nullptr;
    std::size_t size = m_out.size();
    must(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, m_key.native()) == 1 &&
             EVP_DigestSign(context.get(), m_out.data(), &size, data.data(), data.size()) == 1,
         "EVP_DigestSign");
  }

 private:
  PrivateKey m_key;
  std::array<Byte, 512> m_out{};
};

bool run(std::size_t size, Keeper& keeper, const std::vector<DkimKeyRef>& keys, const Options& options) {
  const std::string raw = message_of(size);
  const MessageView view = must(MessageView::parse(raw));
  DkimSignOptions how;
  how.time = SystemClock().now();
  Bytes ed_bytes, rsa_bytes;
  const SignFn sign = [&](const DkimKeyRef& key, ByteView data) {
    (key.algorithm == DkimAlgorithm::RsaSha256 ? rsa_bytes : ed_bytes).assign(data.begin(), data.end());
    const auto algorithm =
        key.algorithm == DkimAlgorithm::RsaSha256 ? SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256) : SignAlgorithm::ed25519();
    return keeper.sign(KeyName(key.key_name), key.key_version, algorithm, data);
  };
  (void)must(dkim_sign(view, keys, how, sign));
  Primitive ed(KeyKind::Ed25519), rsa(KeyKind::Rsa);
  std::vector<double> whole, primitives, body;
  for (std::size_t turn = 0; turn < options.alternations; ++turn) {
    primitives.push_back(cost(
        [&] {
          ed(ed_bytes);
          rsa(rsa_bytes);
        },
        options.seconds));
    whole.push_back(cost([&] { (void)must(dkim_sign(view, keys, how, sign)); }, options.seconds));
    body.push_back(cost([&] { (void)sha256(as_bytes(view.body())); }, options.seconds / 4));
  }
  const Spread share = ratio(primitives, whole);
  std::vector<double> with_body = primitives;
  for (std::size_t i = 0; i < body.size(); ++i) with_body[i] += body[i];
  const auto micro = [](std::vector<double> values) {
    for (double& value : values) value *= 1e6;
    return spread(std::move(values)).text("%.0f");
  };
  const Spread share_with_body = ratio(with_body, whole);
  const bool kept = share.median >= kPromise;
  std::printf("| %zu | %s | %s | %s | %s | %s | %.2f | %s |\n", size, micro(whole).c_str(), micro(primitives).c_str(), micro(body).c_str(),
              share.text("%.3f").c_str(), share_with_body.text("%.3f").c_str(), kPromise, kept ? "yes" : "NO");
  return kept;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--alternations")
      options.alternations = std::max(1ULL, std::strtoull(argv[i + 1], nullptr, 10));
    else if (name == "--seconds")
      options.seconds = std::strtod(argv[i + 1], nullptr);
    else
      return std::fprintf(stderr, "usage: dkim_bench [--alternations N] [--seconds S]\n"), 2;
  }
  const SystemClock clock;
  const auto keeper = must(make_memory_keeper(clock));
  (void)must(keeper->ensure(KeyName("dkim_rsa"), KeyType::Rsa2048));
  const std::vector<DkimKeyRef> keys = {{"postern.example", "ed", DkimAlgorithm::Ed25519Sha256, "dkim_key", 0},
                                        {"postern.example", "rsa", DkimAlgorithm::RsaSha256, "dkim_rsa", 0}};
  std::printf("Ed25519 and RSA-2048, %zu alternations, microseconds of processor time a message; median (least-most)\n\n",
              options.alternations);
  std::printf(
      "| bytes | dkim_sign | EVP_DigestSign | SHA-256 of the body | share of EVP_DigestSign | share with the body's digest | promised | "
      "kept |\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
  const bool small = run(2048, *keeper, keys, options);
  const bool large = run(65536, *keeper, keys, options);
  return small && large ? 0 : 1;
}
