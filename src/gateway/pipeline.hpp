// receive -> authenticate -> open -> decide -> seal -> stamp: from one Arrival to what is queued for each recipient.
//
// The pipeline does no I/O of its own beyond asking the keeper and reading certificate folders; it queues nothing and answers nobody. It is
// thread safe, and slow when there is something to sign or decrypt: needs_worker() says so beforehand.
//
// Order matters and is fixed: what arrives sealed is opened before policy looks, DKIM signs after the last change of the body, and the
// trace fields come last. An entity that somebody else signed or encrypted is never rewritten: trace fields are put in front, and a signed
// one is encrypted as a whole when the rule says so. What has too long a line for the next hop is encoded anew before DKIM, or refused.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "gateway/arrival.hpp"
#include "gateway/dkim_signers.hpp"
#include "gateway/identities.hpp"
#include "gateway/routing.hpp"
#include "gateway/tenants.hpp"
#include "mailauth/dkim.hpp"
#include "policy/policy.hpp"
#include "smtp/reply.hpp"
#include "spool/types.hpp"

namespace postern::gateway {

/// Pseudo-routes of the queue: a held recipient goes through policy again when it is released; a refused one gets its bounce.
inline constexpr std::string_view kPolicyRoute = "policy";
inline constexpr std::string_view kPolicyClearRoute = "policy:clear";  ///< Released to go out in clear, once, by an operator's order.
inline constexpr std::string_view kBounceRoute = "bounce";
inline constexpr std::string_view kMailboxRoute = "mailbox";

/// Paths of S/MIME signers, leaf to anchor, whose revocation somebody can be asked about first.
using SignerQuestions = std::vector<CertificateChain>;
inline constexpr std::size_t kMostSignerQuestions = 2;  ///< Of one message; further signers are not asked about.

/// A copy that is committed while its signatures are being made.
struct LateCopy {
  std::shared_ptr<LateContent> into;  ///< Of its Variant.
  /// Waits for them. Errors of the signer: then the copy is made again by whoever reads it.
  std::function<Result<std::string>()> finish;
};

/// One reply per recipient of the envelope (a code of 0: accepted), and what to queue when at least one was accepted.
struct Processed {
  std::vector<smtp::Reply> replies;
  Submission submission;
  SignerQuestions questions;  ///< Not empty: ask, and process again; nothing else of this counts.
  std::vector<LateCopy> late = {};
  [[nodiscard]] bool any_accepted() const noexcept;
};

struct PipelineParts {
  std::string hostname;
  const config::Config& config;
  const RouteTable& routes;
  std::shared_ptr<Keeper> keeper;
  Identities& identities;
  Correspondents& correspondents;
  CertificateChain smime_roots;  ///< Trusted for S/MIME signers.
  Random& random;
  const Clock& clock;
  const DkimSigners* dkim = nullptr;  ///< Null: nothing is signed.
  const Tenants* tenants = nullptr;   ///< Null: there are none.
  std::string authserv_id = {};       ///< Ours: arriving Authentication-Results that carry it are forged. Empty: hostname.
  /// What is known of an S/MIME signer's path, as Revocations::recall(). Empty: nobody looks.
  std::function<std::optional<PathRevocation>(const CertificateChain& path)> signer_standing = {};
};

/// How an operator's release of held mail is to be taken.
enum class Override { None, SendInClear };

class Pipeline {
 public:
  /// BadInput names the policy rule that makes no sense. The parts must outlive the pipeline.
  [[nodiscard]] static Result<std::unique_ptr<Pipeline>> make(PipelineParts parts);

  /// Whether process() may take longer than a millisecond: signatures, encryption, large messages.
  [[nodiscard]] bool needs_worker(const Arrival& arrival) const;
  /// Whether it is encrypted, so that opening it, for whoever it is for, is among the work.
  [[nodiscard]] bool may_open(const Arrival& arrival) const;

  /// An Error means the whole message is refused or cannot be taken now; reply_for() says it in SMTP. Recipients that policy bounces get
  /// their refusal in `replies`; with `split` false (SMTP, several recipients) they are queued for a bounce instead when others were
  /// accepted.
  /// `questions`: what of signers should be asked first is said, and the caller asks and comes again; else what is not known stays open.
  [[nodiscard]] Result<Processed> process(const Arrival& arrival, bool split, bool questions = false) const;

  /// What is known of the signature, for rules: the worst of what local recipients would get. Costs as much as process() up to the
  /// decision. `questions`: gets what of signers should be asked first; null: what is not known stays open.
  [[nodiscard]] Result<std::string> signature_of(const Arrival& arrival, SignerQuestions* questions) const;

  /// A held item again, after an operator released it: the same decisions with today's keys. Recipients that must still wait come back as
  /// Held. The original's trace fields are in its content already. `questions` as in process().
  [[nodiscard]] Result<Processed> reprocess(const QueueItem& item, Override how, bool questions = false) const;

  /// The decision for one recipient with the reasons, for `postern policy explain`.
  [[nodiscard]] Result<policy::Decision> explain(const Arrival& arrival, const std::string& recipient) const;

  [[nodiscard]] static smtp::Reply reply_for(const Error& error);
  [[nodiscard]] const PipelineParts& parts() const noexcept { return m_parts; }

 private:
  class Run;
  explicit Pipeline(PipelineParts parts) : m_parts(std::move(parts)) {}
  [[nodiscard]] Protection protection_of(const Arrival& arrival) const;

  PipelineParts m_parts;
  std::vector<policy::Rule> m_rules;
};

/// The rules of the configuration, checked; the first bad one is the error.
[[nodiscard]] Result<std::vector<policy::Rule>> make_rules(const std::vector<config::PolicyRule>& settings);

}  // namespace postern::gateway
