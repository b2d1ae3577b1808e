// A Vault in memory behind the transport port: enough of AppRole, tokens and transit to hold a keeper to its word, and switches for bad
// days.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "base/text.hpp"
#include "crypto/aead.hpp"
#include "crypto/hmac.hpp"
#include "crypto/pkey.hpp"
#include "crypto/random.hpp"
#include "vaultkeeper/credentials.hpp"
#include "vaultkeeper/key_text.hpp"
#include "vaultkeeper/transport.hpp"

namespace postern::vaultkeeper::testing {

class FakeVault final : public Transport {
 public:
  using Script = std::function<std::optional<Result<Reply>>(const Envelope&)>;

  // Switches. Set them while no call is in progress, or under a lock of the test's own.
  bool down = false;
  bool sealed = false;
  std::string forbidden;       ///< Paths that begin so are 403.
  std::set<std::string> dead;  ///< Origins that do not answer.
  std::int64_t lease = 3600;
  bool refuse_renewal = false;
  Script script;  ///< Asked first; nullopt: the Vault answers as usual.

  [[nodiscard]] int calls(std::string_view path) {
    const std::lock_guard lock(m_mutex);
    int count = 0;
    for (const auto& [asked, number] : m_calls) count += asked.starts_with(path) ? number : 0;
    return count;
  }
  [[nodiscard]] std::vector<std::string> urls() {
    const std::lock_guard lock(m_mutex);
    return m_urls;
  }
  void forget_tokens() {
    const std::lock_guard lock(m_mutex);
    m_tokens.clear();
  }
  void drop_key(const std::string& name) { m_keys.erase(name); }
  /// As an administrator would do it over there.
  void rotate(const std::string& name) {
    const std::lock_guard lock(m_mutex);
    m_keys.at(name).versions.push_back(make_fresh(m_keys.at(name).type).value());
  }
  void set_min_decryption(const std::string& name, std::uint32_t version) { m_keys.at(name).min_decryption = version; }

  Result<Reply> exchange(const Envelope& envelope, SteadyTime /*deadline*/) override {
    const std::lock_guard lock(m_mutex);
    ++m_calls[envelope.ask.path];
    m_urls.push_back(envelope.url);
    if (script) {
      if (auto scripted = script(envelope)) return *std::move(scripted);
    }
    const std::string origin = envelope.url.substr(0, envelope.url.find("/v1/"));
    if (down || dead.contains(origin)) return fail(ErrorCode::Unavailable, "connecting: Connection refused");
    if (sealed) return error(503, "Vault is sealed");
    return answer(envelope);
  }

  static Reply reply(unsigned status, const boost::json::value& body) {
    Reply out;
    out.status = status;
    if (!body.is_null()) out.body = SecretBytes::from_text(boost::json::serialize(body));
    return out;
  }
  static Reply error(unsigned status, std::string_view text) { return reply(status, {{"errors", {text}}}); }

 private:
  struct Key {
    KeyType type;
    std::vector<Fresh> versions;
    std::uint32_t min_decryption = 1;
    std::uint32_t min_encryption = 0;
    bool deletable = false;
  };

  static Reply data(boost::json::object object) { return reply(200, {{"data", std::move(object)}}); }

  Reply answer(const Envelope& envelope) {
    const std::string& path = envelope.ask.path;
    if (path.starts_with("sys/health")) return reply(200, {{"sealed", false}});
    if (path == "auth/approle/login") return log_in(envelope);
    if (!m_tokens.contains(std::string(as_text(envelope.token)))) return error(403, "permission denied");
    if (path == "auth/token/lookup-self") return data({{"ttl", lease}, {"renewable", true}});
    if (path == "auth/token/revoke-self") return reply(204, nullptr);
    if (path == "auth/token/renew-self")
      return refuse_renewal ? error(403, "permission denied") : reply(200, {{"auth", {{"lease_duration", lease}, {"renewable", true}}}});
    if (!forbidden.empty() && path.starts_with(forbidden)) return error(403, "1 error occurred:\n\t* permission denied\n\n");
    if (!path.starts_with("transit/")) return error(404, "no handler for route \"" + path + "\". route entry not found.");
    const boost::json::value body =
        envelope.ask.body.empty() ? boost::json::object() : boost::json::parse(as_text(envelope.ask.body.view()));
    return transit(envelope.ask.method, path.substr(8), body.is_object() ? body.as_object() : boost::json::object());
  }

