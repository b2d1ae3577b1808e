// The store's side of one association: a method for each operation of X.413, from argument to result or error. Pure apart from the port:
// no sockets, no clock, no threads. One caller at a time, on a worker (the port waits for the disk).
//
//   StoreSession session(mailbox, {.version_1994 = context_is_94, .fetch_restrictions = bind.fetch_restrictions});
//   Answer<ListResult> answer = session.list(argument);
//   Reply reply = session.invoke(operation_code, argument_octets);       // the same by code, octets in and out
//
// Submission goes to the MTS and not to the mailbox: prepare() does the store's part of it.
#pragma once

#include "ms/filter.hpp"
#include "ms/protocol.hpp"

namespace postern::ms {

enum class PasswordVerdict : std::uint8_t { Changed, OldIsWrong, NewIsUnacceptable };
/// Changes the password of the bound user. Errors of the storage.
using ChangePassword = std::function<Result<PasswordVerdict>(const mts::Password& old_password, const mts::Password& new_password)>;

struct SessionOptions {
  bool version_1994 = false;                         ///< The application context says it (id-ac-ms-access-94).
  std::optional<Restrictions> fetch_restrictions{};  ///< Of the bind.
  std::size_t largest_list = 10'000;                 ///< Entries in one result; more are told by `next`.
  std::size_t registrations = 64;                    ///< Auto-actions of one user.
  ChangePassword change_password{};                  ///< Empty: change-credentials is refused.
};

/// What goes back for an invocation.
struct Reply {
  struct Rejected {
    enum class Why : std::uint8_t { UnrecognisedOperation, MistypedArgument } why{};
    std::string text;  ///< For our log.
  };
  std::variant<asn1::Any, OperationError, Rejected> value;  ///< result, error, reject
};

class StoreSession {
 public:
  /// The mailbox outlives the session.
  StoreSession(Mailbox& mailbox, SessionOptions options) : m_mailbox(mailbox), m_options(std::move(options)) {}

  [[nodiscard]] Answer<SummarizeResult> summarize(const SummarizeArgument& argument);  ///< X.413 8.2
  /// X.413 8.3. Entries that it returns are at least `listed` afterwards.
  [[nodiscard]] Answer<ListResult> list(const ListArgument& argument);
  /// X.413 8.4. An entry whose content is returned is `processed` afterwards.
  [[nodiscard]] Answer<FetchResult> fetch(const FetchArgument& argument);
  /// X.413 8.5. All or nothing: an entry that was never listed, a child and an unknown number are refused.
  [[nodiscard]] Answer<DeleteResult> remove(const DeleteArgument& argument);
  [[nodiscard]] Answer<RegisterMSResult> register_ms(const RegisterMSArgument& argument);  ///< X.413 8.6
  /// X.413 8.8 (1994). No attribute that this store keeps may be modified by users: modify-error for the first entry that is selected.
  [[nodiscard]] Answer<ModifyResult> modify(const ModifyArgument& argument);

  /// By code, for the operations of the retrieval port. Submission is not among them: UnrecognisedOperation.
  [[nodiscard]] Reply invoke(std::int64_t operation, const asn1::Any& argument);

  /// What goes to the MTS for a submission: a forwarding-request (X.411 extension 36) puts the entry into the message as a forwarded one.
  [[nodiscard]] Answer<mts::MessageSubmissionArgument> prepare(const MSMessageSubmissionArgument& argument);

  /// The alerts that the registered auto-alerts ask for about entries from this number on (X.413 12.1), and the last number looked at, in
  /// `looked_at`. Their entries become `listed` where attributes are reported.
  [[nodiscard]] Result<std::vector<AlertArgument>> alerts(SequenceNumber from, SequenceNumber& looked_at);

 private:
  struct Fetched {
    EntryInformation information;
    RetrievalStatus status = RetrievalStatus::Listed;
  };
  [[nodiscard]] std::optional<OperationError> check(EntryClass entry_class, const std::optional<MSExtensions>& extensions) const;
  [[nodiscard]] Answer<EntryInformationSelection> selection(const std::optional<EntryInformationSelection>& requested, bool for_list);
  [[nodiscard]] Answer<EntryInformation> information(EntryView& entry, const EntryInformationSelection& selection);
  [[nodiscard]] Result<std::vector<asn1::Any>> content_values(const EntryRow& row, const AttributeInfo& info);
  [[nodiscard]] std::optional<OperationError> check_restrictions(EntryView& entry, const EntryInformationSelection& selection,
                                                                 const OverrideRestrictions& overrides);
  [[nodiscard]] Answer<Fetched> fetch_entry(EntryView& entry, const FetchArgument& argument, const OverrideRestrictions& overrides);
  [[nodiscard]] Answer<FetchResult> fetch_precise(const FetchArgument& argument, SequenceNumber number);
  [[nodiscard]] Answer<FetchResult> fetch_search(const FetchArgument& argument, const Selector& selector);
  [[nodiscard]] Answer<std::vector<SequenceNumber>> deletable(const DeleteArgument& argument);
  [[nodiscard]] std::optional<OperationError> check_registration(const RegisterMSArgument& argument) const;
  [[nodiscard]] std::optional<OperationError> change_credentials(const ChangeCredentials& change);

  Mailbox& m_mailbox;
  SessionOptions m_options;
};

}  // namespace postern::ms
