#include "mhs/settings.hpp"

#include <openssl/ssl.h>

#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "gateway/hops.hpp"
#include "mhs/list_settings.hpp"
#include "mhs/strong_identity.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "pki/verify.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::mhs {
namespace {

constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* kCalledAndStrong =
    "has strong credentials in [[x400_user]], and forced access knows simple ones only; take him out of one of the two";
constexpr std::size_t kMtaName = 32;  // ub-mta-name-length

Result<TransferMode> mode_of(const std::string& text) {
  for (const TransferMode mode : {TransferMode::Normal, TransferMode::X410, TransferMode::X410_1984})
    if (name_of(mode) == text) return mode;
  return fail(ErrorCode::BadInput, "must be 1988, x410 or 1984", "mode");
}

Result<mts::MTAName> mta_name(const std::string& text, const char* field) {
  if (text.empty() || text.size() > kMtaName || !is_ascii(text))
    return fail(ErrorCode::BadInput, "must be 1 to 32 ASCII characters", field);
  return mts::MTAName(text);
}

template <class T>
Result<T> in(Result<T> value, std::string_view field) {
  if (!value && value.error().field.empty()) return fail(Error{value.error().code, value.error().what, std::string(field)});
  return value;
}

Result<SecretBytes> secret(const std::string& reference, const config::Config& config, const char* field) {
  if (reference.empty()) return SecretBytes();
  auto read = gateway::read_secret_ref(reference, config);
  if (!read) return fail(Error{read.error().code, read.error().what, field});
  return read;
}

tl::unexpected<Error> fault_of(const config::X400User& user, const Error& fault) {
  return fail(Error(fault).context("[[x400_user]] " + printable(user.address)));
}

/// Under which each user of [[x400_user]] is found, in their order.
Result<std::vector<std::string>> keys_of_users(const config::Config& config) {
  std::vector<std::string> out;
  for (const auto& user : config.x400_users) {
    const auto address = in(oraddress::parse(user.address), "address");
    if (!address) return fault_of(user, address.error());
    std::string key = oraddress::comparison_key(*address);
    if (std::ranges::find(out, key) != out.end()) return fault_of(user, {ErrorCode::Conflict, "is there twice", "address"});
    out.push_back(std::move(key));
  }
  return out;
}

tl::unexpected<Error> fault_of(const config::X400CalledUser& user, const Error& fault) {
  return fail(Error(fault).context("[[x400_called_user]] " + printable(user.user)));
}

/// Whom we call, in their order: each once, and nobody who must show strong credentials.
Result<std::vector<oraddress::ORAddress>> called_addresses(const config::Config& config) {
  POSTERN_TRY(const auto strong, keys_of_users(config));
  std::vector<oraddress::ORAddress> out;
  for (const auto& user : config.x400_called_users) {
    auto address = in(oraddress::parse(user.user), "user");
    if (!address) return fault_of(user, address.error());
    if (std::ranges::find(strong, oraddress::comparison_key(*address)) != strong.end())
      return fault_of(user, {ErrorCode::Conflict, kCalledAndStrong, "user"});
    const auto at = in(osi::parse_presentation_address(user.address), "address");
    if (!at) return fault_of(user, at.error());
    const auto is_it = [&](const oraddress::ORAddress& other) { return oraddress::equivalent(other, *address); };
    if (std::ranges::any_of(out, is_it)) return fault_of(user, {ErrorCode::Conflict, "is there twice", "user"});
    out.push_back(*std::move(address));
  }
  return out;
}

/// The chain of a peer that we called, judged by our own path validation, so that a refusal has a reason.
class PathCheck {
 public:
  PathCheck(std::vector<Certificate> roots, OwnRoots more, std::string host, const Clock& clock)
      : m_roots(std::move(roots)), m_more(std::move(more)), m_host(std::move(host)), m_clock(clock) {}
  Result<CertificateChain> operator()(const io::Stream& stream) const {
    POSTERN_TRY(const CertificateChain chain, certificates_from_der(stream.peer_chain()));
    if (chain.empty()) return fail(ErrorCode::Denied, "no certificate was shown");
    VerifyRequest request;
    request.leaf = &chain.front();
    request.intermediates = std::span(chain).subspan(1);
    std::vector<Certificate> roots = m_roots;
    if (m_more) std::ranges::copy(m_more(), std::back_inserter(roots));
    request.roots = roots;
    request.at = m_clock.now();
    request.purpose = CertificatePurpose::TlsServer;
    ChainVerdict verdict = verify_chain(request);
    if (!verdict.ok) return fail(ErrorCode::Denied, verdict.reason);
    if (m_host.empty() || certificate_matches_host(chain.front(), m_host)) return std::move(verdict.chain);
    return fail(ErrorCode::Denied, "the certificate is not for " + m_host);
  }

