// Rules of extension fields: criticality, place, repetition (X.411 9.1, 9.2, table 27).
#pragma once

#include <functional>

#include "mts/envelopes.hpp"
#include "mts/p1.hpp"

namespace postern::mts {

/// What the asking system does with an extension: true if it carries out its semantics (not only passes it on).
using Understands = std::function<bool(const ExtensionType&)>;
/// What the rules of this room carry out by themselves, at transfer and delivery in an MHS without physical delivery.
[[nodiscard]] bool understood_here(const ExtensionType& type);

/// X.411 9.1: the first extension marked critical for this step that is not understood; nullptr: go on. At submission the answer is the
/// error unsupported-critical-function; at transfer and delivery a non-delivery report (unable-to-transfer,
/// unsupported-critical-function). A critical extension of a report is never a reason not to pass it on (X.411 9.1 note).
[[nodiscard]] const ExtensionField* critical_unknown(const Extensions& extensions, CriticalityBit step, const Understands& understands);

/// What is wrong with a list of extensions of our own users: an extension twice, or in a place where the standard does not have it.
/// Empty: nothing. A relay does not ask.
[[nodiscard]] std::string misplaced(const Extensions& extensions, Place place);

/// Those that go on to the next envelope: what may stand there, and every private or future extension, which "shall be relayed and
/// delivered" (X.411 fig. 2, PrivateExtensions).
void carry(const Extensions& from, Place to, Extensions& into);

/// Of the recipients an MTA is responsible for: who cannot be served because of a critical extension of his own or of the message.
struct CriticalFunction {
  std::size_t recipient = 0;  ///< Index into per_recipient_fields.
  ExtensionType type;
};
[[nodiscard]] std::vector<CriticalFunction> critical_functions(const MessageTransferEnvelope& envelope, CriticalityBit step,
                                                               const Understands& understands);
[[nodiscard]] std::vector<CriticalFunction> critical_functions(const ProbeTransferEnvelope& envelope, CriticalityBit step,
                                                               const Understands& understands);
/// At submission one is enough to refuse the message.
[[nodiscard]] std::optional<ExtensionType> critical_function(const MessageSubmissionEnvelope& envelope, const Understands& understands);
[[nodiscard]] std::optional<ExtensionType> critical_function(const ProbeSubmissionEnvelope& envelope, const Understands& understands);

}  // namespace postern::mts
