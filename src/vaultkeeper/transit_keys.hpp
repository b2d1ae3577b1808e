// Keys that live in the external Vault's transit engine and never leave it: one call for each private operation.
//
// Public keys and descriptions are kept for a short time, so that verification and look-ups cost no call; a rotation by somebody else is
// seen within that time. ECDSA and RSA get digests, not messages; Ed25519 needs the whole message (RFC 8032) and gets it.
// Thread safe. Errors: those of the Keeper port.
#pragma once

#include <map>
#include <mutex>

#include "keys/keeper.hpp"
#include "vaultkeeper/client.hpp"

namespace postern::vaultkeeper {

inline constexpr std::size_t kSignedMost = 24U << 20;  ///< Bytes of a message for Ed25519 or a MAC: base64 of it fits Vault's 32 MiB.

inline constexpr std::size_t kEncryptedMost = 512U << 10;  ///< Bytes of a plaintext: the answer must fit kAnswerLimit.

class TransitKeys {
 public:
  TransitKeys(Client& client, const Clock& clock) : m_client(client), m_clock(clock) {}

  [[nodiscard]] Result<KeyInfo> create(const KeyName& name, KeyType type);
  [[nodiscard]] Result<KeyInfo> describe(const KeyName& name);
  [[nodiscard]] Result<std::vector<KeyName>> list();
  [[nodiscard]] Result<KeyInfo> rotate(const KeyName& name);
  [[nodiscard]] Result<KeyInfo> configure(const KeyName& name, const KeySettings& settings);
  [[nodiscard]] Status remove(const KeyName& name);
  [[nodiscard]] Result<PublicKey> public_key(const KeyName& name, std::uint32_t version);
  [[nodiscard]] Result<Bytes> sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data);
  [[nodiscard]] Status verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data,
                              ByteView signature);
  [[nodiscard]] Result<Bytes> mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data);
  [[nodiscard]] Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version);
  [[nodiscard]] Result<SecretBytes> decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad);
  /// SHA-256 for both digests and no label: all that transit does.
  [[nodiscard]] Result<SecretBytes> decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options,
                                                 ByteView ciphertext);

 private:
  struct Known {
    KeyInfo info;
    SteadyTime until;
  };
  [[nodiscard]] Result<KeyInfo> fetch(const KeyName& name);
  [[nodiscard]] Result<KeyInfo> change(const KeyName& name, std::string_view what, BodyWriter& body, std::string_view capability);
  void remember(const KeyInfo& info);
  void count(const KeyName& name, std::uint32_t version);
  [[nodiscard]] KeyInfo with_uses(KeyInfo info);
  [[nodiscard]] Result<Bytes> signature_of(const KeyName& name, const Answer& answer, std::string_view member);

  Client& m_client;
  const Clock& m_clock;
  std::mutex m_mutex;
  std::map<KeyName, Known> m_known;
  std::map<std::pair<KeyName, std::uint32_t>, std::uint64_t> m_uses;
};

/// What a key's description says. Unavailable when it is none; Unsupported for types that the port does not know. Total: foreign bytes.
[[nodiscard]] Result<KeyInfo> read_key_info(const KeyName& name, const boost::json::object* data);
/// The name of a digest in transit's URLs ("sha2-256", "sha3-512").
[[nodiscard]] std::string transit_hash(HashAlgorithm hash);

}  // namespace postern::vaultkeeper
