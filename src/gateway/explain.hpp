// What policy would do with a message, from files alone: configuration, certificate folders, the message. No daemon, no state, no network.
//
// It is the pipeline itself that decides, over keys that are made for the occasion and forgotten. So the answer differs from the daemon's
// only where that depends on keys it holds: with auto_enroll off, a sender's key that exists counts as missing; and mail that is encrypted
// to our people is not opened.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "policy/policy.hpp"

namespace postern::gateway {

struct ExplainQuestion {
  std::string message;          ///< CRLF line ends.
  std::string from;             ///< Envelope sender; "<>": the null path.
  std::vector<std::string> to;  ///< Recipients.
};
/// Fills what is empty from the message: `from` from its From field, `to` from To and Cc. BadInput when there is nothing to fill it with.
[[nodiscard]] Result<ExplainQuestion> with_defaults(ExplainQuestion question, const Limits& limits);

struct Explained {
  std::string recipient;
  policy::Decision decision;
};
/// One decision for each recipient, in order, as for mail from a trusted road. BadInput names the rule, route or address that makes no
/// sense.
[[nodiscard]] Result<std::vector<Explained>> explain_from_files(const config::Config& config, const ExplainQuestion& question);

}  // namespace postern::gateway
