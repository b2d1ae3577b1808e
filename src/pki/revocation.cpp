#include "pki/revocation.hpp"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <new>

#include "pki/revocation_asn1.hpp"
#include "pki/verify.hpp"

namespace postern {
namespace {

using namespace revocation;

using ResponsePtr = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using BasicPtr = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using RequestPtr = Owned<OCSP_REQUEST, OCSP_REQUEST_free>;
using CertIdPtr = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using StackPtr = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })>;

RevocationVerdict invalid(std::string reason) { return {RevocationStatus::Invalid, std::move(reason)}; }

// The response and its signer -------------------------------------------------------------------------------------------------------

Result<BasicPtr> basic_response(ByteView der) {
  if (der.empty()) return fail(ErrorCode::BadInput, "there is no OCSP response");
  if (der.size() > kOcspResponseLimit) return fail(ErrorCode::TooLarge, "the OCSP response is larger than 64 KiB");
  const unsigned char* at = der.data();
  const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (!response || at != der.data() + der.size()) return fail(ErrorCode::BadInput, "not an OCSP response in DER (RFC 6960 4.2.1)");
  const int status = OCSP_response_status(response.get());
  // RFC 6960 2.3: an error message has no signature and says nothing about the certificate
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return fail(ErrorCode::Unavailable, std::string("the responder answered ") + OCSP_response_status_str(status) + " (RFC 6960 2.3)");
  BasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (!basic) return fail(ErrorCode::BadInput, "the response is not of the basic type (RFC 6960 4.2.1)");
  return basic;
}

bool names_ocsp_signing(X509* x509) {
  // RFC 6960 4.2.2.2: id-kp-OCSPSigning itself; no extension and anyExtendedKeyUsage do not do
  return (X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) != 0 && (X509_get_extended_key_usage(x509) & XKU_OCSP_SIGN) != 0;
}

// RFC 6960 4.2.2.2: a responder's certificate is issued by the very CA that issued the certificate in question, and is valid now.
std::string responder_fault(X509* signer, const OcspRequest& request) {
  const auto responder = Certificate::from_native(signer);
  if (!responder) return "the responder has no certificate";
  if (!names_ocsp_signing(signer)) return "the responder's certificate is not for OCSP signing (RFC 6960 4.2.2.2)";
  if ((X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) == 0)
    return "the responder's key usage lacks digitalSignature (RFC 5280 4.2.1.3)";
  const ChainVerdict path = verify_chain({.leaf = &*responder, .roots = {request.issuer, 1}, .at = request.at});
  if (!path.ok) return "the responder is not authorized by the certificate's issuer (RFC 6960 4.2.2.2): " + path.reason;
  return {};
}

// The signer among the certificate's issuer and what came along; null when the signature is not its own.
X509* verified_signer(OCSP_BASICRESP* basic, const Certificate& issuer) {
  const StackPtr known(sk_X509_new_null());
  if (!known || sk_X509_push(known.get(), issuer.native()) <= 0) throw std::bad_alloc();
  X509* signer = nullptr;
  const bool found = OCSP_resp_get0_signer(basic, &signer, known.get()) == 1;
  // Only the signature: whether the signer may sign is responder_fault()'s matter.
  const bool right = found && OCSP_basic_verify(basic, known.get(), nullptr, OCSP_NOVERIFY) == 1;
  return right ? signer : nullptr;
}

std::string signature_fault(OCSP_BASICRESP* basic, const OcspRequest& request) {
  if (!is_strong_signature(OCSP_resp_get0_tbs_sigalg(basic))) return "the response is signed with an unknown or weak algorithm";
  X509* signer = verified_signer(basic, *request.issuer);
  if (signer == nullptr) return "the response is not signed by the certificate's issuer or a responder that it shows (RFC 6960 3.2)";
  if (X509_cmp(signer, request.issuer->native()) == 0) return {};
  return responder_fault(signer, request);
}

