// Whether the certificates of a next hop are revoked: what its server stapled (RFC 6066 8), what is remembered, and what OCSP responders
// (RFC 6960) and CRLs (RFC 5280 5) say when they are asked. pki/ judges every answer; nothing here trusts what the network brings.
//
// The addresses stand in certificates that strangers wrote. Only http:// at port 80 is asked (https would ask for a certificate in turn:
// RFC 5280 8), only public addresses (or those of outbound.revocation_networks), never through a redirect, at most two responders and two
// lists of a certificate, each begun within ten seconds and given five, up to kMostBytes, kMostQuestions at a time; equal ones once.
//
// A verdict is remembered until its nextUpdate, a week at most; that nothing could be learned, for five minutes. In memory only.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "config/config.hpp"
#include "http/client.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "io/stream.hpp"
#include "pki/path_revocation.hpp"

namespace postern::gateway {

inline constexpr std::size_t kMostVerdicts = 20'000;
inline constexpr std::size_t kMostQuestions = 8;
inline constexpr std::size_t kMostBytes = 8UL * 1024 * 1024;

struct RevocationParts {
  const config::Config& config;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  const Clock& clock;
  Random& random;
};

/// Certificates that were looked at, and where the answer came from.
struct RevocationStats {
  std::atomic<std::uint64_t> good{0}, revoked{0}, unknown{0};
  std::atomic<std::uint64_t> stapled{0}, remembered{0}, ocsp{0}, crl{0};
  std::atomic<std::uint64_t> failed_questions{0};
};

/// One connection's question.
struct PathInQuestion {
  CertificateChain path;  ///< Leaf to anchor, valid already.
  RevocationPolicy policy = RevocationPolicy::Soft;
  Bytes stapled = {};  ///< The OCSP response that the server sent along, or empty.
  bool ask = true;     ///< Whether to ask those whom the certificates name; else only what is stapled or remembered counts.
  /// Asked about the leaf instead of those that it names, whatever port and address it has: the operator's own word. http:// only.
  std::string responder = {};
  bool may_staple = true;  ///< Clients cannot: none is asked for an answer, and RFC 7633 demands nothing of them.
};

/// What a responder said, and what it is worth.
struct OcspAnswer {
  Bytes response;  ///< DER.
  RevocationVerdict verdict;
};

/// How the other ends of connections are judged.
struct PeerRules {
  RevocationPolicy policy = RevocationPolicy::Soft;
  std::string peers;           ///< What they are, for the log: "client", "HTTPS host".
  std::string responder = {};  ///< As PathInQuestion::responder.
  bool may_staple = true;      ///< As PathInQuestion::may_staple.
};

/// Asked about a path, leaf to anchor, that was verified behind the handshake of this connection: what is known of it, as
/// revocation_text(); Denied with the reason. The stream need not outlive the call that makes the task.
using PathJudge = std::function<io::Task<Result<std::string>>(const io::Stream& stream, CertificateChain path)>;

/// Any loop; thread safe.
class Revocations {
 public:
  /// BadInput: outbound.revocation_networks.
  [[nodiscard]] static Result<std::unique_ptr<Revocations>> make(RevocationParts parts);

  /// CertificateRevocation::source is "stapled", "ocsp", "crl", empty when nobody answered, or kNobody.
  [[nodiscard]] io::Task<PathRevocation> judge(PathInQuestion question);

  /// What is remembered of a path, without waiting: for engines that cannot. Nothing: somebody could be asked (judge()) that was not
  /// lately.
  [[nodiscard]] std::optional<PathRevocation> recall(const CertificateChain& path, RevocationPolicy policy) const;

  /// Asks about paths whose certificates nobody staples anything for, so that recall() knows. Whom to trust is said there, not here.
  [[nodiscard]] io::Task<void> find_out(std::vector<CertificateChain> paths);

  /// Of a certificate of ours and its issuer: asked about whatever it says of stapling; nothing when outbound.revocation is off.
  [[nodiscard]] io::Task<PathRevocation> judge_own(Certificate leaf, Certificate issuer);

  /// For TLS connections whose path the handshake verified: Denied with the reason for one that is revoked, or (Hard) may be. Off: nobody
  /// is judged. `peers` is what they are, for the log: "client", "MTA-STS host". The judge must not outlive this.
  [[nodiscard]] io::PeerJudge judge_of_servers(RevocationPolicy policy, std::string peers);
  [[nodiscard]] io::PeerJudge judge_of_clients(RevocationPolicy policy);

