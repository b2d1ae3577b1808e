#include <openssl/x509v3.h>

#include <algorithm>
#include <new>

#include "pki/revocation.hpp"
#include "pki/revocation_asn1.hpp"

namespace postern {

using namespace revocation;

struct Crl::Facts {
  Owned<X509_CRL, X509_CRL_free> crl;
  Owned<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free> scope;  ///< RFC 5280 5.2.5; null: everything of the issuer.
  std::size_t entries = 0;
  std::string unusable, incomplete;
  Owned<ASN1_INTEGER, ASN1_INTEGER_free> number, base;  ///< RFC 5280 5.2.3, 5.2.4; null: none.
};

namespace {

// Shape -----------------------------------------------------------------------------------------------------------------------------
// What a list holds is counted before OpenSSL makes an object of every entry: 16 MiB of the smallest entries would take gigabytes.

struct Element {
  Byte tag = 0;
  ByteView content, whole;
};

constexpr Byte kSequence = 0x30, kInteger = 0x02, kUtcTime = 0x17, kGeneralizedTime = 0x18;

// The next element of DER with a definite length (X.690 10.1); takes it off `rest`.
std::optional<Element> next_element(ByteView& rest) {
  if (rest.size() < 2) return std::nullopt;
  std::size_t header = 2, length = rest[1];
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7F;
    if (octets == 0 || octets > 4 || rest.size() < 2 + octets) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | rest[2 + i];
    header += octets;
  }
  if (length > rest.size() - header) return std::nullopt;
  const Element out{rest[0], rest.subspan(header, length), rest.first(header + length)};
  rest = rest.subspan(header + length);
  return out;
}

std::optional<Element> next_of(ByteView& rest, Byte tag) {
  ByteView tried = rest;
  const auto element = next_element(tried);
  if (!element || element->tag != tag) return std::nullopt;
  rest = tried;
  return element;
}

struct Shape {
  std::size_t entries = 0;
  bool same_algorithm = false;
};

std::optional<Shape> shape_of(ByteView der) {
  const auto list = next_of(der, kSequence);
  if (!list || !der.empty()) return std::nullopt;
  ByteView parts = list->content;
  const auto tbs = next_of(parts, kSequence);
  const auto outer = tbs ? next_of(parts, kSequence) : std::nullopt;
  if (!outer) return std::nullopt;
  ByteView fields = tbs->content;
  (void)next_of(fields, kInteger);
  const auto inner = next_of(fields, kSequence);
  if (!inner || !next_of(fields, kSequence)) return std::nullopt;
  for (int times = 0; times < 2; ++times) {
    if (!next_of(fields, kUtcTime)) (void)next_of(fields, kGeneralizedTime);
  }
  Shape out{0, std::ranges::equal(inner->whole, outer->whole)};
  const auto revoked = next_of(fields, kSequence);
  for (ByteView rest = revoked ? revoked->content : ByteView{}; !rest.empty(); ++out.entries) {
    if (!next_of(rest, kSequence) || out.entries > kCrlEntryLimit) return out.entries > kCrlEntryLimit ? std::optional(out) : std::nullopt;
  }
  return out;
}

// What a list says of itself --------------------------------------------------------------------------------------------------------

// RFC 5280 5.2: "If a CRL contains a critical extension that the application cannot process, then the application MUST NOT use that CRL".
std::string critical_fault(X509_CRL* crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
    X509_EXTENSION* extension = X509_CRL_get_ext(crl, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    const bool critical = X509_EXTENSION_get_critical(extension) != 0;
    if (nid == NID_delta_crl && !critical) return "its delta CRL indicator is not critical (RFC 5280 5.2.4)";
    if (!critical || nid == NID_issuing_distribution_point || nid == NID_delta_crl) continue;
    if (nid == NID_crl_number) return "its cRLNumber is critical (RFC 5280 5.2.3)";
    return "its critical extension " + object_text(X509_EXTENSION_get_object(extension)) + " is not understood (RFC 5280 5.2)";
  }
  return {};
}

// RFC 5280 5.3: the same for entries. certificateIssuer is one of these: indirect lists are not used.
std::string entry_fault(X509_CRL* crl) {
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    for (int k = 0; k < X509_REVOKED_get_ext_count(entry); ++k) {
      X509_EXTENSION* extension = X509_REVOKED_get_ext(entry, k);
      const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
      if (X509_EXTENSION_get_critical(extension) != 0 && nid != NID_crl_reason && nid != NID_invalidity_date)
        return "an entry's critical extension " + object_text(X509_EXTENSION_get_object(extension)) + " is not understood (RFC 5280 5.3)";
    }
  }
  return {};
}

