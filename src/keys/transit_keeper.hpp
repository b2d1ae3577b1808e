// The embedded keeper: the mail system's keys are keys of the key engine's transit mount, by the same names. What an administrator sees and
// does at transit/keys/NAME is what the mail uses.
//
// An OpenPGP key is a transit key of type openpgp whose versions are secrets under the transit key pgp_key_encryption ("vault:vN:...",
// associated data: the name). After a rotation of pgp_key_encryption they move under its latest version: at once when it is rotated here,
// with the next tick() otherwise.
//
// Threads: thread safe. While the engine is sealed every call is Unavailable and says so; nothing has to be made again afterwards.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "keys/keeper.hpp"
#include "transit/engine.hpp"

namespace postern {

/// Where the engine is found, asked at each call: an engine can be sealed and opened again.
class TransitSource {
 public:
  virtual ~TransitSource() = default;
  struct Lease {
    std::shared_ptr<transit::Engine> engine;
    std::shared_ptr<void> held;  ///< What keeps it from ending meanwhile; may be null.
  };
  /// Unavailable with what to do next while it is sealed.
  [[nodiscard]] virtual Result<Lease> lease() = 0;
  /// After a key was destroyed: its record stands in no file of the store any more, its log included.
  [[nodiscard]] virtual Status purge() { return {}; }
};

/// Always this one; for tests and for verbs without state.
class FixedTransit final : public TransitSource {
 public:
  explicit FixedTransit(std::shared_ptr<transit::Engine> engine) : m_engine(std::move(engine)) {}
  [[nodiscard]] Result<Lease> lease() override { return Lease{m_engine, nullptr}; }

 private:
  std::shared_ptr<transit::Engine> m_engine;
};

class TransitKeeper final : public Keeper {
 public:
  /// Both must outlive it.
  TransitKeeper(TransitSource& source, const Clock& clock);
  ~TransitKeeper() override;

  /// Every minute or so: OpenPGP secrets move under the latest version of pgp_key_encryption. Bounded by their number.
  [[nodiscard]] Status tick();
  /// The engine was sealed: OpenPGP secrets in memory are wiped.
  void forget() noexcept;

  [[nodiscard]] KeeperState state() const override;
  [[nodiscard]] Status ready() override;
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
  class OpenPgpKeys;
  [[nodiscard]] Result<KeyInfo> rotate_openpgp(const KeyName& name, transit::Engine& engine, const transit::KeyRef& key);

  TransitSource& m_source;
  const Clock& m_clock;
  std::unique_ptr<OpenPgpKeys> m_openpgp;
};

/// A keeper of its own over memory, with the named keys made: for tests and for verbs without state. The clock must outlive it.
[[nodiscard]] Result<std::shared_ptr<Keeper>> make_memory_keeper(const Clock& clock);

}  // namespace postern
