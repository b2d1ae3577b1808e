// rooms: store keys
//
// The promise: content at rest is encrypted within 10% of what `openssl speed` says AES-256-GCM can do at 16 KiB.
//
//   aead_bench [--size 16384] [--alternations 7] [--seconds 0.4]         exit status 1 when the promise is not kept
//
// In turns within one run: `openssl speed` as a process of its own (no nonce, no tag, one key); the same primitive called here for whole
// messages (fetched cipher, kept context and key, fresh nonce, update, final, tag); and the product's entry points. Judged are both that
// the spool stands on: Aead, which has its key already, and the stream, which makes a key schedule and a buffer for every message. The
// content rows also make, wrap or unwrap a data key; they are there to be seen.
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "bench/measure.hpp"
#include "crypto/aead.hpp"
#include "crypto/random.hpp"
#include "crypto/stream_aead.hpp"
#include "keys/ring.hpp"
#include "store/sealed_content.hpp"

namespace {

using namespace postern;
using namespace postern::bench;

constexpr double kPromise = 0.90;

struct Options {
  std::size_t size = 16384, alternations = 7;
  double seconds = 0.4;
};

/// Bytes per second by `openssl speed`, which divides by user time.
double openssl_speed(const Options& options) {
  const std::string command = "openssl speed -mr -evp aes-256-gcm -bytes " + std::to_string(options.size) + " -seconds 1 2>/dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  must(pipe != nullptr, "openssl speed");
  std::array<char, 256> line{};
  double found = 0;
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    if (std::strncmp(line.data(), "+F:", 3) == 0) found = std::strtod(std::strrchr(line.data(), ':') + 1, nullptr);
  }
  must(::pclose(pipe) == 0 && found > 0, "openssl speed");
  return found;
}

/// What nobody can beat with this library: everything that can be kept is kept.
class Primitive {
 public:
  explicit Primitive(std::size_t size) : m_plaintext(size, 'x'), m_out(12 + size + 16), m_context(EVP_CIPHER_CTX_new()) {
    const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    const Bytes key(32, 7);
    must(EVP_EncryptInit_ex2(m_context.get(), cipher, key.data(), nullptr, nullptr) == 1, "key");
  }
  void operator()() {
    int size = 0;
    fill_nonce(ByteSpan(m_out).first(12));
    bool ok = EVP_EncryptInit_ex2(m_context.get(), nullptr, nullptr, m_out.data(), nullptr) == 1;
    ok = ok && EVP_EncryptUpdate(m_context.get(), m_out.data() + 12, &size, m_plaintext.data(), static_cast<int>(m_plaintext.size())) == 1;
    ok = ok && EVP_EncryptFinal_ex(m_context.get(), m_out.data() + m_out.size() - 16, &size) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(m_context.get(), EVP_CTRL_AEAD_GET_TAG, 16, m_out.data() + m_out.size() - 16) == 1;
    must(ok, "AES-256-GCM");
  }

 private:
  Bytes m_plaintext, m_out;
  EvpCipherCtxPtr m_context;
};

struct Contender {
  const char* name;
  bool judged;
  std::function<double()> speed;  // bytes per second
  std::vector<double> seen;
};

int run(const Options& options) {
  const Bytes plaintext(options.size, 'x');
  const std::string aad = "postern content 1|01M80JWM8A0TCTJP7HBD2MTF7F";
  const Bytes key(32, 7);
  Primitive primitive(options.size);
  const Aead aead = must(Aead::create(AeadAlgorithm::Aes256Gcm, key));
  Bytes out(options.size + kAeadTag);
  std::array<Byte, kAeadNonce> nonce{};
  const SystemClock clock;
  MemoryKeyStore store;
  const auto ring = must(Ring::open(store, must(RootKey::raw(key)), clock));
  const MessageId id("01M80JWM8A0TCTJP7HBD2MTF7F");
  const RawBytes stream = must(stream_seal(key, as_bytes(aad), plaintext));
  const SealedContent content = must(seal_content(*ring, id, as_text(plaintext)));

  const auto here = [&](std::function<void()> work) {
    return [&options, work = std::move(work)] { return static_cast<double>(options.size) / cost(work, options.seconds); };
  };
  std::vector<Contender> contenders;
  contenders.push_back({"openssl speed -evp aes-256-gcm", false, [&] { return openssl_speed(options); }, {}});
  contenders.push_back({"EVP, whole messages", false, here([&] { primitive(); }), {}});
  contenders.push_back({"Aead::seal, fresh nonce",
                        true,
                        here([&] {
                          fill_nonce(nonce);
                          must(aead.seal(nonce, as_bytes(aad), plaintext, out));
                        }),
                        {}});
  contenders.push_back(
      {"stream_seal, own key schedule and buffer", true, here([&] { (void)must(stream_seal(key, as_bytes(aad), plaintext)); }), {}});
  contenders.push_back({"stream_open", false, here([&] { (void)must(stream_open(key, as_bytes(aad), stream)); }), {}});
  contenders.push_back(
      {"seal_content, data key wrapped", false, here([&] { (void)must(seal_content(*ring, id, as_text(plaintext))); }), {}});
  contenders.push_back({"open_content, data key unwrapped", false, here([&] { (void)must(open_content(*ring, id, content)); }), {}});
  for (std::size_t turn = 0; turn < options.alternations; ++turn) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      Contender& contender = contenders[(i + turn) % contenders.size()];
      contender.seen.push_back(contender.speed());
    }
  }

  std::printf("%zu bytes, %zu alternations, processor time; median (least-most)\n\n", options.size, options.alternations);
  std::printf("| contender | MB/s | / openssl speed | / EVP | promised | kept |\n| --- | ---: | ---: | ---: | ---: | --- |\n");
  bool kept = true;
  for (Contender& c : contenders) {
    const Spread against = ratio(c.seen, contenders[0].seen);
    std::vector<double> mega;
    for (const double speed : c.seen) mega.push_back(speed / 1e6);
    const bool ok = against.median >= kPromise;
    if (c.judged) kept = kept && ok;
    std::printf("| %s | %s | %s | %s | %s | %s |\n", c.name, spread(mega).text("%.0f").c_str(), against.text("%.2f").c_str(),
                ratio(c.seen, contenders[1].seen).text("%.2f").c_str(), c.judged ? "0.90" : "", c.judged ? (ok ? "yes" : "NO") : "");
  }
  return kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--size")
      options.size = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--alternations")
      options.alternations = std::max(1ULL, std::strtoull(argv[i + 1], nullptr, 10));
    else if (name == "--seconds")
      options.seconds = std::strtod(argv[i + 1], nullptr);
    else
      return std::fprintf(stderr, "usage: aead_bench [--size B] [--alternations N] [--seconds S]\n"), 2;
  }
  return run(options);
}
