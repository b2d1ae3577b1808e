// Authenticated Received Chain, RFC 8617: was each host that passed the message on honest about what it saw?
//
// Verifying asks a DnsPort that already has the answers (arc_key_names() says which); sealing asks for signatures through the SignFn of
// dkim.hpp. Total: what is wrong is in the verdict.
#pragma once

#include "mailauth/authres.hpp"
#include "mailauth/dkim.hpp"

namespace postern {

enum class ArcResult { None, Pass, Fail };
[[nodiscard]] std::string_view name_of(ArcResult result) noexcept;

struct ArcVerdict {
  ArcResult cv = ArcResult::None;
  std::string reason;                ///< Of a fail, in one sentence.
  bool temporary = false;            ///< A key could not be fetched now; another try may say something else.
  std::size_t instances = 0;         ///< Sets in the chain.
  std::vector<std::string> sealers;  ///< d= of each ARC-Seal, the first first; as far as they could be read.
};

/// RFC 8617 5.2.
[[nodiscard]] ArcVerdict arc_verify(const MessageView& message, DnsPort& dns, const DkimVerifyOptions& options = {});
/// The TXT names that arc_verify() will ask for, without repetition.
[[nodiscard]] std::vector<std::string> arc_key_names(const MessageView& message);

/// What the host that added the set of this instance (from 1) had found: its ARC-Authentication-Results. NotFound: there is no such set;
/// BadInput: it cannot be read. Worth what the chain is worth.
[[nodiscard]] Result<AuthResults> arc_results(const MessageView& message, std::size_t instance);

struct ArcSealOptions {
  std::string authserv_id;
  /// What the Authentication-Results of this host say, without their id: "spf=pass ...; dkim=fail". Empty: those of the fields of the
  /// message that carry the id, or none.
  std::string results;
  std::vector<std::string> headers;  ///< h= of the message signature; empty: those of DKIM (5.1.1).
  WallTime time{};
  bool standardize = false;  ///< Tags in the order of the alphabet, unfolded: for comparing with other implementations.
};

/// The three fields of the next set, each complete with CRLF, in the order in which they stand above the message.
struct ArcSet {
  std::string seal, message_signature, authentication_results;
};

/// RFC 8617 5.1. `cv`: what arc_verify() said when the message came. BadInput: as dkim_sign(), and for an id or domain that is none.
/// Conflict: the chain is marked as failed already, or has 50 sets; it must not grow then. A chain whose structure is broken gets a set
/// above its highest instance that says so, whatever `cv` is (5.1.2).
[[nodiscard]] Result<ArcSet> arc_seal(const MessageView& message, ArcResult cv, const DkimKeyRef& key, const ArcSealOptions& options,
                                      const SignFn& sign);

}  // namespace postern
