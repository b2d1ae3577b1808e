#include "pki/revocation_asn1.hpp"

#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.hpp"

namespace postern::revocation {
namespace {

constexpr std::size_t kUrlLimit = 2048;

bool is_weak(int digest) { return digest == NID_md2 || digest == NID_md4 || digest == NID_md5 || digest == NID_sha1; }

// RFC 4055 3.1: the digest stands in the parameters, and is SHA-1 when it does not.
bool is_strong_pss(const X509_ALGOR* algorithm) {
  const void* value = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  if (type != V_ASN1_SEQUENCE) return false;
  const Owned<RSA_PSS_PARAMS, RSA_PSS_PARAMS_free> parameters(
      static_cast<RSA_PSS_PARAMS*>(ASN1_item_unpack(static_cast<const ASN1_STRING*>(value), ASN1_ITEM_rptr(RSA_PSS_PARAMS))));
  return parameters && parameters->hashAlgorithm != nullptr && !is_weak(OBJ_obj2nid(parameters->hashAlgorithm->algorithm));
}

}  // namespace

std::optional<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return wall_from_millis(static_cast<std::int64_t>(::timegm(&parts)) * 1000);
}

std::string reason_name(long code) {
  static constexpr std::array<const char*, 11> kNames = {"unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
                                                         "superseded",    "cessationOfOperation", "certificateHold", "",
                                                         "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
  if (code < 0) return {};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() && *kNames[index] != '\0' ? kNames[index] : "code " + std::to_string(code);
}

std::string object_text(const ASN1_OBJECT* object) {
  std::array<char, 80> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 0);
  return text.data();
}

bool is_strong_signature(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  int digest = NID_undef;
  const int signature = OBJ_obj2nid(object);
  if (OBJ_find_sigid_algs(signature, &digest, nullptr) != 1) return false;
  return signature == NID_rsassaPss ? is_strong_pss(algorithm) : !is_weak(digest);  // Ed25519 and Ed448 have no digest to name
}

std::string web_address(const GENERAL_NAME* name) {
  if (name == nullptr || name->type != GEN_URI) return {};
  const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), static_cast<std::size_t>(ASN1_STRING_length(uri)));
  const bool web = istarts_with(text, "http://") || istarts_with(text, "https://");
  const bool plain = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
  return web && plain && text.size() <= kUrlLimit ? std::string(text) : std::string();
}

}  // namespace postern::revocation
