// Recognising CMS and OpenPGP by their first bytes. Inside this room only. Total: any bytes give an answer.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace postern {

enum class CmsKind { SignedData, EnvelopedData, AuthEnvelopedData, CompressedData };
/// RFC 5652 3: ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, ... }, DER or BER.
[[nodiscard]] std::optional<CmsKind> peek_cms(ByteView start) noexcept;

enum class PgpKind { Encrypted, Signature, SignedMessage, PublicKey, SecretKey };
/// RFC 9580 4.2: the tag of the first packet.
[[nodiscard]] std::optional<PgpKind> peek_pgp_packet(ByteView start) noexcept;
/// The first packet of an armored block whose header line is at the front of `text` (RFC 9580 6.2), or of binary packets.
[[nodiscard]] std::optional<PgpKind> peek_pgp(std::string_view text);

/// The first decoded bytes of a leaf body in this transfer encoding (RFC 2045 6), at most about 1 KiB.
[[nodiscard]] Bytes decoded_start(std::string_view body, std::string_view transfer_encoding);

}  // namespace postern