 private:
  std::vector<Certificate> m_roots;
  OwnRoots m_more;
  std::string m_host;
  const Clock& m_clock;
};

class Maker {
 public:
  Maker(const config::Config& config, OwnTls own, const Clock& clock) : m_config(config), m_own(std::move(own)), m_clock(clock) {}

  Result<Mta> make() {
    Mta out;
    const auto& x400 = m_config.x400;
    const std::string first_label = m_config.server.hostname.substr(0, m_config.server.hostname.find('.'));
    POSTERN_TRY(out.name, in(mta_name(x400.mta_name.empty() ? first_label : x400.mta_name, "x400.mta_name"), ""));
    POSTERN_TRY(out.domain, in(parse_domain(x400.domain), "x400.domain"));
    out.content_limit = static_cast<std::uint64_t>(x400.content_bytes);
    out.idle = x400.idle;
    POSTERN_CHECK(add_strong(out));
    for (const auto& peer : m_config.x400_peers) {
      auto made = make_peer(peer);
      if (!made) return fail(Error(made.error()).context("[[x400_peer]] " + peer.name));
      out.peers.push_back(*std::move(made));
    }
    POSTERN_TRY(auto called, called_addresses(m_config));
    for (std::size_t n = 0; n < called.size(); ++n) {
      const auto& user = m_config.x400_called_users[n];
      auto made = make_called_user(std::move(called[n]), user);
      if (!made) return fault_of(user, made.error());
      out.called_users.push_back(*std::move(made));
    }
    for (const auto& route : m_config.x400_routes) POSTERN_CHECK(add_route(out, route));
    POSTERN_TRY(out.lists, lists_of(m_config));
    return out;
  }

 private:
  Result<Peer> make_peer(const config::X400Peer& peer) {
    Peer out;
    out.name = peer.name;
    POSTERN_TRY(out.mta_name, mta_name(peer.mta_name.empty() ? peer.name : peer.mta_name, "mta_name"));
    POSTERN_TRY(out.domain, in(parse_domain(peer.domain), "domain"));
    if (!peer.address.empty()) {
      POSTERN_TRY(out.address, in(osi::parse_presentation_address(peer.address), "address"));
    }
    POSTERN_TRY(out.mode, mode_of(peer.mode));
    out.our_name = peer.our_name;
    POSTERN_TRY(out.our_password, secret(peer.password_ref, m_config, "password_ref"));
    POSTERN_TRY(out.peer_password, secret(peer.peer_password_ref, m_config, "peer_password_ref"));
    if (peer.credentials == "strong") {
      POSTERN_TRY(out.strong, trust_of(peer.strong_ca, peer.strong_subject, peer.strong_pins));
    }
    out.associations = static_cast<std::size_t>(peer.associations);
    out.checkpoint_size = peer.checkpoint;
    out.window_size = peer.window;
    out.alternate = peer.dialogue == "alternate";
    out.tls.required = peer.tls != "none";
    POSTERN_TRY(out.tls.pins, pins_of(peer.pins));
    if (out.tls.required && out.address) POSTERN_CHECK(add_tls(out.tls, out.address->host, peer));
    return out;
  }

  Result<CalledUser> make_called_user(oraddress::ORAddress address, const config::X400CalledUser& user) {
    CalledUser out;
    static_cast<oraddress::ORAddress&>(out.user) = std::move(address);
    POSTERN_TRY(out.address, in(osi::parse_presentation_address(user.address), "address"));
    out.reliable = user.reliable;
    POSTERN_TRY(out.our_password, secret(user.password_ref, m_config, "password_ref"));
    out.tls.required = user.tls != "none";
    POSTERN_TRY(out.tls.pins, pins_of(user.pins));
    if (out.tls.required) POSTERN_CHECK(add_tls(out.tls, out.address.host, user));
    return out;
  }

