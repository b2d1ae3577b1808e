// The decision: what is to happen to one message for one recipient. Pure functions over facts, no I/O, so that the live path and
// `postern policy explain` cannot differ.
//
// Rules are tried in order for each recipient; the first whose patterns match both addresses decides. No rule: nothing is signed or
// encrypted. What the recipient can read comes in as a fact (Capabilities), because finding certificates is somebody else's job.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::policy {

enum class Method { None, Smime, OpenPgp };
enum class Sign { None, Auto, Smime, OpenPgp };
enum class Encrypt { Never, Should, Must };
enum class Preference { Auto, Smime, OpenPgp };
enum class MissingKey { Hold, Bounce, Send };

[[nodiscard]] std::string_view name_of(Method method) noexcept;

/// An address pattern: "user@example.com", "*@example.com", "*@*.example.com" (any depth below, not the domain itself) or "*".
/// Everything compares without ASCII case. RFC 5321 2.4 leaves the case of a local part to its owner, but in practice "Boss@" and "boss@"
/// are one mailbox, and a rule that the sender can avoid with a capital letter protects nobody.
class Pattern {
 public:
  /// BadInput when the text is none of the four forms.
  [[nodiscard]] static Result<Pattern> parse(std::string_view text);
  /// `address` is "local@domain"; the null reverse path ("") matches only "*".
  [[nodiscard]] bool matches(std::string_view address) const;

 private:
  std::string m_local;   // lower case; empty: any
  std::string m_domain;  // lower case; empty: any
  bool m_below = false;  // any domain below m_domain
};

struct Rule {
  std::string name;
  Pattern from;
  Pattern to;
  Sign sign = Sign::None;
  Encrypt encrypt = Encrypt::Never;
  Preference preference = Preference::Auto;
  MissingKey missing_key = MissingKey::Hold;
};

/// What is known about one recipient.
struct Capabilities {
  bool smime = false;    ///< A usable certificate: valid now, fit for encryption, not weak.
  bool openpgp = false;  ///< A usable OpenPGP certificate.
};

/// Facts about the message as a whole.
struct Facts {
  std::string sender;              ///< Reverse path as "local@domain" (the author for the null path of a trusted road); empty: none.
  bool already_encrypted = false;  ///< By somebody else: passes untouched, whatever the rule says.
  bool already_signed = false;     ///< Or compressed, by somebody else: not signed again, but encrypted as a whole when the rule says so.
  bool can_sign_smime = false;     ///< The gateway holds a signing key for the sender.
  bool can_sign_openpgp = false;
};

enum class Action { Deliver, Hold, Bounce };

/// The decision for one recipient. Equal decisions may share one sealed copy.
struct Decision {
  Action action = Action::Deliver;
  Method sign = Method::None;
  Method encrypt = Method::None;
  std::string rule;    ///< Name of the rule that decided; empty: none matched.
  std::string reason;  ///< For hold and bounce, and whenever less was done than asked for: one sentence for operators and senders.

  friend bool operator==(const Decision&, const Decision&) = default;
};

[[nodiscard]] Decision decide(const std::vector<Rule>& rules, const Facts& facts, std::string_view recipient, const Capabilities& can);

}  // namespace postern::policy
