#include "crypto/aead.hpp"

#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <utility>

#include "crypto/fatal.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

using detail::must;

constexpr std::array<const char*, 3> kNames{"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
constexpr std::array<std::size_t, 3> kKeySizes{16, 32, 32};
constexpr std::array<Byte, 32> kNoKey{};
enum class Direction : int { Open = 0, Seal = 1 };

const EVP_CIPHER* cipher_of(AeadAlgorithm algorithm) {
  static const auto* fetched = [] {
    auto* all = new std::array<EVP_CIPHER*, kNames.size()>;
    for (std::size_t i = 0; i < kNames.size(); ++i) (*all)[i] = must(EVP_CIPHER_fetch(nullptr, kNames[i], nullptr), kNames[i]);
    return all;
  }();
  return fetched->at(static_cast<std::size_t>(algorithm));
}

// One context with the key schedule of one key in one direction.
struct Slot {
  std::uint64_t key_id = 0;
  Direction direction = Direction::Open;
  AeadAlgorithm algorithm = AeadAlgorithm::Aes256Gcm;
  std::uint64_t last_used = 0;
  EvpCipherCtxPtr context;
};

class Slots {
 public:
  // The context for this key, keyed; or the one that was used longest ago, keyed anew.
  EVP_CIPHER_CTX* keyed(std::uint64_t id, AeadAlgorithm algorithm, Direction direction, ByteView key) {
    Slot* oldest = m_slots.data();
    for (Slot& slot : m_slots) {
      if (slot.key_id == id && slot.direction == direction) {
        slot.last_used = ++m_now;
        return slot.context.get();
      }
      if (slot.last_used < oldest->last_used) oldest = &slot;
    }
    load(*oldest, id, algorithm, direction, key);
    return oldest->context.get();
  }

  // Overwrites the schedules of a key with those of no key; cheaper than a new context for the next data key.
  void forget(std::uint64_t id) noexcept {
    for (Slot& slot : m_slots) {
      if (slot.key_id != id) continue;
      (void)EVP_CipherInit_ex2(slot.context.get(), cipher_of(slot.algorithm), kNoKey.data(), nullptr, static_cast<int>(slot.direction),
                               nullptr);
      slot.key_id = 0;
      slot.last_used = 0;
    }
  }

 private:
  void load(Slot& slot, std::uint64_t id, AeadAlgorithm algorithm, Direction direction, ByteView key) {
    if (!slot.context) slot.context.reset(must(EVP_CIPHER_CTX_new(), "no memory for a cipher"));
    slot.key_id = 0;
    must(EVP_CipherInit_ex2(slot.context.get(), cipher_of(algorithm), key.data(), nullptr, static_cast<int>(direction), nullptr),
         "cipher key");
    slot.key_id = id;
    slot.algorithm = algorithm;
    slot.direction = direction;
    slot.last_used = ++m_now;
  }
  std::array<Slot, 8> m_slots;
  std::uint64_t m_now = 0;
};

// A plain pointer, since an Aead of static storage is destroyed after the thread's own objects.
thread_local Slots* t_slots = nullptr;
struct SlotsOwner {
  SlotsOwner() { t_slots = new Slots; }
  ~SlotsOwner() { delete std::exchange(t_slots, nullptr); }
};

Slots& thread_slots() {
  thread_local const SlotsOwner owner;
  if (t_slots == nullptr) t_slots = new Slots;  // only while the process ends
  return *t_slots;
}

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

Status feed(EVP_CIPHER_CTX* context, ByteView aad, ByteView in, Byte* out) {
  int written = 0;
  if (!aad.empty() && EVP_CipherUpdate(context, nullptr, &written, aad.data(), static_cast<int>(aad.size())) != 1) {
    return fail(openssl_error(ErrorCode::Internal, "authenticated encryption"));
  }
  if (!in.empty() && EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) != 1) {
    return fail(openssl_error(ErrorCode::Internal, "authenticated encryption"));
  }
  return {};
}

