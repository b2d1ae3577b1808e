// Bind tokens (X.411 8.5.8): what strong credentials prove with, made and looked at. This room knows what must be signed and what must be
// in a token; signatures and certificates are ports (room `credentials` has them).
#pragma once

#include <functional>

#include "mts/security.hpp"

namespace postern::mts {

/// Octets of a random number that is made or accepted (BindTokenSignedData is a BIT STRING without a bound).
inline constexpr std::size_t kRandomNumberOctets = 16;
inline constexpr std::size_t kMostRandomNumberOctets = 128;

// ---- making one
/// Signs with the key whose algorithm the token names.
using SignOctets = std::function<Result<asn1::BitString>(ByteView octets)>;
struct TokenOrder {
  AlgorithmIdentifier algorithm;  ///< Of the signature.
  TokenName name;                 ///< Whom it is for.
  std::int64_t now = 0;           ///< Unix seconds.
  asn1::BitString random_number;  ///< Of an initiator its own; of a responder the initiator's (X.411 8.1.1.1.2.2).
};
/// An asymmetric-token without encrypted-data. Errors: those of `sign`, BadInput for a name without an encoding.
[[nodiscard]] Result<Token> make_bind_token(const TokenOrder& order, const SignOctets& sign);

// ---- judging one
/// Verifies `signature` over `signed_octets` with the certificate that was sent, or one it knows for the peer, and that certificate itself.
using VerifySignature = std::function<Status(const AlgorithmIdentifier& algorithm, ByteView signed_octets, const asn1::BitString& signature,
                                             const Certificates* sent)>;
struct TokenCheck {
  std::vector<TokenName> us;     ///< Whom the token may be made for; of an MTA the domain counts only if the token names one.
  std::int64_t now = 0;          ///< Unix seconds.
  std::int64_t tolerance = 300;  ///< Seconds a token may be old, or early.
  std::optional<asn1::BitString> answers = std::nullopt;  ///< Of a responder's token: the random number it must have.
};
/// The token's data where everything is right; of an initiator's, the caller keeps the random number for twice `tolerance` to see a replay.
/// Errors: BadInput (not a token we read), Denied (for another, too old, answers somebody else), those of the port.
[[nodiscard]] Result<AsymmetricTokenData> check_bind_token(const StrongCredentials& credentials, const TokenCheck& check,
                                                           const VerifySignature& verify);
/// BindTokenSignedData. BadInput: there is none, or it is empty or longer than kMostRandomNumberOctets.
[[nodiscard]] Result<asn1::BitString> random_number_of(const AsymmetricTokenData& data);
/// The same of a bind that nothing was judged of yet.
[[nodiscard]] Result<asn1::BitString> random_number_of(const StrongCredentials& credentials);

}  // namespace postern::mts
