// Every call of the port goes to another keeper; tests override what they want to watch, delay or fail.
#pragma once

#include "keys/keeper.hpp"

namespace postern::custody::testing {

class ForwardingKeeper : public Keeper {
 public:
  explicit ForwardingKeeper(Keeper& to) : m_to(to) {}

  Result<KeyInfo> create(const KeyName& name, KeyType type) override { return m_to.create(name, type); }
  Result<KeyInfo> describe(const KeyName& name) override { return m_to.describe(name); }
  Result<std::vector<KeyName>> list() override { return m_to.list(); }
  Result<KeyInfo> rotate(const KeyName& name) override { return m_to.rotate(name); }
  Result<KeyInfo> configure(const KeyName& name, const KeySettings& settings) override { return m_to.configure(name, settings); }
  Status remove(const KeyName& name) override { return m_to.remove(name); }
  Result<PublicKey> public_key(const KeyName& name, std::uint32_t version) override { return m_to.public_key(name, version); }
  Result<Bytes> sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) override {
    return m_to.sign(name, version, algorithm, data);
  }
  Status verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) override {
    return m_to.verify(name, version, algorithm, data, signature);
  }
  Result<Bytes> mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) override {
    return m_to.mac(name, version, algorithm, data);
  }
  Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) override {
    return m_to.encrypt(name, plaintext, aad, version);
  }
  Result<SecretBytes> decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) override {
    return m_to.decrypt(name, ciphertext, aad);
  }
  Result<DataKey> new_data_key(const KeyName& name, ByteView aad) override { return m_to.new_data_key(name, aad); }
  Result<SecretBytes> unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) override {
    return m_to.unwrap_data_key(name, wrapped, aad);
  }
  Result<Bytes> rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) override {
    return m_to.rewrap_data_key(name, wrapped, aad);
  }
  Result<SecretBytes> decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options, ByteView ciphertext) override {
    return m_to.decrypt_oaep(name, version, options, ciphertext);
  }
  Result<SecretBytes> decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext, std::size_t expected) override {
    return m_to.decrypt_pkcs1(name, version, ciphertext, expected);
  }
  Result<SecretBytes> agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) override {
    return m_to.agree(name, version, peer);
  }
  Result<KeyInfo> openpgp_create(const KeyName& name, std::string_view user_id) override { return m_to.openpgp_create(name, user_id); }
  Result<std::string> openpgp_certificate(const KeyName& name, std::uint32_t version) override {
    return m_to.openpgp_certificate(name, version);
  }
  Result<std::string> openpgp_sign_detached(const KeyName& name, ByteView data) override { return m_to.openpgp_sign_detached(name, data); }
  Result<std::string> openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients, ByteView plaintext) override {
    return m_to.openpgp_sign_encrypt(name, recipients, plaintext);
  }
  Result<OpenPgpOpened> openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) override {
    return m_to.openpgp_decrypt(name, message, signers);
  }
  Result<KeyInfo> ensure(const KeyName& name, KeyType type) override { return m_to.ensure(name, type); }

 private:
  Keeper& m_to;
};

}  // namespace postern::custody::testing
