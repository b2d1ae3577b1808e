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
#include "bench/raw_cipher.hpp"
#include "crypto/aead.hpp"
#include "crypto/random.hpp"
#include "crypto/stream_aead.hpp"
#include "keys/transit_keeper.hpp"
#include "store/sealed_content.hpp"

namespace {

using namespace postern;
using namespace postern::bench;

constexpr double kPromise = 0.90;

/// Bytes per second by `openssl speed`, which divides by user time.
double openssl_speed(const RunOptions& options) {
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

struct Contender {
  const char* name;
  bool judged;
  std::function<double()> speed;  // bytes per second
  std::vector<double> seen;
};

int run(const RunOptions& options) {
  const Bytes plaintext(options.size, 'x');
  const std::string aad = "postern content 1|01M80JWM8A0TCTJP7HBD2MTF7F";
  const Bytes key(32, 7);
  RawCipher primitive(options.size);
  const Aead aead = must(Aead::create(AeadAlgorithm::Aes256Gcm, key));
  Bytes out(options.size + kAeadTag);
  std::array<Byte, kAeadNonce> nonce{};
  const SystemClock clock;
  const auto keeper = must(make_memory_keeper(clock));
  const MessageId id("01M80JWM8A0TCTJP7HBD2MTF7F");
  const RawBytes stream = must(stream_seal(key, as_bytes(aad), plaintext));
  const SealedContent content = must(seal_content(*keeper, id, as_text(plaintext)));

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
      {"seal_content, data key wrapped", false, here([&] { (void)must(seal_content(*keeper, id, as_text(plaintext))); }), {}});
  contenders.push_back({"open_content, data key unwrapped", false, here([&] { (void)must(open_content(*keeper, id, content)); }), {}});
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

int main(int argc, char** argv) { return run(read_options(argc, argv, {.size = 16384, .alternations = 7, .seconds = 0.4})); }
