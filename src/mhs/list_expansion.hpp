// What happens at a distribution list of ours: a message goes on to the members, a probe is answered, a report goes to the owner or to
// whoever sent to the list (X.411 14.3.10, 14.3.11, 14.4.2).
//
// A list expands a message once at this MTA, whichever way it comes: besides the history in the message (X.411 14.3.10), which systems of
// 1984 lose on the way, there is a mark of our own, as long as those against duplicates are kept. So lists that name each other end here.
//
// A large list becomes several messages of the same identifier (mts::ListExpansion::together), all of them queued in the transaction that
// ends the list's own place in the queue: nothing is lost and nobody gets it twice after a crash.
#pragma once

#include "mhs/acceptance.hpp"
#include "mhs/outcomes.hpp"

namespace postern::mhs {

class ListExpander {
 public:
  /// All must outlive it.
  struct Parts {
    const Mta& mta;
    const MtaRules& rules;
    Store& store;
    Spool& spool;
    StagingArea& staging;
    const Outcomes& outcomes;
    Random& random;
    const Clock& clock;
  };
  explicit ListExpander(Parts parts) : m_parts(parts) {}

  /// What becomes of the first list that is due in this item; the others stay due. One at a time, each committed before the next begins;
  /// on a worker. IntegrityFailed: the stored content is damaged; other errors may pass.
  [[nodiscard]] Result<DeliveryReport> serve(Outgoing& item) const;

 private:
  struct Visit;
  [[nodiscard]] Status take_message(const Visit& visit, DeliveryReport& into) const;
  [[nodiscard]] Status expand(const Visit& visit, mts::ListExpansion expansion, DeliveryReport& into) const;
  void take_probe(const Visit& visit, DeliveryReport& into) const;
  [[nodiscard]] Status pass_on(const Visit& visit, DeliveryReport& into) const;
  void end(const Visit& visit, const mts::RecipientOutcome& what, const std::string& words, DeliveryReport& into) const;
  [[nodiscard]] Result<Submission> copy_for(Outgoing& item, mts::MessageTransferEnvelope envelope) const;
  [[nodiscard]] Result<std::shared_ptr<StagedContent>> staged_copy(Outgoing& item, const mts::MessageTransferEnvelope& envelope,
                                                                   const MessageId& id) const;
  [[nodiscard]] Status queue(Submission submission, DeliveryReport& into) const;

  Parts m_parts;
};

}  // namespace postern::mhs
