// The tables [x400], [[x400_peer]], [[x400_called_user]] and [[x400_route]] as an Mta. Everything that only a room above config can judge
// is judged here, at start.
#pragma once

#include "config/config.hpp"
#include "gateway/revocations.hpp"
#include "mhs/options.hpp"
#include "mts/rules_envelope.hpp"
#include "pki/certificate.hpp"
#include "spool/schedule.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::mhs {

using OwnRoots = std::function<std::vector<Certificate>()>;
/// What this host has for TLS with peers.
struct OwnTls {
  OwnRoots roots;  ///< Trusted for peers that name no trust store; asked at each connection (a sealed key engine has none yet).
  /// A context that shows the listeners' certificate, for peers that know us by it. Used where no transport.tls.client_certificate is set.
  std::function<Result<std::function<io::SslContext()>>(TlsVersion)> context;
  /// Who looks whether peers' certificates are revoked, by this policy. Unset: nobody.
  std::function<gateway::PathJudge(RevocationPolicy)> judge = {};
};
/// Reads passwords and certificates. The clock must outlive what is made. Errors name table, entry and setting.
[[nodiscard]] Result<Mta> mta_of(const config::Config& config, OwnTls own, const Clock& clock);
/// Of [[x400_user]] and [[x400_called_user]], without reading certificates: that the addresses are ones, each user is there once, and who
/// has strong credentials is not called.
[[nodiscard]] Status check_users(const config::Config& config);
/// x400.retry; an expiry has each message of its own (lifetimes_of).
[[nodiscard]] Result<RetrySchedule> retry_of(const config::Config& config);
[[nodiscard]] mts::Lifetimes lifetimes_of(const config::Config& config);
/// The identity that a TLS context shows: its chain and key. Unavailable: the context has none now (a sealed key engine).
[[nodiscard]] Result<credentials::Identity> identity_in(const io::SslContext& context);
/// "C=DE;A= ;P=ORG"; BadInput where an attribute is missing or there are others.
[[nodiscard]] Result<mts::GlobalDomainIdentifier> parse_domain(std::string_view text);
/// ASCII, or 'HEX'H. Unset for an empty text.
[[nodiscard]] Result<std::optional<Bytes>> parse_selector(std::string_view text);

}  // namespace postern::mhs
