#include "pki/conformance.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <set>

#include "pki/revocation_asn1.hpp"

namespace postern {
namespace {

using revocation::Owned;
using Constraints = Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using KeyIdentifier = Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;

/// One certificate of the path, with what several rules ask.
struct View {
  X509* x509;
  bool issues;  ///< It has certified another one of the path.
  bool last;    ///< The trust anchor.

  [[nodiscard]] bool is_ca() const { return (X509_get_extension_flags(x509) & EXFLAG_CA) != 0; }
  [[nodiscard]] bool has(int nid) const { return X509_get_ext_by_NID(x509, nid, -1) >= 0; }
  [[nodiscard]] bool is_critical(int nid) const {
    const int at = X509_get_ext_by_NID(x509, nid, -1);
    return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(x509, at)) != 0;
  }
  template <class T>
  [[nodiscard]] T read(int nid) const {
    return T(static_cast<typename T::pointer>(X509_get_ext_d2i(x509, nid, nullptr, nullptr)));
  }
  [[nodiscard]] bool has_subject() const { return X509_NAME_entry_count(X509_get_subject_name(x509)) > 0; }
};

/// What is wrong with it, with the clause; null when nothing is.
using Rule = const char* (*)(const View& view);

const char* version_rule(const View& view) {
  const bool extended = X509_get_ext_count(view.x509) > 0;
  return extended && X509_get_version(view.x509) != X509_VERSION_3 ? "has extensions and is not of version 3 (RFC 5280 4.1.2.1)" : nullptr;
}

const char* serial_rule(const View& view) {
  constexpr int kOctets = 20;
  const ASN1_INTEGER* serial = X509_get0_serialNumber(view.x509);
  const int length = ASN1_STRING_length(serial);
  const unsigned char* octets = ASN1_STRING_get0_data(serial);
  // A first bit that is set costs one octet more in DER.
  const bool too_long = length > kOctets || (length == kOctets && (octets[0] & 0x80) != 0);
  const bool zero = std::all_of(octets, octets + length, [](unsigned char octet) { return octet == 0; });
  if ((ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 || zero) return "has a serial number that is not positive (RFC 5280 4.1.2.2)";
  return too_long ? "has a serial number of more than 20 octets (RFC 5280 4.1.2.2)" : nullptr;
}

const char* algorithm_rule(const View& view) {
  const X509_ALGOR* outer = nullptr;
  X509_get0_signature(nullptr, &outer, view.x509);
  return X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(view.x509)) != 0 ? "has two different signature algorithms (RFC 5280 4.1.1.2)"
                                                                     : nullptr;
}

const char* issuer_rule(const View& view) {
  const bool empty = X509_NAME_entry_count(X509_get_issuer_name(view.x509)) == 0;
  return empty ? "has an empty issuer (RFC 5280 4.1.2.4)" : nullptr;
}

const char* subject_rule(const View& view) {
  if (view.has_subject()) return nullptr;
  if (view.is_ca() || view.issues) return "is a CA's and has an empty subject (RFC 5280 4.1.2.6)";
  return view.is_critical(NID_subject_alt_name) ? nullptr : "has neither a subject nor a critical subjectAltName (RFC 5280 4.1.2.6)";
}

const char* alternative_names_rule(const View& view) {
  if (!view.has(NID_subject_alt_name)) return nullptr;
  const auto names = view.read<Names>(NID_subject_alt_name);
  if (!names || sk_GENERAL_NAME_num(names.get()) == 0) return "has an empty or malformed subjectAltName (RFC 5280 4.2.1.6)";
  const bool odd = !view.issues && view.has_subject() && view.is_critical(NID_subject_alt_name);
  return odd ? "has a critical subjectAltName beside a subject (RFC 5280 4.2.1.6)" : nullptr;
}

const char* repeated_extension_rule(const View& view) {
  std::set<std::string> seen;
  for (int i = 0; i < X509_get_ext_count(view.x509); ++i) {
    const ASN1_OBJECT* type = X509_EXTENSION_get_object(X509_get_ext(view.x509, i));
    const std::string octets(reinterpret_cast<const char*>(OBJ_get0_data(type)), OBJ_length(type));
    if (!seen.insert(octets).second) return "has an extension twice (RFC 5280 4.2)";
  }
  return nullptr;
}

// An extension of a kind that is understood must be what its kind says.
const char* readable_rule(const View& view) {
  for (int i = 0; i < X509_get_ext_count(view.x509); ++i) {
    X509_EXTENSION* extension = X509_get_ext(view.x509, i);
    if (X509V3_EXT_get(extension) == nullptr) continue;
    void* value = X509V3_EXT_d2i(extension);
    if (value == nullptr) return "has a malformed extension (RFC 5280 4.2)";
    const X509V3_EXT_METHOD* method = X509V3_EXT_get(extension);
    if (method->it != nullptr) {
      ASN1_item_free(static_cast<ASN1_VALUE*>(value), ASN1_ITEM_ptr(method->it));
    } else {
      method->ext_free(value);
    }
  }
  return nullptr;
}

const char* authority_key_rule(const View& view) {
  if (view.is_critical(NID_authority_key_identifier)) return "has a critical authorityKeyIdentifier (RFC 5280 4.2.1.1)";
  const bool self_issued = (X509_get_extension_flags(view.x509) & EXFLAG_SI) != 0;
  if (view.last || (self_issued && !view.has(NID_authority_key_identifier))) return nullptr;
  const auto identifier = view.read<KeyIdentifier>(NID_authority_key_identifier);
  return !identifier || identifier->keyid == nullptr ? "has no authorityKeyIdentifier with a key identifier (RFC 5280 4.2.1.1)" : nullptr;
}

const char* subject_key_rule(const View& view) {
  if (view.is_critical(NID_subject_key_identifier)) return "has a critical subjectKeyIdentifier (RFC 5280 4.2.1.2)";
  return view.is_ca() && !view.has(NID_subject_key_identifier) ? "is a CA's and has no subjectKeyIdentifier (RFC 5280 4.2.1.2)" : nullptr;
}

const char* key_usage_rule(const View& view) {
  if (!view.has(NID_key_usage)) return nullptr;
  const std::uint32_t bits = X509_get_key_usage(view.x509);
  if (bits == 0) return "has a keyUsage without any bit (RFC 5280 4.2.1.3)";
  const bool may_certify = (bits & KU_KEY_CERT_SIGN) != 0;
  if (view.issues && !may_certify) return "has issued certificates without keyCertSign (RFC 5280 4.2.1.3)";
  return may_certify && !view.is_ca() ? "has keyCertSign and is no CA's (RFC 5280 4.2.1.9)" : nullptr;
}

const char* basic_constraints_rule(const View& view) {
  const bool there = view.has(NID_basic_constraints);
  if (view.issues && !(there && view.is_ca())) return "has issued certificates without basicConstraints with cA (RFC 5280 4.2.1.9)";
  if (view.is_ca() && there && !view.is_critical(NID_basic_constraints))
    return "is a CA's and its basicConstraints is not critical (RFC 5280 4.2.1.9)";
  if (X509_get_pathlen(view.x509) < 0) return nullptr;
  const bool may_certify = (X509_get_key_usage(view.x509) & KU_KEY_CERT_SIGN) != 0;
  return view.is_ca() && may_certify ? nullptr : "has a pathLenConstraint without cA and keyCertSign (RFC 5280 4.2.1.9)";
}

bool is_subnet(const ASN1_OCTET_STRING* octets) {
  const int length = ASN1_STRING_length(octets);
  if (length != 8 && length != 32) return false;
  const unsigned char* mask = ASN1_STRING_get0_data(octets) + length / 2;
  bool ended = false;
  for (int bit = 0; bit < length * 4; ++bit) {
    const bool set = (mask[bit / 8] & (0x80 >> bit % 8)) != 0;
    if (set && ended) return false;
    ended = ended || !set;
  }
  return true;
}

bool is_base(const GENERAL_NAME* base) {
  if (base->type == GEN_IPADD) return is_subnet(base->d.iPAddress);
  if (base->type != GEN_DNS) return true;
  const ASN1_IA5STRING* name = base->d.dNSName;
  return ASN1_STRING_length(name) == 0 || *ASN1_STRING_get0_data(name) != '.';
}

bool are_bases(const STACK_OF(GENERAL_SUBTREE) * trees) {
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); ++i) {
    if (!is_base(sk_GENERAL_SUBTREE_value(trees, i)->base)) return false;
  }
  return true;
}

