// What the standards say of mail from outside: SPF, DKIM, DMARC and the reverse name of the client, with all DNS that it takes; the field
// that says so (RFC 8601), and what the settings make of it.
//
// All questions that are open are asked at once, and the engines, which never wait, run again over what came. `authentication.dns_timeout`
// bounds the whole; what has no answer then is a temperror.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "dns/questions.hpp"
#include "gateway/arrival.hpp"
#include "gateway/authors.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "mailauth/arc.hpp"
#include "mailauth/dmarc.hpp"
#include "mailauth/iprev.hpp"
#include "mime/message.hpp"
#include "policy/verdict_rules.hpp"
#include "smtp/reply.hpp"

namespace postern::gateway {

struct Judgement {
  SpfVerdict spf;
  IprevVerdict iprev;
  std::vector<DkimSignature> dkim;
  Authors authors;
  bool author_hidden = false;  ///< Among too many domains for DMARC to be asked, or Authors::hidden.
  std::string author_domain;   ///< Of the author who fared worst; empty: there is none that can be judged.
  DmarcVerdict dmarc;
  ArcVerdict arc;
  std::string signature = "none";  ///< Arrival::signature.
  bool arc_trusted = false;        ///< The chain makes up for a DMARC failure (authentication.arc_trusted).

  std::string field;  ///< Authentication-Results, whole, and the labels of the rules.
  std::vector<std::string> labels;
  std::string hold;  ///< Not empty: recipients' copies wait for an operator, for this reason.
  std::optional<smtp::Reply> refusal;
  bool by_rule = false;  ///< A [[verdict]] rule decided, not DMARC.
  std::string rule;      ///< Its name.
};

struct JudgeParts {
  const config::Config& config;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  const Clock& clock;
};

class Judge {
 public:
  /// NotFound, BadInput: authentication.public_suffix_list, and the [[verdict]] rule that makes no sense.
  [[nodiscard]] static Result<std::unique_ptr<Judge>> make(JudgeParts parts);

  /// Whether mail on this road is judged at all: strangers' SMTP. People who logged in, trusted networks and LMTP (a mail server of ours
  /// hands over what it judged itself) are not.
  [[nodiscard]] bool judges(const Road& road) const;

  /// Whether a rule looks at Arrival::signature: then whoever has the whole message finds it out before judge().
  [[nodiscard]] bool asks_for_signature() const noexcept { return m_asks_for_signature; }

  /// Null when the header cannot be read (the pipeline refuses it, and says why). `arrival` must outlive the call.
  [[nodiscard]] io::Task<std::shared_ptr<const Judgement>> judge(const Arrival& arrival) const;

  /// Null: domains are compared by DNS tree walk.
  [[nodiscard]] const PublicSuffixList* suffixes() const noexcept { return m_suffixes ? &*m_suffixes : nullptr; }
  /// Our id in Authentication-Results fields.
  [[nodiscard]] const std::string& authserv_id() const noexcept { return m_id; }

 private:
  explicit Judge(JudgeParts parts);
  [[nodiscard]] io::Task<Status> verify(Judgement& out, const Arrival& arrival, const MessageView& view, DnsPort& dns) const;
  [[nodiscard]] bool trusts_chain(const Judgement& judged, const MessageView& view) const;
  void conclude(Judgement& out, const Arrival& arrival, const MessageView& view) const;
  void apply(Judgement& out) const;
  [[nodiscard]] bool apply_rules(Judgement& out) const;

  JudgeParts m_parts;
  std::string m_id;
  std::optional<PublicSuffixList> m_suffixes;
  std::vector<policy::VerdictRule> m_rules;
  bool m_asks_for_signature = false;
};

/// The field that labels are written in; what arrives under this name is taken off.
inline constexpr std::string_view kLabelField = "X-Postern-Label";

}  // namespace postern::gateway