// RFC 6960 4.4: an extension that is critical and not understood.
template <class Object>
std::string critical_extension(Object* object, X509_EXTENSION* (*get)(Object*, int), int count) {
  for (int i = 0; i < count; ++i) {
    X509_EXTENSION* extension = get(object, i);
    const ASN1_OBJECT* type = X509_EXTENSION_get_object(extension);
    if (X509_EXTENSION_get_critical(extension) != 0 && OBJ_obj2nid(type) != NID_id_pkix_OCSP_Nonce) return object_text(type);
  }
  return {};
}

// RFC 9654 2.1: the extension's value is an OCTET STRING; some responders send the bytes without one.
bool is_nonce(ASN1_OCTET_STRING* value, ByteView nonce) {
  const ByteView raw(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (std::ranges::equal(raw, nonce)) return true;
  const unsigned char* at = raw.data();
  const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> inner(d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(raw.size())));
  if (!inner || at != raw.data() + raw.size()) return false;
  return std::ranges::equal(ByteView(ASN1_STRING_get0_data(inner.get()), static_cast<std::size_t>(ASN1_STRING_length(inner.get()))), nonce);
}

std::string nonce_fault(OCSP_BASICRESP* basic, const OcspRequest& request) {
  if (request.nonce.empty()) return {};
  const int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
  if (at < 0) return request.require_nonce ? "the response does not repeat the nonce (RFC 9654 2.1)" : "";
  ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
  return is_nonce(value, request.nonce) ? "" : "the response repeats another nonce: it is not the answer to this request (RFC 9654 2.1)";
}

// One SingleResponse ----------------------------------------------------------------------------------------------------------------

bool is_about(OCSP_SINGLERESP* single, const OcspRequest& request) {
  const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(single);
  ASN1_OBJECT* digest = nullptr;
  OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, const_cast<OCSP_CERTID*>(id));
  const int nid = OBJ_obj2nid(digest);
  if (nid != NID_sha1 && nid != NID_sha256) return false;
  const CertIdPtr wanted(OCSP_cert_to_id(nid == NID_sha1 ? EVP_sha1() : EVP_sha256(), request.leaf->native(), request.issuer->native()));
  return wanted && OCSP_id_cmp(wanted.get(), const_cast<OCSP_CERTID*>(id)) == 0;
}

RevocationVerdict status_of(OCSP_SINGLERESP* single) {
  int reason = -1;
  ASN1_GENERALIZEDTIME *revoked = nullptr, *begins = nullptr, *ends = nullptr;
  const int status = OCSP_single_get0_status(single, &reason, &revoked, &begins, &ends);
  const auto this_update = time_of(begins);
  const auto next_update = time_of(ends);
  if (!this_update || (ends != nullptr && !next_update)) return invalid("the response's times cannot be read (RFC 6960 4.2.2.1)");
  RevocationVerdict out;
  out.this_update = *this_update;
  out.usable_until = next_update ? *next_update : *this_update + kOcspAgeLimit;
  if (status == V_OCSP_CERTSTATUS_REVOKED) {
    out.status = RevocationStatus::Revoked;
    out.revoked_at = time_of(revoked);
    out.revocation_reason = reason_name(reason);
  } else {
    out.status = status == V_OCSP_CERTSTATUS_GOOD ? RevocationStatus::Good : RevocationStatus::Unknown;
  }
  return out;
}

std::string time_fault(const RevocationVerdict& verdict, WallTime at, std::chrono::seconds skew, const char* clause) {
  if (verdict.usable_until < verdict.this_update) return std::string("nextUpdate lies before thisUpdate ") + clause;
  if (verdict.this_update > at + skew) return "not valid before " + rfc3339(verdict.this_update) + " " + clause;
  if (verdict.usable_until + skew < at) return "outdated since " + rfc3339(verdict.usable_until) + " " + clause;
  return {};
}