  Reply log_in(const Envelope& envelope) {
    const auto body = boost::json::parse(as_text(envelope.ask.body.view())).as_object();
    if (body.at("role_id") != "role" || body.at("secret_id") != "secret") return error(400, "invalid role or secret ID");
    const std::string token = "token-" + std::to_string(++m_logins);
    m_tokens.insert(token);
    return reply(200, {{"auth", {{"client_token", token}, {"lease_duration", lease}, {"renewable", true}}}});
  }

  Reply transit(const std::string& method, const std::string& path, const boost::json::object& body) {
    const auto parts = split(path, '/');
    if (parts[0] == "keys") return keys(method, parts, body);
    const std::string name(parts[0] == "datakey" ? parts.at(2) : parts.at(1));
    const auto found = m_keys.find(name);
    if (found == m_keys.end()) return error(400, parts[0] == "sign" ? "signing key not found" : "encryption key not found");
    Key& key = found->second;
    if (parts[0] == "datakey") return data_key(key);
    if (parts[0] == "decrypt") return decrypt(key, body);
    if (parts[0] == "encrypt") return data({{"ciphertext", seal(key, decoded(body.at("plaintext")), aad_of(body))}});
    if (parts[0] == "sign") return sign(key, parts, body);
    if (parts[0] == "hmac") {
      const auto number = static_cast<std::uint32_t>(key.versions.size());
      return data(
          {{"hmac", ciphertext_text(number, hmac(HashAlgorithm::Sha256, key.versions.back().secret.view(), decoded(body.at("input"))))}});
    }
    return error(404, "unsupported path");
  }

  Reply keys(const std::string& method, const std::vector<std::string_view>& parts, const boost::json::object& body) {
    if (method == "LIST") {
      boost::json::array names;
      for (const auto& [name, key] : m_keys) names.emplace_back(name);
      return names.empty() ? reply(404, {{"errors", boost::json::array()}}) : data({{"keys", names}});
    }
    const std::string name(parts.at(1));
    if (method == "POST" && parts.size() == 2 && !m_keys.contains(name)) {
      const KeyType type = *key_type_from_name(std::string_view(body.at("type").as_string()));
      Key made{type, {}};
      made.versions.push_back(make_fresh(type).value());
      m_keys.emplace(name, std::move(made));
    }
    const auto found = m_keys.find(name);
    if (found == m_keys.end()) return reply(404, {{"errors", boost::json::array()}});
    Key& key = found->second;
    if (method == "DELETE") {
      if (!key.deletable) return error(400, "error deleting policy " + name + ": deletion is not allowed for this key");
      m_keys.erase(found);
      return reply(204, nullptr);
    }
    if (parts.size() == 3 && parts[2] == "rotate") key.versions.push_back(make_fresh(key.type).value());
    if (parts.size() == 3 && parts[2] == "config") {
      key.min_decryption = static_cast<std::uint32_t>(body.at("min_decryption_version").to_number<int>());
      key.min_encryption = static_cast<std::uint32_t>(body.at("min_encryption_version").to_number<int>());
      if (const auto* flag = body.if_contains("deletion_allowed")) key.deletable = flag->as_bool();
    }
    return data(info(key));
  }

  static boost::json::object info(const Key& key) {
    boost::json::object versions;
    for (std::size_t i = 0; i < key.versions.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      if (is_symmetric(key.type)) {
        versions[number] = 1'700'000'000;
        continue;
      }
      const auto pub = PublicKey::from_pem(key.versions[i].public_text).value();
      const std::string shown = key.type == KeyType::Ed25519 ? base64_encode(pub.to_raw()) : pub.to_pem();
      versions[number] = {{"public_key", shown}, {"creation_time", "2026-11-25T15:30:08.629567854Z"}};
    }
    return {{"type", name_of(key.type)},
            {"latest_version", key.versions.size()},
            {"min_decryption_version", key.min_decryption},
            {"min_encryption_version", key.min_encryption},
            {"deletion_allowed", key.deletable},
            {"keys", versions}};
  }