  static Result<std::vector<Bytes>> pins_of(const std::vector<std::string>& texts) {
    std::vector<Bytes> out;
    for (const auto& pin : texts) {
      POSTERN_TRY(const Sha256 fingerprint, in(parse_fingerprint(pin), "pins"));
      out.emplace_back(fingerprint.begin(), fingerprint.end());
    }
    return out;
  }

  // ---- strong credentials
  Status add_strong(Mta& out) {
    const bool wanted = !m_config.x400_users.empty() || std::ranges::any_of(m_config.x400_peers, &is_strong);
    if (!wanted) return {};
    static SystemRandom random;
    POSTERN_TRY(const auto keys, keys_of_users(m_config));
    POSTERN_TRY(auto own, own_identity(out));
    out.strong = std::make_shared<credentials::Authenticator>(std::move(own), m_clock, random, m_config.x400.strong.clock_skew);
    for (std::size_t n = 0; n < keys.size(); ++n) {
      const auto& user = m_config.x400_users[n];
      auto trust = trust_of(user.ca, user.subject, user.pins);
      if (!trust) return fault_of(user, trust.error());
      out.strong_users.emplace(keys[n], *std::move(trust));
    }
    return {};
  }
  static bool is_strong(const config::X400Peer& peer) { return peer.credentials == "strong"; }
  Result<credentials::Trust> trust_of(const std::string& ca, const std::string& subject, const std::vector<std::string>& pins) {
    credentials::Trust out;
    out.subject = subject;
    POSTERN_TRY(out.pins, pins_of(pins));
    if (!ca.empty()) {
      POSTERN_TRY(out.roots, certificates_from_file(m_config.beside_config(ca)));
    }
    return out;
  }
  /// The certificate of x400.strong, else the listeners', whatever it is when it is asked for.
  Result<credentials::OwnIdentity> own_identity(Mta& out) {
    const auto& strong = m_config.x400.strong;
    if (strong.certificate.empty()) {
      if (!m_own.context) return fail(ErrorCode::BadInput, "is needed where there are no listeners with TLS", "x400.strong.certificate");
      POSTERN_TRY(auto context, m_own.context(TlsVersion::Tls13));
      return credentials::OwnIdentity([context = std::move(context)] { return identity_in(context()); });
    }
    POSTERN_TRY(out.own_certificate, StrongIdentity::open(m_config.beside_config(strong.certificate), m_config.beside_config(strong.key)));
    return credentials::OwnIdentity([own = out.own_certificate] { return own->get(); });
  }

  /// With a certificate by which the peer may know us: the one of transport.tls, else the listeners', so that one pin holds both ways.
  Result<std::function<io::SslContext()>> own_context() {
    const auto& tls = m_config.transport.tls;
    const TlsVersion least = tls.min_version == "1.2" ? TlsVersion::Tls12 : TlsVersion::Tls13;
    if (tls.client_certificate.empty() && m_own.context) return m_own.context(least);
    TlsClientProfile profile;
    profile.min_version = least;
    if (!tls.client_certificate.empty()) {
      POSTERN_TRY(profile.chain, certificates_from_file(m_config.beside_config(tls.client_certificate)));
      POSTERN_TRY(profile.key, gateway::load_private_key(m_config.beside_config(tls.client_key)));
    }
    POSTERN_TRY(const TlsContext context, client_context(std::move(profile)));
    return std::function<io::SslContext()>([shared = context.shared()] { return shared; });
  }

  template <class Record>
  Status add_tls(PeerTls& out, const std::string& host, const Record& record) {
    if (!m_context) {
      POSTERN_TRY(m_context, own_context());
    }
    out.context = m_context;
    out.options.server_name = host;
    out.options.check_name = false;  // both are PathCheck's, which says why not
    out.options.verify = io::TlsClientOptions::Verify::Report;
    if (!out.pins.empty()) return {};
    POSTERN_TRY(auto roots, roots_of(record.ca));
    out.check =
        PathCheck(std::move(roots), record.ca.empty() ? m_own.roots : OwnRoots(), record.verify_name ? host : std::string(), m_clock);
    return add_revocation(out, record.revocation);
  }
  /// As next hops of SMTP: where a path says who it is. Pins do not look at revocation: the operator says what is trusted now.
  Status add_revocation(PeerTls& out, const std::string& own) const {
    POSTERN_TRY(const RevocationPolicy policy, own.empty()
                                                   ? in(parse_revocation_policy(m_config.outbound.revocation), "outbound.revocation")
                                                   : in(parse_revocation_policy(own), "revocation"));
    if (m_own.judge) out.judge = m_own.judge(policy);
    out.options.ask_for_status = static_cast<bool>(out.judge);
    return {};
  }
  Result<std::vector<Certificate>> roots_of(const std::string& ca) const {
    if (!ca.empty()) return certificates_from_file(m_config.beside_config(ca));
    auto system = certificates_from_file(kSystemRoots);
    return system ? *std::move(system) : std::vector<Certificate>();
  }