const char* name_constraints_rule(const View& view) {
  if (!view.has(NID_name_constraints)) return nullptr;
  if (!view.is_ca()) return "has nameConstraints and is no CA's (RFC 5280 4.2.1.10)";
  if (!view.is_critical(NID_name_constraints)) return "has nameConstraints that are not critical (RFC 5280 4.2.1.10)";
  const auto constraints = view.read<Constraints>(NID_name_constraints);
  if (!constraints ||
      (sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees) < 1 && sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees) < 1))
    return "has empty or malformed nameConstraints (RFC 5280 4.2.1.10)";
  const bool bases = are_bases(constraints->permittedSubtrees) && are_bases(constraints->excludedSubtrees);
  return bases ? nullptr : "has nameConstraints of a form that RFC 5280 4.2.1.10 does not have";
}

const char* criticality_rule(const View& view) {
  if (view.has(NID_policy_constraints) && !view.is_critical(NID_policy_constraints))
    return "has policyConstraints that are not critical (RFC 5280 4.2.1.11)";
  if (view.has(NID_inhibit_any_policy) && !view.is_critical(NID_inhibit_any_policy))
    return "has an inhibitAnyPolicy that is not critical (RFC 5280 4.2.1.14)";
  if (view.is_critical(NID_info_access)) return "has a critical authorityInfoAccess (RFC 5280 4.2.2.1)";
  if (view.is_critical(NID_sinfo_access)) return "has a critical subjectInfoAccess (RFC 5280 4.2.2.2)";
  return view.is_critical(NID_freshest_crl) ? "has a critical freshestCRL (RFC 5280 4.2.1.15)" : nullptr;
}