// RFC 5280 5.2.5: at most one of the three may be set.
std::string scope_fault(X509_CRL* crl, const ISSUING_DIST_POINT* scope) {
  if (scope == nullptr) {
    const bool there = X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) >= 0;
    return there ? "its issuing distribution point cannot be read (RFC 5280 5.2.5)" : "";
  }
  if (scope->onlyattr > 0) return "it is for attribute certificates only (RFC 5280 5.2.5)";
  if (scope->indirectCRL > 0) return "it is an indirect CRL, and those are not used (RFC 5280 5.2.5)";
  if (scope->onlyuser > 0 && scope->onlyCA > 0) return "it is for CA certificates only and for others only (RFC 5280 5.2.5)";
  if (scope->distpoint != nullptr && scope->distpoint->type != 0)
    return "its distribution point is named relative to the issuer, which is not understood (RFC 5280 5.2.5)";
  return {};
}

bool has_duplicates(X509_CRL* crl) {
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  std::vector<const ASN1_INTEGER*> serials;
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i)
    serials.push_back(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i)));
  std::ranges::sort(serials, [](const auto* a, const auto* b) { return ASN1_INTEGER_cmp(a, b) < 0; });
  return std::ranges::adjacent_find(serials, [](const auto* a, const auto* b) { return ASN1_INTEGER_cmp(a, b) == 0; }) != serials.end();
}

std::string incompleteness(X509_CRL* crl, const ISSUING_DIST_POINT* scope) {
  if (scope != nullptr && scope->onlysomereasons != nullptr) return "it covers some reasons only (RFC 5280 5.2.5)";
  if (X509_CRL_get0_nextUpdate(crl) == nullptr) return "it has no nextUpdate (RFC 5280 5.1.2.5)";
  if (X509_CRL_get_version(crl) != 1) return "it is not of version 2 (RFC 5280 5.1.2.1)";
  if (X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1) < 0) return "it has no cRLNumber (RFC 5280 5.2.3)";
  if (has_duplicates(crl)) return "it names a certificate twice";
  return {};
}

// Does it cover this certificate? ---------------------------------------------------------------------------------------------------

bool shares_a_name(const GENERAL_NAMES* ours, const GENERAL_NAMES* theirs) {
  for (int i = 0; i < sk_GENERAL_NAME_num(ours); ++i) {
    for (int k = 0; k < sk_GENERAL_NAME_num(theirs); ++k) {
      if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(ours, i), sk_GENERAL_NAME_value(theirs, k)) == 0) return true;
    }
  }
  return false;
}

constexpr int kNamesInPoint = 64;  // of either side; more are not compared

// RFC 5280 6.3.3 (b) (2) (i): one of the list's names stands in a distribution point of the certificate.
bool names_a_point(const GENERAL_NAMES* names, const Certificate& certificate) {
  const Owned<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(
      static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(certificate.native(), NID_crl_distribution_points, nullptr, nullptr)));
  if (!points || sk_GENERAL_NAME_num(names) > kNamesInPoint) return false;
  for (int i = 0; i < std::min(sk_DIST_POINT_num(points.get()), kNamesInPoint); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    if (point->distpoint == nullptr || point->distpoint->type != 0 || point->CRLissuer != nullptr) continue;
    const GENERAL_NAMES* own = point->distpoint->name.fullname;
    if (sk_GENERAL_NAME_num(own) <= kNamesInPoint && shares_a_name(names, own)) return true;
  }
  return false;
}

std::string coverage_fault(const ISSUING_DIST_POINT* scope, const Certificate& certificate) {
  if (scope == nullptr) return {};
  const bool ca = (X509_get_extension_flags(certificate.native()) & EXFLAG_CA) != 0;
  if (ca && scope->onlyuser > 0) return "it is not for CA certificates (RFC 5280 6.3.3 b)";
  if (!ca && scope->onlyCA > 0) return "it is for CA certificates only (RFC 5280 6.3.3 b)";
  if (scope->distpoint != nullptr && !names_a_point(scope->distpoint->name.fullname, certificate))
    return "it is for another distribution point than the certificate's (RFC 5280 6.3.3 b)";
  return {};
}

std::string date_fault(X509_CRL* crl, const CrlRequest& request, RevocationVerdict& out) {
  const auto begins = time_of(X509_CRL_get0_lastUpdate(crl));
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
  const auto ends = time_of(next);
  if (!begins || (next != nullptr && !ends)) return "its times cannot be read (RFC 5280 5.1.2.4)";
  out.this_update = *begins;
  out.usable_until = ends ? *ends : *begins;
  // As with certificates, a time that is written in seconds lasts until the next one begins.
  if (std::chrono::floor<std::chrono::seconds>(request.at) + request.skew < *begins) return "it is not valid before " + rfc3339(*begins);
  if (ends && std::chrono::floor<std::chrono::seconds>(request.at) > *ends + request.skew) return "it is outdated since " + rfc3339(*ends);
  return {};
}