  static Status add_route(Mta& mta, const config::X400Route& route) {
    auto prefix = oraddress::parse_attributes(route.prefix);
    if (!route.prefix.empty() && !prefix) return fail(Error(prefix.error()).context("[[x400_route]] " + printable(route.prefix)));
    RouteTarget target;
    target.text = route.text;
    if (route.via == "store") target.kind = RouteTarget::Kind::Store;
    if (route.via.starts_with("peer:")) {
      target.kind = RouteTarget::Kind::Peer;
      target.peer = route.via.substr(5);
    }
    const oraddress::Attributes attributes = route.prefix.empty() ? oraddress::Attributes() : *std::move(prefix);
    if (mta.routes.insert(attributes, target)) return {};
    return fail(ErrorCode::Conflict, "[[x400_route]] " + printable(route.prefix) + " is there twice", "x400_route.prefix");
  }

  const config::Config& m_config;
  OwnTls m_own;
  const Clock& m_clock;
  std::function<io::SslContext()> m_context;  ///< One for all peers.
};

}  // namespace

Result<Mta> mta_of(const config::Config& config, OwnTls own, const Clock& clock) { return Maker(config, std::move(own), clock).make(); }

Status check_users(const config::Config& config) {
  POSTERN_TRY(const auto called, called_addresses(config));
  return {};
}

Result<credentials::Identity> identity_in(const io::SslContext& context) {
  X509* leaf = context ? SSL_CTX_get0_certificate(context.get()) : nullptr;
  if (leaf == nullptr) return fail(ErrorCode::Unavailable, "the listeners have no certificate now; the key engine is sealed");
  CertificateChain chain;
  POSTERN_TRY(Certificate first, Certificate::from_native(leaf));
  chain.push_back(std::move(first));
  STACK_OF(X509)* more = nullptr;
  SSL_CTX_get0_chain_certs(context.get(), &more);
  for (int i = 0; i < sk_X509_num(more); ++i) {
    POSTERN_TRY(Certificate next, Certificate::from_native(sk_X509_value(more, i)));
    chain.push_back(std::move(next));
  }
  return credentials::make_identity(std::move(chain), share(SSL_CTX_get0_privatekey(context.get())));
}

Result<RetrySchedule> retry_of(const config::Config& config) {
  RetrySchedule out;
  out.delays.clear();
  for (const auto& delay : config.x400.retry) {
    POSTERN_TRY(const auto planned, in(parse_duration(delay), "x400.retry"));
    out.delays.push_back(planned);
  }
  return out;
}

mts::Lifetimes lifetimes_of(const config::Config& config) {
  return {config.x400.lifetime_urgent.count(), config.x400.lifetime_normal.count(), config.x400.lifetime_non_urgent.count()};
}

Result<mts::GlobalDomainIdentifier> parse_domain(std::string_view text) {
  POSTERN_TRY(const oraddress::Attributes attributes, oraddress::parse_attributes(text));
  mts::GlobalDomainIdentifier out;
  bool country = false, administration = false;
  for (const oraddress::Attribute& each : attributes) {
    switch (each.keyword) {
      case oraddress::Keyword::C: out.country_name.assign(each.value), country = true; break;
      case oraddress::Keyword::A: out.administration_domain_name.assign(each.value), administration = true; break;
      case oraddress::Keyword::P: out.private_domain_identifier.emplace().assign(each.value); break;
      default: return fail(ErrorCode::BadInput, "a management domain has C, A and P only");
    }
  }
  if (!country || !administration) return fail(ErrorCode::BadInput, "needs C and A (a space where there is none): C=DE;A= ;P=ORG");
  return out;
}

Result<std::optional<Bytes>> parse_selector(std::string_view text) {
  if (text.empty()) return std::optional<Bytes>();
  POSTERN_TRY(const osi::PresentationAddress address, osi::parse_presentation_address(std::string(text) + "@localhost"));
  return std::optional(address.transport_selector);
}

}  // namespace postern::mhs
