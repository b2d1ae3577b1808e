#include "contentseal/names.hpp"

#include <openssl/x509v3.h>

#include <algorithm>

#include "asn1/ber.hpp"
#include "base/text.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/rfc822.hpp"

namespace postern::contentseal {
namespace {

using oraddress::ORAddress;

constexpr asn1::Tag kRfc822Name = asn1::context(1), kX400Address = asn1::context(3);

/// GeneralName's x400Address [3] ORAddress, in a module of implicit tags (RFC 5280 A.2).
const asn1::Type& x400_address_type() {
  static const asn1::Type type = asn1::renamed<ORAddress>("x400Address", schema(asn1::Of<ORAddress>{})).implicitly(kX400Address);
  return type;
}

/// The value of subjectAltName; empty where the certificate has none.
ByteView alternative_names_of(const Certificate& certificate) {
  const int at = X509_get_ext_by_NID(certificate.native(), NID_subject_alt_name, -1);
  if (at < 0) return {};
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate.native(), at));
  return {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))};
}

/// The GeneralNames in the extension, each as one element.
Result<std::vector<asn1::Any>> general_names(ByteView extension) {
  if (extension.empty()) return std::vector<asn1::Any>();
  return asn1::decode<std::vector<asn1::Any>>(extension);
}

bool is_rfc822_name(const std::vector<std::string>& emails, const ORAddress& address, const oraddress::Mapping& mapping) {
  const auto mapped = oraddress::to_rfc822(address, mapping);
  if (!mapped) return false;
  return std::ranges::any_of(emails, [wanted = to_lower(mapped->text())](const std::string& email) { return to_lower(email) == wanted; });
}

}  // namespace

Result<std::vector<ORAddress>> x400_addresses(const Certificate& certificate) {
  auto names = general_names(alternative_names_of(certificate));
  if (!names) return fail(ErrorCode::BadInput, "cannot be read: " + names.error().what, "subjectAltName");
  std::vector<ORAddress> out;
  for (const asn1::Any& name : *names) {
    const auto header = asn1::peek_header(name.ber);
    if (!header || !*header || (*header)->tag != kX400Address || out.size() == kMostX400Addresses) continue;
    auto address = asn1::decode<ORAddress>(name.ber, {}, x400_address_type());
    if (!address) return fail(ErrorCode::BadInput, "has an x400Address that is none: " + address.error().what, "subjectAltName");
    out.push_back(*std::move(address));
  }
  return out;
}

Result<Bytes> x400_general_name(const ORAddress& address) { return asn1::encode(address, x400_address_type()); }

Result<Bytes> alternative_names(std::span<const ORAddress> addresses, std::span<const std::string> emails) {
  std::vector<asn1::Any> names;
  for (const std::string& email : emails) {
    asn1::Any name;
    asn1::write_header(name.ber, kRfc822Name, false, email.size());
    append(name.ber, as_bytes(email));
    names.push_back(std::move(name));
  }
  for (const ORAddress& address : addresses) {
    POSTERN_TRY(Bytes ber, x400_general_name(address));
    names.push_back({std::move(ber)});
  }
  return asn1::encode(names);
}

bool names_address(const Certificate& certificate, const ORAddress& address, const oraddress::Mapping& mapping) {
  const auto named = x400_addresses(certificate);
  if (!named) return false;
  if (named->empty()) return is_rfc822_name(certificate.emails(), address, mapping);
  return std::ranges::any_of(*named, [&](const ORAddress& each) { return oraddress::equivalent(each, address); });
}

AuthorCheck speaks_for(std::vector<ORAddress> originators, const oraddress::Mapping& mapping) {
  return [originators = std::move(originators), &mapping](const Certificate& certificate) -> std::optional<std::string> {
    if (originators.empty()) return "the message does not say who its originator is, so nobody knows whether the signer is";
    for (const ORAddress& each : originators)
      if (!names_address(certificate, each, mapping))
        return "the signer's certificate does not name the originator " + oraddress::write(each);
    return std::nullopt;
  };
}

}  // namespace postern::contentseal
