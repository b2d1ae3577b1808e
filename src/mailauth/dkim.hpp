// DomainKeys Identified Mail: RFC 6376 with RFC 8301 (no SHA-1, keys of 1024 bits at least), RFC 8463 (Ed25519) and RFC 8616 (UTF-8).
//
// Signing asks for signatures through a SignFn, so that no private key comes near this room; several keys sign side by side over one pass
// of the body. Verifying asks a DnsPort that already has the answers (dkim_key_names() says which to fetch). The clock is an input.
//
// Does not handle: l= on signing (never produced: it lets strangers append), z=, third-party policy, DMARC alignment (its own room's
// business).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/later.hpp"
#include "dns/record.hpp"
#include "mime/message.hpp"

namespace postern {

enum class DkimAlgorithm { RsaSha256, Ed25519Sha256 };
[[nodiscard]] std::string_view name_of(DkimAlgorithm algorithm) noexcept;  ///< "rsa-sha256"
[[nodiscard]] Result<DkimAlgorithm> parse_dkim_algorithm(std::string_view text);

/// RFC 6376 3.4.
enum class Canonicalization { Simple, Relaxed };
struct CanonicalizationPair {
  Canonicalization header = Canonicalization::Relaxed;
  Canonicalization body = Canonicalization::Relaxed;
  /// "relaxed/simple"; the body is simple when left out.
  [[nodiscard]] static Result<CanonicalizationPair> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

/// Names a key towards the SignFn. This room reads domain, selector and algorithm; key_name and key_version are passed through.
struct DkimKeyRef {
  std::string domain;    ///< d=
  std::string selector;  ///< s=
  DkimAlgorithm algorithm = DkimAlgorithm::RsaSha256;
  std::string key_name;
  std::uint32_t key_version = 0;
};

/// Makes one signature. What it is given depends on key.algorithm:
/// - RsaSha256: the message to be hashed *and* signed: RSASSA-PKCS1-v1_5 with SHA-256 over these bytes.
/// - Ed25519Sha256: the 32-byte SHA-256 digest, which is the message that PureEdDSA signs (RFC 8463 3). Do not hash it again yourself.
/// The bytes live only during the call. It may be called from the signing thread only, once per key, for all keys before the first
/// signature is taken: what is made elsewhere is made side by side.
using SignFn = std::function<Later<Bytes>(const DkimKeyRef& key, ByteView data_or_digest)>;

struct DkimSignOptions {
  CanonicalizationPair canonicalization;
  /// h= as given, names in signing order; must hold "from" (RFC 6376 5.4). Empty: the default, every field of RFC 6376 5.4.1 that is there,
  /// and once more than they occur (so that none can be added) From, To, Subject, Date, Cc, Reply-To, Message-ID, MIME-Version,
  /// Content-Type, In-Reply-To, References.
  std::vector<std::string> headers;
  std::optional<WallTime> time;                  ///< t=
  std::optional<std::chrono::seconds> lifetime;  ///< x= is time + lifetime; needs `time`.
  std::string identity;  ///< i=, such as "@example.org"; its domain must be every key's d= or below. Empty: left out.
};

/// One DKIM-Signature field per key, complete with CRLF and folded to 76 columns, in the order of `keys`; put them in front of the message.
/// BadInput: no From field, more than one, h= without from, a bad domain, selector or identity, a header section with bare CR, LF or NUL.
/// Errors of SignFn come back as they are, with the selector in front.
[[nodiscard]] Result<std::string> dkim_sign(const MessageView& message, std::span<const DkimKeyRef> keys, const DkimSignOptions& options,
                                            const SignFn& sign);

/// The same in two steps: the signatures are asked for, and taken when they are needed. Move only; owns all that it needs.
class DkimSigning {
 public:
  DkimSigning(DkimSigning&&) noexcept;
  DkimSigning& operator=(DkimSigning&&) noexcept;
  ~DkimSigning();
  /// Waits for the signatures. The fields as of dkim_sign(). Once.
  [[nodiscard]] Result<std::string> finish() &&;

 private:
  friend Result<DkimSigning> dkim_begin(const MessageView& message, std::span<const DkimKeyRef> keys, const DkimSignOptions& options,
                                        const SignFn& sign);
  struct Field;
  explicit DkimSigning(std::vector<Field> fields);
  std::vector<Field> m_fields;
};
[[nodiscard]] Result<DkimSigning> dkim_begin(const MessageView& message, std::span<const DkimKeyRef> keys, const DkimSignOptions& options,
                                             const SignFn& sign);

/// RFC 8601 2.7.1.
enum class DkimResult {
  None,     ///< No signature at all.
  Pass,     ///< Verified.
  Fail,     ///< Header signature or body hash is wrong.
  Policy,   ///< We do not accept it: key size outside the settings, l= shorter than the body, a From not signed, too many signatures, t= in
            ///< the future.
  Neutral,  ///< Syntax errors, or a version, algorithm or canonicalization we do not know. Also a failure under a key in test mode (t=y).
  TempError,  ///< The key could not be fetched now.
  PermError,  ///< It can never verify: no key, revoked, expired, SHA-1, RSA under 1024 bits, h= without From, key of the wrong kind.
};
[[nodiscard]] std::string_view name_of(DkimResult result) noexcept;

struct DkimVerifyOptions {
  std::size_t max_signatures = 10;              ///< Those further down are reported as Policy without any work.
  std::size_t min_rsa_bits = 1024;              ///< Smaller: Policy. Under 1024 is always PermError (RFC 8301 3.2).
  std::size_t max_rsa_bits = 8192;              ///< Larger keys only burn our CPU. Policy.
  bool accept_partial_body = false;             ///< l= shorter than the body passes; otherwise Policy.
  std::chrono::seconds future_tolerance{3600};  ///< t= further ahead than this: Policy.
};

/// One signature's outcome.
struct DkimSignature {
  std::string domain;     ///< d=, lower case; empty when unreadable.
  std::string selector;   ///< s=
  std::string algorithm;  ///< a= as written
  std::string identity;   ///< i=, or "@" + d= (RFC 6376 3.5)
  DkimResult result = DkimResult::Neutral;
  std::string reason;                      ///< For people; empty when it passed.
  bool testing = false;                    ///< Key says t=y: RFC 6376 3.6.1, treat as unsigned.
  bool partial_body = false;               ///< l= covers less than the body.
  std::size_t key_bits = 0;                ///< 0 until a key was read.
  std::string signature_head;              ///< First 8 characters of b=: RFC 6008 header.b.
  std::vector<std::string> signed_fields;  ///< h=, lower case.
  std::optional<std::int64_t> timestamp;   ///< t=
};

/// Every DKIM-Signature field from the top. Never fails: what is wrong is in the results. No signature: an empty vector.
[[nodiscard]] std::vector<DkimSignature> dkim_verify(const MessageView& message, DnsPort& dns, WallTime now,
                                                     const DkimVerifyOptions& options = {});

/// None, or the best of all: pass, policy, fail, temperror, permerror, neutral (in this order).
[[nodiscard]] DkimResult dkim_overall(std::span<const DkimSignature> signatures) noexcept;

/// The TXT names that dkim_verify() will ask for, without repetition.
[[nodiscard]] std::vector<std::string> dkim_key_names(const MessageView& message, const DkimVerifyOptions& options = {});

/// The TXT record to publish for a key: `public_key` is the SubjectPublicKeyInfo (RSA) or the 32 raw octets (Ed25519, RFC 8463 4).
[[nodiscard]] std::string dkim_key_record(DkimAlgorithm algorithm, ByteView public_key);

}  // namespace postern
