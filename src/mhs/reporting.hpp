// Reports that this MTA makes about messages and probes: what the queue is told of them.
#pragma once

#include "mhs/mta_rules.hpp"
#include "mhs/outgoing.hpp"

namespace postern::mhs {

struct ReportingParts {
  const Mta& mta;
  const MtaRules& rules;
  Random& random;
  const Clock& clock;
};

/// The report on these outcomes as a message of its own, on its way; none where nobody wants it, where it has nowhere to go (said in the
/// log), or where the subject is a report itself. Reads a content that is to be returned.
[[nodiscard]] std::optional<Submission> report_on(const ReportingParts& parts, Outgoing& subject,
                                                  std::span<const mts::RecipientOutcome> outcomes);
/// An identifier for an APDU of this MTA.
[[nodiscard]] mts::MTSIdentifier new_identifier(const Mta& mta, Random& random, WallTime now);

}  // namespace postern::mhs
