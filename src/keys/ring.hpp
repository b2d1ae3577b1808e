// The embedded key engine: a Keeper over a KeyStore and a root key.
//
// Layers: the root key (raw, or scrypt of a passphrase) encrypts a random 256-bit key-encryption key (KEK), which stands in the store's
// root blob; the KEK encrypts each private key version (AES-256-GCM, AAD = name | type | version) and authenticates each record. Changing
// the root key rewrites one blob. OpenPGP secret keys are wrapped by the ring's own key `pgp_key_encryption` before that.
//
// Keys are unwrapped once, when the ring opens or makes them, and stay ready for use in this process: no call parses a key. What it does
// not do: watch the store for changes by others, and protect against a store that is rolled back as a whole.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "keys/keeper.hpp"
#include "keys/key_store.hpp"
#include "keys/root_key.hpp"

namespace postern {

struct RingOptions {
  /// Uses of one symmetric key version before it refuses (SP 800-38D 8.3: 2^32 random nonces). Counted since the process began.
  std::uint64_t max_encryptions = 1ULL << 32;
};

class Ring final : public Keeper {
 public:
  /// Opens the ring in `store`, or makes a new one there with the four keys of key_names. Denied when the root key is not the one that
  /// locked it; IntegrityFailed when the store was tampered with. The store and the clock must outlive the ring.
  [[nodiscard]] static Result<std::shared_ptr<Ring>> open(KeyStore& store, const RootKey& root, const Clock& clock,
                                                          RingOptions options = {});
  ~Ring() override;

  /// Locks the ring with another root key from now on. The keys themselves stay as they are.
  [[nodiscard]] Status change_root_key(const RootKey& root);

  [[nodiscard]] Result<KeyInfo> create(const KeyName& name, KeyType type) override;
  [[nodiscard]] Result<KeyInfo> describe(const KeyName& name) override;
  [[nodiscard]] Result<std::vector<KeyName>> list() override;
  [[nodiscard]] Result<KeyInfo> rotate(const KeyName& name) override;
  [[nodiscard]] Result<KeyInfo> configure(const KeyName& name, const KeySettings& settings) override;
  [[nodiscard]] Status remove(const KeyName& name) override;
  [[nodiscard]] Result<PublicKey> public_key(const KeyName& name, std::uint32_t version = 0) override;
  [[nodiscard]] Result<Bytes> sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) override;
  [[nodiscard]] Status verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data,
                              ByteView signature) override;
  [[nodiscard]] Result<Bytes> mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) override;
  [[nodiscard]] Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version = 0) override;
  [[nodiscard]] Result<SecretBytes> decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) override;
  [[nodiscard]] Result<DataKey> new_data_key(const KeyName& name, ByteView aad) override;
  [[nodiscard]] Result<SecretBytes> unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) override;
  [[nodiscard]] Result<Bytes> rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) override;
  [[nodiscard]] Result<SecretBytes> decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options,
                                                 ByteView ciphertext) override;
  [[nodiscard]] Result<SecretBytes> decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext,
                                                  std::size_t expected_size) override;
  [[nodiscard]] Result<SecretBytes> agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) override;
  [[nodiscard]] Result<KeyInfo> openpgp_create(const KeyName& name, std::string_view user_id) override;
  [[nodiscard]] Result<std::string> openpgp_certificate(const KeyName& name, std::uint32_t version = 0) override;
  [[nodiscard]] Result<std::string> openpgp_sign_detached(const KeyName& name, ByteView data) override;
  [[nodiscard]] Result<std::string> openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients,
                                                         ByteView plaintext) override;
  [[nodiscard]] Result<OpenPgpOpened> openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) override;

 private:
  struct State;
  explicit Ring(std::unique_ptr<State> state);
  std::unique_ptr<State> m_state;
};

}  // namespace postern