RevocationVerdict judge_single(OCSP_SINGLERESP* single, const OcspRequest& request) {
  const std::string critical = critical_extension<OCSP_SINGLERESP>(single, OCSP_SINGLERESP_get_ext, OCSP_SINGLERESP_get_ext_count(single));
  if (!critical.empty()) return invalid("the response has the critical extension " + critical + ", which is not understood (RFC 6960 4.4)");
  RevocationVerdict out = status_of(single);
  if (out.status == RevocationStatus::Invalid) return out;
  const std::string fault = time_fault(out, request.at, request.skew, "(RFC 6960 3.2)");
  return fault.empty() ? out : invalid("the response is " + fault);
}

// Of several answers about one certificate the worst counts: whoever put them into one response may know of either.
int weight(RevocationStatus status) {
  switch (status) {
    case RevocationStatus::Revoked: return 3;
    case RevocationStatus::Unknown: return 2;
    case RevocationStatus::Good: return 1;
    case RevocationStatus::Invalid: break;
  }
  return 0;
}

RevocationVerdict judge_answers(OCSP_BASICRESP* basic, const OcspRequest& request) {
  if (OCSP_resp_count(basic) > kOcspAnswersLimit) return invalid("the response has more than 64 answers");
  std::optional<RevocationVerdict> out;
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, i);
    if (!is_about(single, request)) continue;
    RevocationVerdict verdict = judge_single(single, request);
    if (!out || weight(verdict.status) > weight(out->status)) out = std::move(verdict);
  }
  return out ? *std::move(out) : invalid("the response is about other certificates (RFC 6960 3.2)");
}

void say(RevocationVerdict& verdict, std::string_view who) {
  switch (verdict.status) {
    case RevocationStatus::Good: verdict.reason = std::string(who) + " says good"; break;
    case RevocationStatus::Unknown: verdict.reason = std::string(who) + " does not know the certificate"; break;
    case RevocationStatus::Revoked:
      verdict.reason = "revoked" + (verdict.revoked_at ? " at " + rfc3339(*verdict.revoked_at) : std::string()) +
                       (verdict.revocation_reason.empty() ? "" : " (" + verdict.revocation_reason + ")");
      break;
    case RevocationStatus::Invalid: break;
  }
}

RevocationVerdict judge_response(const OcspRequest& request) {
  const auto basic = basic_response(request.response);
  if (!basic) return invalid(basic.error().what);
  const int extensions = OCSP_BASICRESP_get_ext_count(basic->get());
  const std::string critical = critical_extension<OCSP_BASICRESP>(basic->get(), OCSP_BASICRESP_get_ext, extensions);
  if (!critical.empty()) return invalid("the response has the critical extension " + critical + ", which is not understood (RFC 6960 4.4)");
  // The cheap question first: an answer about others needs no signature.
  RevocationVerdict out = judge_answers(basic->get(), request);
  if (out.status == RevocationStatus::Invalid) return out;
  for (const auto& fault : {signature_fault(basic->get(), request), nonce_fault(basic->get(), request)}) {
    if (!fault.empty()) return invalid(fault);
  }
  say(out, "the responder");
  return out;
}

std::vector<std::string> distinct(std::vector<std::string> all) {
  std::vector<std::string> out;
  for (std::string& text : all) {
    if (!text.empty() && out.size() < kRevocationUrlLimit && std::ranges::find(out, text) == out.end()) out.push_back(std::move(text));
  }
  return out;
}

}  // namespace

std::string_view name_of(RevocationStatus status) noexcept {
  switch (status) {
    case RevocationStatus::Good: return "good";
    case RevocationStatus::Revoked: return "revoked";
    case RevocationStatus::Unknown: return "unknown";
    case RevocationStatus::Invalid: break;
  }
  return "invalid";
}

RevocationVerdict check_ocsp(const OcspRequest& request) {
  if (request.leaf == nullptr || request.issuer == nullptr) return invalid("there is no certificate, or not its issuer");
  RevocationVerdict out = judge_response(request);
  openssl_clear_errors();
  return out;
}