  /// As PathJudge. An empty path: trusted by a pin, or resumed.
  [[nodiscard]] io::Task<Result<std::string>> judge_path(const io::Stream& stream, CertificateChain path, const PeerRules& rules);

  /// What the responders of a certificate of ours say of it now, to be stapled: asked without a nonce, because the answer is for everybody
  /// (RFC 5019 2.1.1). Good or Revoked only; remembered. Unavailable with each responder's reason; NotFound: it names none.
  [[nodiscard]] io::Task<Result<OcspAnswer>> answer_to_staple(Certificate leaf, Certificate issuer);

  [[nodiscard]] const RevocationStats& stats() const noexcept { return m_stats; }
  [[nodiscard]] std::size_t remembered() const;

 private:
  struct Kept {
    CertificateRevocation found;
    WallTime until{};
  };
  /// A certificate, its issuer, and what both are remembered by.
  struct Subject {
    Certificate leaf, issuer;
    std::string key;
    std::string responder = {};  ///< The operator's, or empty.
  };
  /// The other end of a connection, for the log.
  struct Peer {
    std::string endpoint, kind;
    bool verified = false;
  };
  /// What may be asked at all, of what a stranger's certificate names.
  enum class Target { Named, Own };
  using Waiter = std::function<void(CertificateRevocation)>;

  Revocations(RevocationParts parts, std::vector<io::IpNetwork> allowed) : m_parts(parts), m_allowed(std::move(allowed)) {}
  [[nodiscard]] io::PeerJudge judge_by(PeerRules rules);
  [[nodiscard]] io::Task<Result<std::string>> judge_peer(Peer peer, PathInQuestion question);
  [[nodiscard]] io::Task<CertificateRevocation> find(Subject subject, Bytes stapled, bool ask);
  [[nodiscard]] io::Task<CertificateRevocation> ask_once(Subject subject);
  [[nodiscard]] io::Task<CertificateRevocation> ask(Subject subject);
  [[nodiscard]] io::Task<Result<OcspAnswer>> ask_responder(std::string url, Subject subject, Bytes nonce, SteadyTime deadline);
  [[nodiscard]] io::Task<Result<RevocationVerdict>> ask_list(std::string url, Subject subject, SteadyTime deadline);
  /// By a complete list, and what its deltas changed. Everything must outlive the task.
  [[nodiscard]] io::Task<Result<RevocationVerdict>> judge_list(const Crl& list, const std::vector<Crl>& deltas, const Subject& subject);
  [[nodiscard]] io::Task<Result<Crl>> fetch_list(std::string url, SteadyTime deadline);
  [[nodiscard]] io::Task<Result<std::string>> exchange(http::ClientRequest request, std::string url, std::size_t limit, Target target,
                                                       SteadyTime deadline);
  [[nodiscard]] bool may_ask(const io::IpAddress& address) const;
  [[nodiscard]] std::optional<CertificateRevocation> recall(const std::string& key) const;
  void remember(const std::string& key, const CertificateRevocation& found);
  void count(const PathRevocation& verdict);

  RevocationParts m_parts;
  std::vector<io::IpNetwork> m_allowed;
  RevocationStats m_stats;
  std::atomic<std::size_t> m_open{0};  ///< Questions under way.
  mutable std::mutex m_mutex;
  std::map<std::string, Kept> m_kept;
  std::map<std::string, std::vector<Waiter>> m_flights;  ///< Questions under way, and who else waits for the answer.
};

/// Who can be asked at that moment; null while nobody can, because the key engine is sealed.
using RevocationsNow = std::function<Revocations*()>;
/// Revocations::judge_path() of whoever can be asked when a connection is made. While nobody can, soft lets everybody pass and hard is
/// Unavailable. Empty where the policy is off.
[[nodiscard]] PathJudge judge_of_paths(RevocationsNow now, PeerRules rules);
/// The same of the path that the handshake verified.
[[nodiscard]] io::PeerJudge judge_of_peers(RevocationsNow now, PeerRules rules);

/// The source of a certificate that names neither responder nor list, and came without a stapled answer.
inline constexpr const char* kNobody = "nobody";

/// What the road to a host says of it: ", not revoked (stapled OCSP)", ", revocation not known"; empty where no certificate names anybody.
[[nodiscard]] std::string revocation_text(const PathRevocation& verdict);

/// Whether an address is one of the public Internet's: none of the special purposes of RFC 6890, no multicast, no NAT64 or 6to4 that leads
/// elsewhere.
[[nodiscard]] bool is_public_address(const io::IpAddress& address);

}  // namespace postern::gateway