std::string signature_fault(X509_CRL* crl, const Certificate& issuer) {
  // RFC 5280 6.3.3 (f): only when the extension is there
  if ((X509_get_key_usage(issuer.native()) & KU_CRL_SIGN) == 0) return "its issuer's key usage lacks cRLSign (RFC 5280 6.3.3 f)";
  const X509_ALGOR* algorithm = nullptr;
  X509_CRL_get0_signature(crl, nullptr, &algorithm);
  if (!is_strong_signature(algorithm)) return "it is signed with an unknown or weak algorithm";
  EVP_PKEY* key = X509_get0_pubkey(issuer.native());
  if (key == nullptr || X509_CRL_verify(crl, key) != 1) return "it is not signed by the certificate's issuer (RFC 5280 6.3.3 g)";
  return {};
}

void take_entry(const X509_REVOKED* entry, RevocationVerdict& out) {
  out.status = RevocationStatus::Revoked;
  out.revoked_at = time_of(X509_REVOKED_get0_revocationDate(entry));
  const Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(
      static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
  if (reason) out.revocation_reason = reason_name(ASN1_ENUMERATED_get(reason.get()));
  const Owned<ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free> since(
      static_cast<ASN1_GENERALIZEDTIME*>(X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, nullptr, nullptr)));
  if (since) out.invalid_since = time_of(since.get());
  out.reason = "revoked" + (out.revoked_at ? " at " + rfc3339(*out.revoked_at) : std::string()) +
               (out.revocation_reason.empty() ? "" : " (" + out.revocation_reason + ")");
}

// Deltas (RFC 5280 5.2.4) -----------------------------------------------------------------------------------------------------------

ByteView extension_value(X509_CRL* crl, int nid) {
  const int at = X509_CRL_get_ext_by_NID(crl, nid, -1);
  if (at < 0) return {};
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
  return {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))};
}

bool is_of_the_same_kind(X509_CRL* delta, X509_CRL* complete) {
  const auto same = [&](int nid) { return std::ranges::equal(extension_value(delta, nid), extension_value(complete, nid)); };
  return X509_NAME_cmp(X509_CRL_get_issuer(delta), X509_CRL_get_issuer(complete)) == 0 && same(NID_issuing_distribution_point) &&
         same(NID_authority_key_identifier);
}

RevocationVerdict unusable(const std::string& why) { return {RevocationStatus::Invalid, "the CRL cannot be used: " + why}; }

// RFC 5280 6.3.3 (i) to (k): what the delta says goes before the complete list; removeFromCRL (2) takes an entry off.
int find_entry(X509_CRL* delta, X509_CRL* complete, X509* leaf, X509_REVOKED*& entry) {
  const int changed = delta != nullptr ? X509_CRL_get0_by_cert(delta, &entry, leaf) : 0;
  return changed != 0 ? changed : X509_CRL_get0_by_cert(complete, &entry, leaf);
}

RevocationVerdict judge(const CrlRequest& request, const ISSUING_DIST_POINT* scope, const Crl* delta) {
  X509_CRL* crl = request.crl->native();
  if (request.crl->is_delta()) return unusable("it is a delta CRL, which counts only beside the complete one (RFC 5280 5.2.4)");
  if (!crl_is_for(*request.crl, *request.leaf)) return unusable("it is of another issuer (RFC 5280 6.3.3 b)");
  if (!request.crl->unusable().empty()) return unusable(request.crl->unusable());
  RevocationVerdict out;
  for (const std::string& fault :
       {date_fault(crl, request, out), coverage_fault(scope, *request.leaf), signature_fault(crl, *request.issuer)}) {
    if (!fault.empty()) return unusable(fault);
  }
  X509_REVOKED* entry = nullptr;
  const int found = find_entry(delta != nullptr ? delta->native() : nullptr, crl, request.leaf->native(), entry);
  if (delta != nullptr)
    out.usable_until = std::min(out.usable_until, time_of(X509_CRL_get0_nextUpdate(delta->native())).value_or(request.at));
  if (found == 1) {
    take_entry(entry, out);
    return out;
  }
  if (!request.crl->incomplete().empty()) return unusable(request.crl->incomplete());
  out.status = RevocationStatus::Good;
  out.reason = delta != nullptr ? "not on the CRL and its delta" : "not on the CRL";
  return out;
}

}  // namespace

