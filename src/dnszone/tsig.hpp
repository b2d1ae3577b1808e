// TSIG (RFC 8945): a shared key signs a request to a DNS server, and proves that the response came from one that has it too. No I/O; the
// time is an input.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "dnszone/wire.hpp"

namespace postern::dnszone {

/// RFC 8945 6, those without known weakness.
enum class TsigAlgorithm { HmacSha256, HmacSha384, HmacSha512 };
[[nodiscard]] std::string_view name_of(TsigAlgorithm algorithm) noexcept;  ///< "hmac-sha256"

struct TsigKey {
  std::string name;  ///< Normalized: the server knows the key by it.
  TsigAlgorithm algorithm = TsigAlgorithm::HmacSha256;
  SecretBytes secret;
};

inline constexpr std::size_t kTsigKeyFileLimit = 65536;

/// A key file as tsig-keygen and keymgr write it:
///   key "update.example.org" { algorithm hmac-sha256; secret "base64"; };
/// with comments (//, #, /* */), whatever its blanks and quotes. Exactly one key. BadInput names what is wrong and never shows the secret;
/// Unsupported for other algorithms; TooLarge over kTsigKeyFileLimit. The caller wipes its own text.
[[nodiscard]] Result<TsigKey> parse_tsig_key(std::string_view text);

/// RFC 8945 10: how far clocks may be apart.
inline constexpr std::chrono::seconds kTsigFudge{300};

struct SignedMessage {
  Bytes bytes;
  Bytes mac;  ///< What the signature of the response goes on from.
};
/// Adds the TSIG record (RFC 8945 4.2, 5.1) behind a message of ours. TooLarge when it does not fit any more.
[[nodiscard]] Result<SignedMessage> tsig_sign(ByteView message, const TsigKey& key, WallTime now);

/// What the signature of a response proves.
struct TsigVerdict {
  bool verified = false;         ///< Made with the key, over this response and our request.
  Rcode error = Rcode::NoError;  ///< BADSIG, BADKEY, BADTIME: why the server did not accept our signature. Proven only when `verified`.
  std::optional<std::chrono::seconds> server_time;  ///< Since 1970, with a verified BADTIME (RFC 8945 5.2.3).
};
/// A response without TSIG, and a BADKEY or BADSIG that its server could not sign (5.3.2), are not verified and no error here. BadInput: a
/// TSIG record that is malformed, not the last one, or there twice (5.2). IntegrityFailed: signed under another key or algorithm, with a
/// shortened MAC, at another time, or wrongly.
[[nodiscard]] Result<TsigVerdict> tsig_verify(ByteView response, const TsigKey& key, ByteView request_mac, WallTime now);

}  // namespace postern::dnszone
