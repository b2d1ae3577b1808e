#include "pki/verify.hpp"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <new>

#include "pki/conformance.hpp"
#include "pki/path_search.hpp"

namespace postern {
namespace {

constexpr int kSecurityLevel = 2;  // 112 bits: RSA 2048, P-224, no SHA-1
constexpr int kMaxDepth = 10;
constexpr unsigned kHostFlags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

struct StackShell {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};
// Borrows the certificates in it.
using BorrowedStack = std::unique_ptr<STACK_OF(X509), StackShell>;

BorrowedStack stack_of(std::span<const Certificate> certificates) {
  BorrowedStack stack(sk_X509_new_null());
  if (!stack) throw std::bad_alloc();
  for (const Certificate& c : certificates) sk_X509_push(stack.get(), c.native());
  return stack;
}

// All trust anchors as a store of its own: the borrowed one must not grow.
X509StorePtr store_of(const VerifyRequest& request) {
  X509StorePtr store;
  if (request.more_roots != nullptr && request.roots.empty()) {
    X509_STORE_up_ref(request.more_roots);
    store.reset(request.more_roots);
    return store;
  }
  store.reset(X509_STORE_new());
  if (!store) throw std::bad_alloc();
  for (const Certificate& anchor : anchors_of(request)) X509_STORE_add_cert(store.get(), anchor.native());
  return store;
}

// OpenSSL's S/MIME encryption purpose wants keyEncipherment even of EC keys, so a certificate that only encrypts is judged by
// Certificate::may_protect_email() alone.
int purpose_of(const VerifyRequest& request) {
  switch (request.purpose) {
    case CertificatePurpose::TlsServer: return X509_PURPOSE_SSL_SERVER;
    case CertificatePurpose::TlsClient: return X509_PURPOSE_SSL_CLIENT;
    case CertificatePurpose::Email: return request.leaf->may_sign() ? X509_PURPOSE_SMIME_SIGN : X509_PURPOSE_ANY;
    case CertificatePurpose::Any: break;
  }
  return X509_PURPOSE_ANY;
}

ChainFault fault_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return ChainFault::Expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return ChainFault::NotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: return ChainFault::UnknownIssuer;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE: return ChainFault::BadSignature;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED: return ChainFault::WrongPurpose;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return ChainFault::WeakKey;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_EMAIL_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return ChainFault::WrongName;
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION: return ChainFault::Malformed;
    default: return ChainFault::Other;
  }
}

std::string subject_or_serial(const Certificate& certificate) {
  const std::string subject = certificate.subject();
  return subject.empty() ? "serial " + certificate.serial() : subject;
}

std::string reason_of(ChainFault fault, int error, const Certificate& where) {
  const std::string which = "the certificate of " + subject_or_serial(where);
  switch (fault) {
    case ChainFault::Expired: return which + " expired at " + rfc3339(where.not_after());
    case ChainFault::NotYetValid: return which + " is not valid before " + rfc3339(where.not_before());
    case ChainFault::UnknownIssuer: return which + " was not issued by a trusted authority (issuer " + where.issuer() + ")";
    default: return which + ": " + X509_verify_cert_error_string(error);
  }
}

CertificateChain chain_of(X509_STORE_CTX* context) {
  CertificateChain out;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    if (auto certificate = Certificate::from_native(sk_X509_value(chain, i))) out.push_back(*std::move(certificate));
  }
  return out;
}

ChainVerdict refusal(ChainFault fault, std::string reason, CertificateChain chain = {}) {
  return {false, fault, std::move(reason), std::move(chain)};
}

ChainVerdict openssl_path(const VerifyRequest& request) {
  const X509StorePtr store = store_of(request);
  const BorrowedStack intermediates = stack_of(request.intermediates);
  const X509StoreCtxPtr context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store.get(), request.leaf->native(), intermediates.get()) != 1) throw std::bad_alloc();
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(unix_seconds(request.at)));
  // RFC 5280 6.1.5 (g): without this flag OpenSSL accepts a critical policyConstraints and does not look at it.
  const unsigned long policies = request.strict ? X509_V_FLAG_POLICY_CHECK : 0;
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST | policies);
  X509_VERIFY_PARAM_set_depth(param, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
  X509_VERIFY_PARAM_set_purpose(param, purpose_of(request));
  const bool ok = X509_verify_cert(context.get()) == 1;
  openssl_clear_errors();
  if (ok) return {true, ChainFault::None, {}, chain_of(context.get())};
  const int error = X509_STORE_CTX_get_error(context.get());
  const ChainFault fault = fault_of(error);
  const auto where = Certificate::from_native(X509_STORE_CTX_get_current_cert(context.get()));
  return refusal(fault, reason_of(fault, error, where ? *where : *request.leaf), chain_of(context.get()));
}

