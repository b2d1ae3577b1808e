// Object identifiers of S/MIME over X.400: content types of CMS (RFC 5652, 5083) and the encoded information types of RFC 3855 2.5.
#pragma once

#include <cstdint>

#include "asn1/values.hpp"

namespace postern::contentseal {

/// RFC 5652 4. As the content type of a P1 envelope it says that a MIME entity is the content (RFC 3855 2.2, 2.2.1).
[[nodiscard]] inline asn1::Oid id_data() { return {1, 2, 840, 113549, 1, 7, 1}; }
[[nodiscard]] inline asn1::Oid id_signed_data() { return {1, 2, 840, 113549, 1, 7, 2}; }
[[nodiscard]] inline asn1::Oid id_enveloped_data() { return {1, 2, 840, 113549, 1, 7, 3}; }
/// RFC 5652 3. As the content type of a P1 envelope: a CMS object without MIME around it (RFC 3855 2.2).
[[nodiscard]] inline asn1::Oid id_ct_content_info() { return {1, 2, 840, 113549, 1, 9, 16, 1, 6}; }
[[nodiscard]] inline asn1::Oid id_ct_compressed_data() { return {1, 2, 840, 113549, 1, 9, 16, 1, 9}; }
[[nodiscard]] inline asn1::Oid id_ct_auth_enveloped_data() { return {1, 2, 840, 113549, 1, 9, 16, 1, 23}; }

/// RFC 3855 2.5: what smime-type is in MIME, for envelopes: the last arc of id-eit (1.2.840.113549.1.9.16.10).
enum class EncodedType : std::uint32_t {
  EnvelopedData = 1,
  SignedData = 2,
  CertsOnly = 3,
  SignedReceipt = 4,
  EnvelopedX400 = 5,
  SignedX400 = 6,
  CompressedData = 7,
};
[[nodiscard]] inline asn1::Oid id_eit(EncodedType type) { return {1, 2, 840, 113549, 1, 9, 16, 10, static_cast<std::uint32_t>(type)}; }

}  // namespace postern::contentseal