Status check_sizes(ByteView nonce, ByteView aad, std::size_t text, std::size_t out, std::size_t expected_out) {
  if (nonce.size() != kAeadNonce) return fail(ErrorCode::BadInput, "the nonce must be 12 bytes", "nonce");
  if (text > kAeadMessage || aad.size() > kAeadMessage) return fail(ErrorCode::TooLarge, "more than one AEAD message can hold");
  if (out != expected_out) return fail(ErrorCode::Internal, "the output buffer has the wrong size");
  return {};
}

}  // namespace

std::size_t aead_key_size(AeadAlgorithm algorithm) noexcept { return kKeySizes[static_cast<std::size_t>(algorithm)]; }

Result<Aead> Aead::create(AeadAlgorithm algorithm, ByteView key) {
  if (key.size() != aead_key_size(algorithm)) return fail(ErrorCode::BadInput, "the key has the wrong size for this cipher", "key");
  return Aead(algorithm, SecretBytes(key));
}

Aead::Aead(AeadAlgorithm algorithm, SecretBytes key) : m_algorithm(algorithm), m_key(std::move(key)), m_id(next_id()) {}
Aead::Aead(Aead&& other) noexcept : m_algorithm(other.m_algorithm), m_key(std::move(other.m_key)), m_id(std::exchange(other.m_id, 0)) {}
Aead& Aead::operator=(Aead&& other) noexcept {
  std::swap(m_algorithm, other.m_algorithm);
  std::swap(m_key, other.m_key);
  std::swap(m_id, other.m_id);
  return *this;
}
Aead::~Aead() {
  if (m_id != 0 && t_slots != nullptr) t_slots->forget(m_id);
}

Status Aead::seal(ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out) const {
  POSTERN_CHECK(check_sizes(nonce, aad, plaintext.size(), out.size(), plaintext.size() + kAeadTag));
  EVP_CIPHER_CTX* context = thread_slots().keyed(m_id, m_algorithm, Direction::Seal, m_key.view());
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr), "cipher nonce");
  POSTERN_CHECK(feed(context, aad, plaintext, out.data()));
  int rest = 0;
  Byte* const tag = out.data() + plaintext.size();
  must(EVP_CipherFinal_ex(context, tag, &rest), "cipher end");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kAeadTag), tag), "cipher tag");
  return {};
}

Status Aead::open(ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out) const {
  if (sealed.size() < kAeadTag) return fail(ErrorCode::BadInput, "too short to be authentic");
  const ByteView text = sealed.first(sealed.size() - kAeadTag);
  POSTERN_CHECK(check_sizes(nonce, aad, text.size(), out.size(), text.size()));
  std::array<Byte, kAeadTag> tag;
  std::copy(sealed.end() - kAeadTag, sealed.end(), tag.begin());
  EVP_CIPHER_CTX* context = thread_slots().keyed(m_id, m_algorithm, Direction::Open, m_key.view());
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr), "cipher nonce");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kAeadTag), tag.data()), "cipher tag");
  POSTERN_CHECK(feed(context, aad, text, out.data()));
  int rest = 0;
  Byte nothing = 0;
  if (EVP_CipherFinal_ex(context, &nothing, &rest) == 1) return {};
  openssl_clear_errors();
  wipe(out);  // never hand on what did not verify
  return fail(ErrorCode::IntegrityFailed, "the encrypted bytes were changed, or the key or its context is another");
}

Result<Bytes> Aead::seal_random(ByteView aad, ByteView plaintext) const {
  Bytes out(kAeadNonce + plaintext.size() + kAeadTag);
  const ByteSpan nonce = ByteSpan(out).first(kAeadNonce);
  fill_nonce(nonce);
  POSTERN_CHECK(seal(nonce, aad, plaintext, ByteSpan(out).subspan(kAeadNonce)));
  return out;
}

Result<SecretBytes> Aead::open_random(ByteView aad, ByteView sealed) const {
  if (sealed.size() < kAeadNonce + kAeadTag) return fail(ErrorCode::BadInput, "too short to be authentic");
  SecretBytes out(sealed.size() - kAeadNonce - kAeadTag);
  POSTERN_CHECK(open(sealed.first(kAeadNonce), aad, sealed.subspan(kAeadNonce), out.span()));
  return out;
}

}  // namespace postern
