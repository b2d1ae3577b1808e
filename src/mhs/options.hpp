// Who we are in the MTS, whom we speak with, and what goes where: the settings of [x400] as values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "credentials/authenticator.hpp"
#include "io/stream.hpp"
#include "mhs/lists.hpp"
#include "mhs/strong_identity.hpp"
#include "mts/envelopes.hpp"
#include "oraddress/routing.hpp"
#include "osi/address.hpp"
#include "osi/association.hpp"
#include "pki/certificate.hpp"

namespace postern::mhs {

/// X.419 12: the three ways in which MTAs speak P1.
enum class TransferMode : std::uint8_t {
  Normal,     ///< mts-transfer: 1988 in normal mode.
  X410,       ///< mts-transfer-protocol: 1988 in X.410-1984 mode.
  X410_1984,  ///< mts-transfer-protocol-1984: P1 of 1984.
};
/// "1988", "x410", "1984": as in the setting.
[[nodiscard]] std::string_view name_of(TransferMode mode) noexcept;
[[nodiscard]] osi::AssociationService service_of(TransferMode mode);

/// TLS of associations with one peer (RFC 1006 inside TLS).
struct PeerTls {
  bool required = true;                     ///< False: plain, with a warning.
  std::function<io::SslContext()> context;  ///< For our own connections.
  io::TlsClientOptions options;
  /// Of the chain, after the handshake of a connection of ours: its path, leaf to anchor. Unset: pins decide.
  std::function<Result<CertificateChain>(const io::Stream&)> check;
  /// Whether anything of that path is revoked: what is known of it, for the road (gateway::PathJudge). Unset: nobody looks.
  std::function<io::Task<Result<std::string>>(const io::Stream&, CertificateChain path)> judge;
  std::vector<Bytes> pins;  ///< SHA-256 of the certificate or of its key; any one must match, both ways. Empty: none.
};

/// Another MTA.
struct Peer {
  std::string name;       ///< Of the route ("x400:peer:NAME"), in logs.
  mts::MTAName mta_name;  ///< As it binds.
  mts::GlobalDomainIdentifier domain;
  std::optional<osi::PresentationAddress> address;  ///< Absent: it only calls us.
  TransferMode mode = TransferMode::Normal;
  std::string our_name;       ///< Empty: Mta::name.
  SecretBytes our_password;   ///< What we show; empty: unauthenticated bind.
  SecretBytes peer_password;  ///< What it must show; empty: nobody is let in by it, TLS pins must say who it is.
  /// Strong credentials, both ways, and whose of it are believed; a password counts for nothing then. Unset: simple credentials.
  std::optional<credentials::Trust> strong;
  std::size_t associations = 2;
  std::int64_t checkpoint_size = 63;  ///< Units of 1024 octets; 0: none.
  std::int64_t window_size = 3;
  bool alternate = false;  ///< Both send over one association, in turn (X.218 two-way alternate): offered, and used where it was offered.
  PeerTls tls;
};

/// A user who is delivered to by P3 and lets this MTA bind to him (X.419: forced access) when something waits.
struct CalledUser {
  mts::ORName user;
  osi::PresentationAddress address;
  bool reliable = false;     ///< mts-forced-reliable-access, else mts-forced-access.
  SecretBytes our_password;  ///< What we show; he shows the password that he binds with himself.
  PeerTls tls;
};

/// What a route does with a recipient.
struct RouteTarget {
  enum class Kind : std::uint8_t { Peer, Store, Refuse } kind = Kind::Refuse;
  std::string peer;  ///< Peer::name.
  std::string text;  ///< Of Refuse: what the non-delivery report says.
};

struct Mta {
  mts::MTAName name;
  mts::GlobalDomainIdentifier domain;
  std::vector<Peer> peers;
  std::vector<CalledUser> called_users;
  oraddress::RoutingTable<RouteTarget> routes;
  Lists lists;  ///< Asked before the routes.
  osi::AssociationLimits limits;
  std::uint64_t content_limit = 2ULL * 1024 * 1024 * 1024;              ///< Octets.
  std::chrono::seconds idle{60};                                        ///< An association without work is released after that.
  std::shared_ptr<credentials::Authenticator> strong;                   ///< Needed where a peer or user has strong credentials.
  std::shared_ptr<StrongIdentity> own_certificate;                      ///< What `strong` shows; null: the listeners' certificate.
  std::map<std::string, credentials::Trust, std::less<>> strong_users;  ///< Users who must show them, by oraddress::comparison_key().

  [[nodiscard]] const Peer* peer_named(std::string_view name) const noexcept;
};

}  // namespace postern::mhs
