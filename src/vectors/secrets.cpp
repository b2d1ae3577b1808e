// What private keys do: agree on secrets, decrypt.
#include <algorithm>

#include "crypto/pkey.hpp"
#include "crypto/postquantum.hpp"
#include "vectors/case.hpp"
#include "vectors/curves.hpp"
#include "vectors/pq_forms.hpp"

namespace postern::vectors {
namespace {

Result<Verdict> judge_agreement(const Case& test, const Result<PrivateKey>& mine, const Result<PublicKey>& theirs) {
  if (!mine || !theirs) return Verdict{};
  const auto shared = mine->agree(*theirs);
  if (!shared) return Verdict{};
  return found(test, "shared", shared->view());
}

/// A number as wide as a scalar of the curve; longer numbers stay, and are refused.
Bytes widened(Bytes number, std::size_t width) {
  const auto first = std::ranges::find_if(number, [](Byte byte) { return byte != 0; });
  number.erase(number.begin(), first);
  if (number.size() < width) number.insert(number.begin(), width - number.size(), 0);
  return number;
}

Result<Verdict> judge_ec(const Case& test, Result<PublicKey> (*read)(KeyKind, ByteView)) {
  const auto curve = nist_curve(test.curve());
  if (!curve) return Verdict::unsupported();
  POSTERN_TRY(const Bytes peer, test.hex("public"));
  POSTERN_TRY(Bytes scalar, test.hex("private"));
  return judge_agreement(test, PrivateKey::from_raw(*curve, widened(std::move(scalar), scalar_size(*curve))), read(*curve, peer));
}

Result<Result<PrivateKey>> private_key(const Case& test) {
  POSTERN_TRY(const Bytes der, test.hex("privateKeyPkcs8"));
  return PrivateKey::from_der(der);
}

constexpr int kAskedAgain = 7;

bool opens_the_same(const PrivateKey& key, ByteView ciphertext, Bytes& out) {
  const auto first = key.decrypt_pkcs1(ciphertext, 0);
  if (!first) return false;
  // What a wrong padding gives has a random length too: two such answers may both be empty, so it is asked more often.
  for (int i = 0; i < kAskedAgain; ++i) {
    const auto again = key.decrypt_pkcs1(ciphertext, 0);
    if (!again || !std::ranges::equal(first->view(), again->view())) return false;
  }
  out.assign(first->view().begin(), first->view().end());
  return true;
}

}  // namespace

Result<Verdict> judge_x25519(const Case& test) {
  if (test.curve() != "curve25519") return Verdict::unsupported();
  POSTERN_TRY(const Bytes peer, test.hex("public"));
  POSTERN_TRY(const Bytes scalar, test.hex("private"));
  return judge_agreement(test, PrivateKey::from_raw(KeyKind::X25519, scalar), PublicKey::from_raw(KeyKind::X25519, peer));
}

Result<Verdict> judge_x25519_der(const Case& test) {
  if (test.curve() != "curve25519") return Verdict::unsupported();
  POSTERN_TRY(const Bytes peer, test.hex("public"));
  POSTERN_TRY(const Bytes mine, test.hex("private"));
  return judge_agreement(test, PrivateKey::from_der(mine), PublicKey::from_spki(peer));
}

Result<Verdict> judge_ecdh(const Case& test) {
  return judge_ec(test, [](KeyKind, ByteView der) { return PublicKey::from_spki(der); });
}
Result<Verdict> judge_ecdh_point(const Case& test) { return judge_ec(test, PublicKey::from_raw); }

Result<Verdict> judge_oaep(const Case& test) {
  POSTERN_TRY(const auto hash, test.hash("sha"));
  POSTERN_TRY(const auto mask, test.hash("mgfSha"));
  if (!hash || !mask) return Verdict::unsupported();
  OaepOptions options{*hash, mask, {}};
  POSTERN_TRY(options.label, test.hex_or_empty("label"));
  POSTERN_TRY(const Bytes ciphertext, test.hex("ct"));
  POSTERN_TRY(const auto key, private_key(test));
  if (!key) return Verdict::unsupported();  // of a size or kind that the product does not take
  const auto opened = key->decrypt_oaep(options, ciphertext);
  if (!opened) return Verdict{};
  return found(test, "msg", opened->view());
}

// The layer hides whether the padding was right (RFC 3218 2.3.2): a wrong one gives another random key each time. What opens twice to the
// same was right, unless the library hides it too, by a key that depends on the ciphertext (OpenSSL from 3.2 on): then nobody can say, and
// a ciphertext of zeros, whose padding is never right, shows it.
Result<Verdict> judge_rsa_pkcs1_decrypt(const Case& test) {
  POSTERN_TRY(const Bytes ciphertext, test.hex("ct"));
  POSTERN_TRY(const auto key, private_key(test));
  if (!key) return Verdict::unsupported();
  Bytes opened;
  const auto size = static_cast<std::size_t>(key->public_key().bits() + 7) / 8;
  if (opens_the_same(*key, Bytes(size), opened)) return Verdict::unsupported();
  if (!opens_the_same(*key, ciphertext, opened)) return Verdict{};
  return found(test, "msg", opened);
}

Result<Verdict> judge_mlkem(const Case& test) {
  POSTERN_TRY(const std::string_view name, test.has("parameterSet") ? test.text("parameterSet") : test.algorithm());
  const auto kind = mlkem_kind(name);
  if (!kind || !pq_available(*kind) || !test.has("seed")) return Verdict::unsupported();
  POSTERN_TRY(const Bytes seed, test.hex("seed"));
  POSTERN_TRY(const Bytes ciphertext, test.hex("c"));
  if (seed.size() != 64) return Verdict{};  // FIPS 203 7.1: d and z, 32 bytes each
  const auto key = PqKey::from_pkcs8(*kind, mlkem_pkcs8(*kind, seed));
  const auto shared = key ? key->decapsulate(ciphertext) : Result<SecretBytes>(SecretBytes());
  if (!key || !shared) return Verdict{};
  return found(test, "K", shared->view());
}

}  // namespace postern::vectors