Result<Bytes> make_ocsp_request(const Certificate& leaf, const Certificate& issuer, ByteView nonce) {
  if (nonce.size() > kOcspNonceMax) return fail(ErrorCode::BadInput, "a nonce has 1 to 128 octets (RFC 9654 2.1)", "nonce");
  if (X509_NAME_cmp(X509_get_issuer_name(leaf.native()), X509_get_subject_name(issuer.native())) != 0)
    return fail(ErrorCode::BadInput, "the issuer's name is not the one that the certificate names", "issuer");
  const RequestPtr request(OCSP_REQUEST_new());
  CertIdPtr id(OCSP_cert_to_id(EVP_sha1(), leaf.native(), issuer.native()));
  if (!request || !id) return fail(openssl_error(ErrorCode::Internal, "making an OCSP request"));
  if (OCSP_CERTID* const given = id.release(); OCSP_request_add0_id(request.get(), given) == nullptr) {
    OCSP_CERTID_free(given);  // not taken
    return fail(openssl_error(ErrorCode::Internal, "making an OCSP request"));
  }
  if (!nonce.empty() &&
      OCSP_request_add1_nonce(request.get(), const_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size())) != 1)
    return fail(openssl_error(ErrorCode::Internal, "adding the nonce"));
  Bytes out(static_cast<std::size_t>(std::max(i2d_OCSP_REQUEST(request.get(), nullptr), 0)));
  unsigned char* to = out.data();
  i2d_OCSP_REQUEST(request.get(), &to);
  return out;
}

std::vector<std::string> ocsp_urls(const Certificate& certificate) {
  const Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(certificate.native(), NID_info_access, nullptr, nullptr)));
  openssl_clear_errors();
  std::vector<std::string> out;
  for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(one->method) == NID_ad_OCSP) out.push_back(web_address(one->location));
  }
  return distinct(std::move(out));
}

namespace {

using PointsPtr = Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free>;

void add_addresses(std::vector<std::string>& out, const CRL_DIST_POINTS* points) {
  for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points, i);
    const GENERAL_NAMES* names = point->distpoint != nullptr && point->distpoint->type == 0 ? point->distpoint->name.fullname : nullptr;
    for (int k = 0; names != nullptr && k < sk_GENERAL_NAME_num(names); ++k) out.push_back(web_address(sk_GENERAL_NAME_value(names, k)));
  }
}

PointsPtr points_of(const Certificate& certificate, int extension) {
  PointsPtr out(static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(certificate.native(), extension, nullptr, nullptr)));
  openssl_clear_errors();
  return out;
}

}  // namespace

std::vector<std::string> crl_urls(const Certificate& certificate) {
  std::vector<std::string> out;
  add_addresses(out, points_of(certificate, NID_crl_distribution_points).get());
  return distinct(std::move(out));
}

std::vector<std::string> delta_urls(const Crl& crl, const Certificate& certificate) {
  const PointsPtr of_list(static_cast<CRL_DIST_POINTS*>(X509_CRL_get_ext_d2i(crl.native(), NID_freshest_crl, nullptr, nullptr)));
  openssl_clear_errors();
  std::vector<std::string> out;
  add_addresses(out, of_list.get());
  add_addresses(out, points_of(certificate, NID_freshest_crl).get());
  return distinct(std::move(out));
}

bool must_staple(const Certificate& certificate) {
  constexpr long kStatusRequest = 5;  // RFC 7633 4.2.2, RFC 6066 8
  const Owned<TLS_FEATURE, TLS_FEATURE_free> features(
      static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate.native(), NID_tlsfeature, nullptr, nullptr)));
  openssl_clear_errors();
  for (int i = 0; features && i < sk_ASN1_INTEGER_num(features.get()); ++i) {
    if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == kStatusRequest) return true;
  }
  return false;
}

}  // namespace postern