  static Bytes decoded(const boost::json::value& text) { return base64_decode(std::string_view(text.as_string())).value(); }
  static Bytes aad_of(const boost::json::object& body) {
    return body.contains("associated_data") ? decoded(body.at("associated_data")) : Bytes();
  }
  static std::string seal(const Key& key, const Bytes& plaintext, const Bytes& aad) {
    const Aead aead = Aead::create(AeadAlgorithm::Aes256Gcm, key.versions.back().secret.view()).value();
    return ciphertext_text(static_cast<std::uint32_t>(key.versions.size()), aead.seal_random(aad, plaintext).value());
  }
  static Reply data_key(const Key& key) {
    const SecretBytes fresh = random_key(32);
    const Bytes copy(fresh.view().begin(), fresh.view().end());
    return data({{"plaintext", base64_encode(copy)}, {"ciphertext", seal(key, copy, {})}});
  }
  static Result<Bytes> open(const Key& key, std::string_view text, const Bytes& aad) {
    const auto parsed = parse_ciphertext(text);
    if (!parsed) return fail(ErrorCode::BadInput, "invalid ciphertext: no prefix");
    if (parsed->version > key.versions.size()) return fail(ErrorCode::BadInput, "invalid ciphertext: version is too new");
    if (parsed->version < key.min_decryption)
      return fail(ErrorCode::BadInput, "ciphertext or signature version is disallowed by policy (too old)");
    const Aead aead = Aead::create(AeadAlgorithm::Aes256Gcm, key.versions[parsed->version - 1].secret.view()).value();
    const auto opened = aead.open_random(aad, parsed->bytes);
    if (!opened) return fail(ErrorCode::BadInput, "cipher: message authentication failed");
    return Bytes(opened->view().begin(), opened->view().end());
  }
  static Reply decrypt(const Key& key, const boost::json::object& body) {
    if (!body.contains("batch_input")) {
      const auto opened = open(key, std::string_view(body.at("ciphertext").as_string()), aad_of(body));
      return opened ? data({{"plaintext", base64_encode(*opened)}}) : error(400, opened.error().what);
    }
    boost::json::array results;
    bool bad = false;
    for (const auto& item : body.at("batch_input").as_array()) {
      const auto opened = open(key, std::string_view(item.at("ciphertext").as_string()), {});
      bad = bad || !opened;
      results.push_back(opened ? boost::json::object{{"plaintext", base64_encode(*opened)}}
                               : boost::json::object{{"error", opened.error().what}});
    }
    return reply(bad ? 400 : 200, {{"data", {{"batch_results", results}}}});
  }
  static Reply sign(const Key& key, const std::vector<std::string_view>& parts, const boost::json::object& body) {
    const auto number =
        body.contains("key_version") ? static_cast<std::size_t>(body.at("key_version").to_number<int>()) : key.versions.size();
    if (number > key.versions.size())
      return error(500, "1 error occurred:\n\t* requested version for signing is higher than the latest key version\n\n");
    const PrivateKey priv = PrivateKey::from_der(key.versions[number - 1].secret.view()).value();
    SignAlgorithm algorithm;
    if (parts.size() > 2) algorithm.hash = *hash_from_name(parts[2]);
    algorithm.prehashed = body.contains("prehashed");
    if (body.contains("signature_algorithm") && body.at("signature_algorithm") == "pss") algorithm.padding = RsaPadding::Pss;
    return data(
        {{"signature", ciphertext_text(static_cast<std::uint32_t>(number), priv.sign(algorithm, decoded(body.at("input"))).value())}});
  }

  std::mutex m_mutex;
  std::map<std::string, Key> m_keys;
  std::set<std::string> m_tokens;
  std::map<std::string, int> m_calls;
  std::vector<std::string> m_urls;
  int m_logins = 0;
};

}  // namespace postern::vaultkeeper::testing
