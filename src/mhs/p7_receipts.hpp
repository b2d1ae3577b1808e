// Opening and discarding what is in a mailbox over P7, with the notifications that this owes to originators (X.420 8, 18.5).
//
// P7 has no transaction over a fetch and a submission. So: the store is asked for the state of the entry (summarize, which changes
// nothing), then the content is fetched, by which the store marks the entry processed, then the notification is submitted. What breaks in
// between loses a notification, which the answer says, and never doubles one. Two user agents that open one message in one moment both find
// it unopened, and both notify. Of a discarded message likewise: composed first, deleted, then submitted.
#pragma once

#include "ipm/notification_submission.hpp"
#include "mhs/p7_client.hpp"

namespace postern::mhs {

struct NotificationWish {
  mts::ORName user;           ///< Whose mailbox this is.
  std::int64_t now = 0;       ///< Seconds since 1970.
  bool send = true;           ///< Else what is owed is said and withheld.
  bool opened_again = false;  ///< A receipt although the entry was opened before: after one that could not be submitted.
};

/// What became of the notification that was owed.
struct Notice {
  ms::SequenceNumber number = 0;                       ///< The entry that it is about.
  bool receipt = true;                                 ///< Else of non-receipt.
  std::optional<mts::MessageSubmissionResult> result;  ///< Submitted.
  std::optional<Error> error;                          ///< Not submitted, and why. Neither of the two: withheld, as wished.
};

struct OpenedEntry {
  ms::EntryInformation entry;
  std::optional<Notice> notice;  ///< nullopt: none was owed.
};
/// Fetches an entry with these attributes, content and delivery envelope among them. Each thing that is asked of the store may take `each`.
/// Errors: NotFound; those of P7Client.
[[nodiscard]] io::Task<Result<OpenedEntry>> open_entry(P7Client& client, ms::SequenceNumber number,
                                                       ms::EntryInformationSelection attributes, NotificationWish wish,
                                                       std::chrono::seconds each);

/// Deletes entries, all or none. The notices of those that were never opened and asked for one; where none is wished nothing is asked
/// either.
[[nodiscard]] io::Task<Result<std::vector<Notice>>> discard_entries(P7Client& client, std::vector<ms::SequenceNumber> numbers,
                                                                    NotificationWish wish, std::chrono::seconds each);

/// The first value of an attribute; nullptr where the entry came without.
[[nodiscard]] const asn1::Any* value_of(const ms::EntryInformation& entry, const asn1::Oid& type);

}  // namespace postern::mhs