constexpr Rule kRules[] = {version_rule,          serial_rule,
                           algorithm_rule,        issuer_rule,
                           subject_rule,          repeated_extension_rule,
                           readable_rule,         alternative_names_rule,
                           authority_key_rule,    subject_key_rule,
                           key_usage_rule,        basic_constraints_rule,
                           name_constraints_rule, criticality_rule};

std::optional<ConformanceFault> fault_of(const View& view, std::size_t depth) {
  for (const Rule rule : kRules) {
    if (const char* fault = rule(view)) return ConformanceFault{depth, ChainFault::Malformed, fault};
  }
  const EVP_PKEY* key = X509_get0_pubkey(view.x509);
  if (key != nullptr && EVP_PKEY_is_a(key, "DSA") == 1) return ConformanceFault{depth, ChainFault::WeakKey, "has a DSA key"};
  return std::nullopt;
}

}  // namespace

std::optional<ConformanceFault> conformance_fault(const CertificateChain& path, CertificatePurpose purpose) {
  std::optional<ConformanceFault> out;
  for (std::size_t depth = 0; depth < path.size() && !out; ++depth) {
    out = fault_of({path[depth].native(), depth > 0, depth + 1 == path.size()}, depth);
  }
  if (!out && purpose != CertificatePurpose::Any && path.front().is_ca())
    out = ConformanceFault{0, ChainFault::WrongPurpose, "is a CA's, not an end entity's (RFC 5280 4.2.1.9)"};
  openssl_clear_errors();
  return out;
}

}  // namespace postern