Result<Crl> Crl::from_der(ByteView der) {
  if (der.size() > kCrlLimit) return fail(ErrorCode::TooLarge, "the CRL is larger than 16 MiB");
  const auto shape = shape_of(der);
  if (!shape) return fail(ErrorCode::BadInput, "not a CRL in DER");
  if (shape->entries > kCrlEntryLimit)
    return fail(ErrorCode::TooLarge, "the CRL has more than " + std::to_string(kCrlEntryLimit) + " entries");
  const unsigned char* at = der.data();
  auto facts = std::make_shared<Facts>();
  facts->crl.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!facts->crl || at != der.data() + der.size()) return fail(openssl_error(ErrorCode::BadInput, "not a CRL"));
  X509_CRL* crl = facts->crl.get();
  facts->scope.reset(static_cast<ISSUING_DIST_POINT*>(X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, nullptr, nullptr)));
  facts->entries = shape->entries;
  facts->number.reset(static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  facts->base.reset(static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_delta_crl, nullptr, nullptr)));
  if (!shape->same_algorithm) facts->unusable = "its two signature algorithms differ (RFC 5280 5.1.1.2)";
  for (const std::string& fault : {critical_fault(crl), scope_fault(crl, facts->scope.get()), entry_fault(crl)}) {
    if (facts->unusable.empty()) facts->unusable = fault;
  }
  facts->incomplete = incompleteness(crl, facts->scope.get());
  openssl_clear_errors();
  return Crl(std::move(facts));
}

Result<std::vector<Crl>> Crl::from_text(std::string_view text, std::size_t limit) {
  constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----", kEnd = "-----END X509 CRL-----";
  std::vector<Crl> out;
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin, at + 1)) {
    if (out.size() == limit) return fail(ErrorCode::TooLarge, "more than " + std::to_string(limit) + " CRLs in one text");
    const std::string_view body = text.substr(at + kBegin.size());
    const std::size_t end = body.find(kEnd);
    if (end == std::string_view::npos) return fail(ErrorCode::BadInput, "a CRL in PEM without its end line");
    POSTERN_TRY(const Bytes der, base64_decode(body.substr(0, end), Whitespace::Skip));
    POSTERN_TRY(Crl crl, from_der(der));
    out.push_back(std::move(crl));
  }
  if (!out.empty()) return out;
  POSTERN_TRY(Crl crl, from_der(as_bytes(text)));
  out.push_back(std::move(crl));
  return out;
}

std::string Crl::issuer() const {
  const BioPtr out = bio_buffer();
  X509_NAME_print_ex(out.get(), X509_CRL_get_issuer(native()), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return std::string(as_text(bio_bytes(out.get())));
}

std::size_t Crl::entries() const noexcept { return m_facts->entries; }
X509_CRL* Crl::native() const noexcept { return m_facts->crl.get(); }
const std::string& Crl::unusable() const noexcept { return m_facts->unusable; }
const std::string& Crl::incomplete() const noexcept { return m_facts->incomplete; }
bool Crl::is_delta() const noexcept { return X509_CRL_get_ext_by_NID(native(), NID_delta_crl, -1) >= 0; }

bool crl_is_for(const Crl& crl, const Certificate& certificate) {
  return X509_NAME_cmp(X509_CRL_get_issuer(crl.native()), X509_get_issuer_name(certificate.native())) == 0;
}

// RFC 5280 5.2.4, 6.3.3 (c): it begins with this list or an earlier one, ends with a later one, and is of the same issuer, scope and key.
bool Crl::updates(const Crl& complete, const CrlRequest& request) const {
  const Facts &own = *m_facts, &its = *complete.m_facts;
  RevocationVerdict ignored;
  return own.base && own.number && its.number && own.unusable.empty() && own.incomplete.empty() &&
         ASN1_INTEGER_cmp(own.base.get(), its.number.get()) <= 0 && ASN1_INTEGER_cmp(own.number.get(), its.number.get()) > 0 &&
         is_of_the_same_kind(native(), complete.native()) && date_fault(native(), request, ignored).empty() &&
         signature_fault(native(), *request.issuer).empty();
}

const Crl* Crl::latest_delta(const CrlRequest& request) {
  const Crl* out = nullptr;
  for (const Crl& one : request.deltas) {
    if (!one.updates(*request.crl, request)) continue;
    if (out == nullptr || ASN1_INTEGER_cmp(one.m_facts->number.get(), out->m_facts->number.get()) > 0) out = &one;
  }
  return out;
}

RevocationVerdict check_crl(const CrlRequest& request) {
  if (request.leaf == nullptr || request.issuer == nullptr || request.crl == nullptr) return unusable("there is none, or no certificate");
  RevocationVerdict out = judge(request, request.crl->m_facts->scope.get(), Crl::latest_delta(request));
  openssl_clear_errors();
  return out;
}

}  // namespace postern
