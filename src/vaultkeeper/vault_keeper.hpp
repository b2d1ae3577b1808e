// The key engine of the mail system in an external OpenBao or HashiCorp Vault: the Keeper port over its transit engine.
//
// Which keys are where (KeyInfo::custody says it of each key):
//   "transit"  the four named keys; all symmetric keys, HMAC and Ed25519; the ECDSA and RSA keys that only sign (the CA's, DKIM's). They
//   never
//              leave the Vault. Data keys of messages are the exception that speed asks for: data_keys.hpp.
//   "wrapped"  what transit cannot do: S/MIME keys (PKCS#1 v1.5, OAEP with SHA-1, ECDH), X25519, OpenPGP; and the listener's key, because a
//   TLS
//              handshake must not cost a call. Made here, sealed by the Vault, opened for a bounded time: local_keys.hpp.
// A key that the operator made in transit under a name of ours stays there, and does what transit can.
//
// While the Vault does not answer, calls fail at once with Unavailable and one sentence that says since when and why (line.hpp); a thread
// of ours asks for its health, renews the token and fetches ahead. Nothing needs a restart. Threads: all calls block, for
// keys.vault.timeout at most; not for event loops where that is too long.
#pragma once

#include <condition_variable>
#include <thread>

#include "vaultkeeper/local_keys.hpp"
#include "vaultkeeper/transit_keys.hpp"

namespace postern::vaultkeeper {

struct VaultKeeperOptions {
  LineOptions line;
  std::string mount = "transit";
  DataKeyOptions data_keys;
  LocalKeyOptions local_keys;
  std::set<KeyName> signing_only;  ///< ECDSA and RSA keys that shall live in transit.
};

class VaultKeeper final : public Keeper {
 public:
  /// Store and clock must outlive it. `background` false: nothing runs by itself, tests call tend().
  VaultKeeper(std::shared_ptr<Transport> transport, std::unique_ptr<Credentials> credentials, KeyStore& store, const Clock& clock,
              VaultKeeperOptions options, bool background = true);
  ~VaultKeeper() override;

  /// Logs in, sees that the named keys are there (on the first start it makes them) and opens our own. Every other call does it when it was
  /// not done. Errors: as LocalKeys::open(); Denied for a refused login; NotFound is never given.
  [[nodiscard]] Status connect();
  /// What the thread does now and then: probe, renew, fetch ahead. Says how long it may be left alone.
  std::chrono::milliseconds tend();

  [[nodiscard]] KeeperState state() const override;
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
  [[nodiscard]] Result<std::uint32_t> wrapped_version(ByteView wrapped) const override;
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
  [[nodiscard]] bool goes_to_transit(const KeyName& name, KeyType type) const;
  [[nodiscard]] Status free_in_transit(const KeyName& name);
  [[nodiscard]] Status named_key(const KeyName& name, KeyType type, bool first_start);
  [[nodiscard]] Status ready_now();
  [[nodiscard]] Status ready_to_use();
  [[nodiscard]] Status ready_for(const KeyName& name);
  [[nodiscard]] bool pause(std::chrono::milliseconds span);
  void run();
  void rewrap_when_rotated();

  KeyStore& m_store;
  const Clock& m_clock;
  const VaultKeeperOptions m_options;
  std::mutex m_stop_mutex;
  std::condition_variable m_stop_bell;
  bool m_stopping = false;
  Line m_line;
  Session m_session;
  Client m_client;
  DataKeys m_data_keys;
  TransitKeys m_transit;
  LocalKeys m_local;
  std::mutex m_opening;
  std::atomic<bool> m_ready{false};
  std::chrono::milliseconds m_probe_pause{};
  SteadyTime m_next_probe{}, m_next_rewrap{};
  std::thread m_thread;
};

}  // namespace postern::vaultkeeper
