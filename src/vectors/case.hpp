// One case as its judges see it. Inside vectors/ only.
#pragma once

#include <boost/json.hpp>

#include "crypto/hash.hpp"
#include "vectors/vectors.hpp"

namespace postern::vectors {

class Case {
 public:
  /// BadInput when it is no JSON object with type, algorithm, group and test; TooLarge.
  [[nodiscard]] static Result<Case> parse(std::string_view line);

  [[nodiscard]] std::string_view type() const { return m_type; }
  [[nodiscard]] std::string_view algorithm() const { return m_algorithm; }
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// A field of the test, else of the group. BadInput when it is not there or not of this form.
  [[nodiscard]] Result<Bytes> hex(std::string_view name) const;
  [[nodiscard]] Result<std::string_view> text(std::string_view name) const;
  [[nodiscard]] Result<std::size_t> number(std::string_view name) const;
  /// Empty when it is not there.
  [[nodiscard]] Result<Bytes> hex_or_empty(std::string_view name) const;
  /// The curve of a key: a field of the group, or of the object `publicKey` or `privateKey` there; empty when there is none.
  [[nodiscard]] std::string_view curve() const;
  /// The digest that a field names; nothing when the layer does not have it.
  [[nodiscard]] Result<std::optional<HashAlgorithm>> hash(std::string_view name) const;
  /// Whether the field, if it is there, is these bytes: the answer that a case came with.
  [[nodiscard]] Result<bool> agrees(std::string_view name, ByteView value) const;

 private:
  Case() = default;
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  [[nodiscard]] const boost::json::object* object(std::string_view name) const;
  boost::json::value m_root;
  std::string m_type, m_algorithm;
};

/// A secret or plaintext that came out, against the one that the case came with under `name`.
[[nodiscard]] Result<Verdict> found(const Case& test, std::string_view name, ByteView value);

// The judges, by what is tested. Each answers for its types only.
[[nodiscard]] Result<Verdict> judge_aead(const Case& test);
[[nodiscard]] Result<Verdict> judge_cbc(const Case& test);
[[nodiscard]] Result<Verdict> judge_key_wrap(const Case& test);
[[nodiscard]] Result<Verdict> judge_mac(const Case& test);
[[nodiscard]] Result<Verdict> judge_hkdf(const Case& test);
[[nodiscard]] Result<Verdict> judge_pbkdf2(const Case& test);

[[nodiscard]] Result<Verdict> judge_ecdsa(const Case& test);
[[nodiscard]] Result<Verdict> judge_ecdsa_fixed(const Case& test);
[[nodiscard]] Result<Verdict> judge_eddsa(const Case& test);
[[nodiscard]] Result<Verdict> judge_rsa_pkcs1(const Case& test);
[[nodiscard]] Result<Verdict> judge_rsa_pss(const Case& test);
[[nodiscard]] Result<Verdict> judge_mldsa(const Case& test);

[[nodiscard]] Result<Verdict> judge_x25519(const Case& test);
[[nodiscard]] Result<Verdict> judge_x25519_der(const Case& test);
[[nodiscard]] Result<Verdict> judge_ecdh(const Case& test);
[[nodiscard]] Result<Verdict> judge_ecdh_point(const Case& test);
[[nodiscard]] Result<Verdict> judge_oaep(const Case& test);
[[nodiscard]] Result<Verdict> judge_rsa_pkcs1_decrypt(const Case& test);
[[nodiscard]] Result<Verdict> judge_mlkem(const Case& test);

}  // namespace postern::vectors
