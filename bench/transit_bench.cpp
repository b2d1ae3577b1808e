// rooms: transit
//
// The promise: an encryption by the key engine is at least 90% as fast as the raw primitive for whole messages (AES-256-GCM, fetched
// cipher, kept key, buffered random nonce, tag), and a signature by Ed25519 or ECDSA P-256 at least 75%.
//
//   transit_bench [--size 1024] [--alternations 7] [--seconds 0.3]         exit status 1 when the promise is not kept
//
// In turns within one run, by processor time. Judged are the calls that a keeper and a batch stand on: one KeyRef for many items. The rows
// with the look-up and with the text form ("vault:v1:" and base64) are there to be seen.
#include <openssl/evp.h>

#include <array>

#include "bench/measure.hpp"
#include "bench/raw_cipher.hpp"
#include "crypto/random.hpp"
#include "transit/engine.hpp"

namespace {

using namespace postern;
using namespace postern::bench;
using transit::Engine;
using transit::KeyRef;
using transit::KeyType;

/// EVP alone, a context for each signature as OpenSSL wants it.
void raw_sign(EVP_PKEY* key, const EVP_MD* hash, ByteView data) {
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::array<Byte, 80> out;
  std::size_t size = out.size();
  must(EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key) == 1 &&
           EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) == 1,
       "signing");
}

struct Contender {
  const char* name;
  std::size_t against;  // which contender it is compared with
  double promised;      // 0: not judged
  std::function<void()> work;
  std::vector<double> rates{};
};

std::vector<Contender> contenders(Engine& engine, const RunOptions& options) {
  const auto key = [&](const char* name, KeyType type) {
    (void)must(engine.create(name, {.type = type}));
    return must(engine.get(name));
  };
  auto raw = std::make_shared<RawCipher>(options.size);
  const KeyRef aes = key("aes", KeyType::Aes256Gcm96);
  const Bytes text(options.size, 'x');
  const auto sealed = std::make_shared<Bytes>(options.size + aes.overhead());
  const std::string ciphertext = must(aes.encrypt(text)).text;
  const KeyRef ed = key("ed", KeyType::Ed25519);
  const KeyRef ec = key("ec", KeyType::EcdsaP256);
  const auto own_ed = std::make_shared<PrivateKey>(must(PrivateKey::generate(KeyKind::Ed25519)));
  const auto own_ec = std::make_shared<PrivateKey>(must(PrivateKey::generate(KeyKind::EcP256)));
  const Bytes data(128, 'd');
  std::vector<Contender> out;
  out.push_back({"EVP AES-256-GCM, whole messages", 0, 0, [raw] { (*raw)(); }});
  out.push_back({"KeyRef::seal", 0, 0.90, [=] { (void)must(aes.seal(text, {}, *sealed)); }});
  out.push_back({"Engine::get + seal", 0, 0, [=, &engine] { (void)must(must(engine.get("aes")).seal(text, {}, *sealed)); }});
  out.push_back({"KeyRef::encrypt, text form", 0, 0, [=] { (void)must(aes.encrypt(text)); }});
  out.push_back({"KeyRef::decrypt, text form", 0, 0, [=] { (void)must(aes.decrypt(ciphertext)); }});
  out.push_back({"EVP Ed25519 sign", 5, 0, [=] { raw_sign(own_ed->native(), nullptr, data); }});
  out.push_back({"KeyRef::sign ed25519", 5, 0.75, [=] { (void)must(ed.sign(data)); }});
  out.push_back({"EVP ECDSA P-256 sign", 7, 0, [=] { raw_sign(own_ec->native(), evp_md(HashAlgorithm::Sha256), data); }});
  out.push_back({"KeyRef::sign ecdsa-p256", 7, 0.75, [=] { (void)must(ec.sign(data)); }});
  return out;
}

int run(const RunOptions& options) {
  MemoryStorage storage;
  const SystemClock clock;
  Engine engine(storage, clock);
  std::vector<Contender> all = contenders(engine, options);
  for (std::size_t turn = 0; turn < options.alternations; ++turn) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      Contender& one = all[(i + turn) % all.size()];
      one.rates.push_back(1 / cost(one.work, options.seconds));
    }
  }
  std::printf("%zu bytes, %zu alternations, processor time; median (least-most)\n\n", options.size, options.alternations);
  std::printf("| contender | 1000/s | / raw | promised | kept |\n| --- | ---: | ---: | ---: | --- |\n");
  bool kept = true;
  for (const Contender& one : all) {
    const Spread against = ratio(one.rates, all[one.against].rates);
    std::vector<double> kilo;
    for (const double rate : one.rates) kilo.push_back(rate / 1e3);
    const bool ok = against.median >= one.promised;
    kept = kept && ok;
    std::printf("| %s | %s | %s | %s | %s |\n", one.name, spread(kilo).text("%.1f").c_str(), against.text("%.2f").c_str(),
                one.promised == 0 ? "" : (one.promised > 0.8 ? "0.90" : "0.75"), one.promised == 0 ? "" : (ok ? "yes" : "NO"));
  }
  return kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return run(read_options(argc, argv, {.size = 1024, .alternations = 7, .seconds = 0.3})); }
