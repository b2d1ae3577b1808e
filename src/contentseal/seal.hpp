// Closing X.400 contents with S/MIME (RFC 3854): any content goes in octet for octet, and out comes the content that travels in its place.
//
//   POSTERN_TRY(const asn1::Oid type, oid_of(message.content_type));
//   POSTERN_TRY(const SealedContent sealed, sign_content({type, message.content}, signer, now));
//   // submitted with sealed.content_type, sealed.encoded_types and conversion prohibited
//
// RFC 3854 3.2: the content is the eContent of a SignedData whose eContentType is that of the content; 3.3: the same for EnvelopedData, and
// here also for AuthEnvelopedData (RFC 8551 2.4.4), which RFC 3854 could not know; 3.4: objects nest without ContentInfo and MIME between.
// RFC 3855 2.2: on X.400 the outer object travels without MIME around it, as the content type id-ct-contentInfo. 2.6: conversion is to be
// prohibited by who submits it, and redirection and expansion of lists lead to readers who have no key.
//
// Borrows everything for the call. Thread safe: no state. Cost: a private key operation to sign, a public one for each recipient.
#pragma once

#include "contentseal/content_type.hpp"
#include "seal/profile.hpp"
#include "seal/smime.hpp"

namespace postern::contentseal {

struct PlainContent {
  asn1::Oid type;  ///< oid_of()
  ByteView octets;
};

struct SealedContent {
  mts::ContentType content_type;         ///< id-ct-contentInfo
  std::vector<asn1::Oid> encoded_types;  ///< RFC 3855 2.5: id-eit-signedX400, id-eit-envelopedX400; in place of those of the content.
  Bytes octets;                          ///< ContentInfo, DER.
};

/// What is outermost of a content that is a CMS object already, in a MIME entity or not; what is further in only open_content() sees.
enum class Outermost : std::uint8_t { None, Signed, Encrypted, Compressed };
[[nodiscard]] Outermost outermost_of(ByteView octets);
/// Any such object is for open_content(), and is not sealed again. It need not be protected: Compressed is not.
[[nodiscard]] bool is_sealed(ByteView octets);

/// For who reads in pieces: whether a content that begins so is for open_content(). Undecided: it takes more octets; Plain where there are
/// no more. After MaybeSealed the whole content decides, with is_sealed().
enum class Front : std::uint8_t { Undecided, Plain, MaybeSealed };
[[nodiscard]] Front front_of(ByteView octets);

/// BadInput: the certificate does not fit the key, is not for signing mail, or is not valid now. Conflict: sealed already.
[[nodiscard]] Result<SealedContent> sign_content(const PlainContent& content, const SmimeIdentity& signer, WallTime now);
/// One object for all recipients. BadInput names the certificate that may not be encrypted to; Conflict: encrypted already.
[[nodiscard]] Result<SealedContent> encrypt_content(const PlainContent& content, std::span<const Certificate> recipients,
                                                    const EncryptionProfile& profile, WallTime now);
/// RFC 3854 3.4: signed, and what is signed encrypted.
[[nodiscard]] Result<SealedContent> sign_encrypt_content(const PlainContent& content, const SmimeIdentity& signer,
                                                         std::span<const Certificate> recipients, const EncryptionProfile& profile,
                                                         WallTime now);

}  // namespace postern::contentseal