ChainVerdict build_path(const VerifyRequest& request) {
  ChainVerdict verdict = openssl_path(request);
  if (!verdict.ok || !request.strict) return verdict;
  const auto fault = conformance_fault(verdict.chain, request.purpose);
  if (!fault) return verdict;
  const std::string which = subject_or_serial(verdict.chain[fault->depth]);
  return refusal(fault->fault, "the certificate of " + which + " " + fault->reason, std::move(verdict.chain));
}

// OpenSSL follows one path and does not go back; the others are given to it one by one.
ChainVerdict build_chain(const VerifyRequest& request) {
  ChainVerdict first = build_path(request);
  if (first.ok) return first;
  for (const CandidatePath& path : candidate_paths(request)) {
    VerifyRequest narrowed = request;
    narrowed.intermediates = path.intermediates;
    narrowed.roots = {&path.anchor, 1};
    narrowed.more_roots = nullptr;
    ChainVerdict other = build_path(narrowed);
    if (other.ok) return other;
  }
  return first;
}

// RFC 5280 7.5: the local part of an address is compared exactly, the host part without regard to case.
bool is_for_email(const VerifyRequest& request) {
  if (!request.strict) return request.leaf->has_email(request.email);
  const bool same = X509_check_email(request.leaf->native(), request.email.data(), request.email.size(), 0) == 1;
  openssl_clear_errors();
  return same;
}

std::string missing_name(const VerifyRequest& request) {
  const Certificate& leaf = *request.leaf;
  if (!request.dns_name.empty() && !certificate_matches_host(leaf, request.dns_name)) return request.dns_name;
  if (!request.ip_address.empty() && !certificate_matches_host(leaf, request.ip_address)) return request.ip_address;
  if (!request.email.empty() && !is_for_email(request)) return request.email;
  return {};
}

std::string all_names(const Certificate& leaf) {
  std::string out;
  for (const auto& names : {leaf.dns_names(), leaf.ip_addresses(), leaf.emails()}) {
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  }
  return out.empty() ? "no name" : out;
}

}  // namespace

std::string_view name_of(ChainFault fault) noexcept {
  switch (fault) {
    case ChainFault::None: return "none";
    case ChainFault::Expired: return "expired";
    case ChainFault::NotYetValid: return "not_yet_valid";
    case ChainFault::UnknownIssuer: return "unknown_issuer";
    case ChainFault::WrongName: return "wrong_name";
    case ChainFault::WrongPurpose: return "wrong_purpose";
    case ChainFault::BadSignature: return "bad_signature";
    case ChainFault::WeakKey: return "weak_key";
    case ChainFault::Malformed: return "malformed";
    case ChainFault::Other: break;
  }
  return "other";
}

bool certificate_matches_host(const Certificate& certificate, const std::string& host) {
  // OpenSSL takes a leading dot for "any name below".
  if (host.empty() || host.front() == '.' || host.find('\0') != std::string::npos) return false;
  // RFC 9525 6.3 and 6.4: subjectAltName only; the common name is not looked at
  const bool matches = X509_check_ip_asc(certificate.native(), host.c_str(), 0) == 1 ||
                       X509_check_host(certificate.native(), host.data(), host.size(), kHostFlags, nullptr) == 1;
  openssl_clear_errors();
  return matches;
}

ChainVerdict verify_chain(const VerifyRequest& request) {
  if (request.leaf == nullptr) return refusal(ChainFault::Malformed, "there is no certificate");
  ChainVerdict verdict = build_chain(request);
  if (!verdict.ok) return verdict;
  if (request.purpose == CertificatePurpose::Email && !request.leaf->may_protect_email()) {
    return refusal(ChainFault::WrongPurpose, "the certificate of " + subject_or_serial(*request.leaf) + " is not for e-mail",
                   std::move(verdict.chain));
  }
  const std::string missing = missing_name(request);
  if (missing.empty()) return verdict;
  return refusal(ChainFault::WrongName, "the certificate is for " + all_names(*request.leaf) + ", not for " + missing,
                 std::move(verdict.chain));
}

}  // namespace postern
