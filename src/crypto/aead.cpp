#include "crypto/aead.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "crypto/fatal.hpp"
#include "crypto/keyed_cipher.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

using detail::must;

constexpr std::array<const char*, 3> kNames{"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
constexpr std::array<std::size_t, 3> kKeySizes{16, 32, 32};
using detail::CipherDirection;
using detail::KeyedCipher;

const EVP_CIPHER* cipher_of(AeadAlgorithm algorithm) {
  static const auto* fetched = [] {
    auto* all = new std::array<EVP_CIPHER*, kNames.size()>;
    for (std::size_t i = 0; i < kNames.size(); ++i) (*all)[i] = must(EVP_CIPHER_fetch(nullptr, kNames[i], nullptr), kNames[i]);
    return all;
  }();
  return fetched->at(static_cast<std::size_t>(algorithm));
}

// The cipher of one key in one direction.
struct Slot {
  std::uint64_t key_id = 0;
  CipherDirection direction = CipherDirection::Open;
  std::uint64_t last_used = 0;
  std::optional<KeyedCipher> cipher;
};

class Slots {
 public:
  // The cipher of this key; in the place of the one that was used longest ago when it is not there.
  KeyedCipher& keyed(std::uint64_t id, AeadAlgorithm algorithm, CipherDirection direction, ByteView key) {
    Slot* oldest = m_slots.data();
    for (Slot& slot : m_slots) {
      if (slot.key_id == id && slot.direction == direction) {
        slot.last_used = ++m_now;
        return *slot.cipher;
      }
      if (slot.last_used < oldest->last_used) oldest = &slot;
    }
    *oldest = {id, direction, ++m_now, KeyedCipher(algorithm, direction, key)};
    return *oldest->cipher;
  }

  // Destroys the schedules of a key.
  void forget(std::uint64_t id) noexcept {
    for (Slot& slot : m_slots) {
      if (slot.key_id == id) slot = {};
    }
  }

 private:
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

Status check_key(AeadAlgorithm algorithm, ByteView key) {
  if (key.size() == aead_key_size(algorithm)) return {};
  return fail(ErrorCode::BadInput, "the key has the wrong size for this cipher", "key");
}

Status check_sizes(ByteView nonce, ByteView aad, std::size_t text, std::size_t out, std::size_t expected_out) {
  if (nonce.size() != kAeadNonce) return fail(ErrorCode::BadInput, "the nonce must be 12 bytes", "nonce");
  if (text > kAeadMessage || aad.size() > kAeadMessage) return fail(ErrorCode::TooLarge, "more than one AEAD message can hold");
  if (out != expected_out) return fail(ErrorCode::Internal, "the output buffer has the wrong size");
  return {};
}

}  // namespace

namespace detail {

KeyedCipher::KeyedCipher(AeadAlgorithm algorithm, CipherDirection direction, ByteView key, const AeadNonce& first)
    : m_context(must(EVP_CIPHER_CTX_new(), "no memory for a cipher")), m_set(first) {
  must(EVP_CipherInit_ex2(m_context.get(), cipher_of(algorithm), key.data(), first.data(), static_cast<int>(direction), nullptr),
       "cipher key");
}

// A nonce serves once; the one that came with the key is in place already.
void KeyedCipher::set_nonce(ByteView nonce) {
  if (m_set && std::ranges::equal(*m_set, nonce)) return m_set.reset();
  m_set.reset();
  must(EVP_CipherInit_ex2(m_context.get(), nullptr, nullptr, nonce.data(), -1, nullptr), "cipher nonce");
}

Status KeyedCipher::seal(ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out) {
  POSTERN_CHECK(check_sizes(nonce, aad, plaintext.size(), out.size(), plaintext.size() + kAeadTag));
  set_nonce(nonce);
  POSTERN_CHECK(feed(m_context.get(), aad, plaintext, out.data()));
  int rest = 0;
  Byte* const tag = out.data() + plaintext.size();
  must(EVP_CipherFinal_ex(m_context.get(), tag, &rest), "cipher end");
  must(EVP_CIPHER_CTX_ctrl(m_context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kAeadTag), tag), "cipher tag");
  return {};
}

Status KeyedCipher::open(ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out) {
  if (sealed.size() < kAeadTag) return fail(ErrorCode::BadInput, "too short to be authentic");
  const ByteView text = sealed.first(sealed.size() - kAeadTag);
  POSTERN_CHECK(check_sizes(nonce, aad, text.size(), out.size(), text.size()));
  std::array<Byte, kAeadTag> tag;
  std::copy(sealed.end() - kAeadTag, sealed.end(), tag.begin());
  set_nonce(nonce);
  must(EVP_CIPHER_CTX_ctrl(m_context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kAeadTag), tag.data()), "cipher tag");
  POSTERN_CHECK(feed(m_context.get(), aad, text, out.data()));
  int rest = 0;
  Byte nothing = 0;
  if (EVP_CipherFinal_ex(m_context.get(), &nothing, &rest) == 1) return {};
  openssl_clear_errors();
  wipe(out);  // never hand on what did not verify
  return fail(ErrorCode::IntegrityFailed, "the encrypted bytes were changed, or the key or its context is another");
}

}  // namespace detail

std::size_t aead_key_size(AeadAlgorithm algorithm) noexcept { return kKeySizes[static_cast<std::size_t>(algorithm)]; }

Result<Aead> Aead::create(AeadAlgorithm algorithm, ByteView key) {
  POSTERN_CHECK(check_key(algorithm, key));
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
  return thread_slots().keyed(m_id, m_algorithm, CipherDirection::Seal, m_key.view()).seal(nonce, aad, plaintext, out);
}

Status Aead::open(ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out) const {
  return thread_slots().keyed(m_id, m_algorithm, CipherDirection::Open, m_key.view()).open(nonce, aad, sealed, out);
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

Status aead_seal_once(AeadAlgorithm algorithm, ByteView key, ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out) {
  POSTERN_CHECK(check_key(algorithm, key));
  return KeyedCipher(algorithm, CipherDirection::Seal, key).seal(nonce, aad, plaintext, out);
}

Status aead_open_once(AeadAlgorithm algorithm, ByteView key, ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out) {
  POSTERN_CHECK(check_key(algorithm, key));
  return KeyedCipher(algorithm, CipherDirection::Open, key).open(nonce, aad, sealed, out);
}

}  // namespace postern
