// The mailbox of a user of the message store over the database (ms/mailbox.hpp is the port): rows that a page of a list reads in one scan,
// sealed with the mailbox's key; contents where all contents lie.
//
// A delivery is a step of the transaction that ends the message's way (mhs/store_mailboxes.hpp), so that it happens exactly once.
#pragma once

#include "ms/delivery.hpp"
#include "store/ms_users.hpp"

namespace postern {

/// A stored content that others own as well, and where in it the message's content lies.
struct MsSharedContent {
  ContentId id;
  std::uint64_t at = 0;
  std::uint64_t length = 0;
};
/// A content for this mailbox alone (what a report returns), sealed but not stored yet.
struct MsOwnContent {
  MessageId message;
  SealedContent sealed;
};
/// What a delivery adds.
struct MsDelivery {
  ms::NewEntries entries;
  std::int64_t time = 0;                                                ///< Seconds since 1970; never less than that of the entry before.
  std::variant<std::monostate, MsSharedContent, MsOwnContent> content;  ///< None: a report that returns nothing.
};
/// In a job: makes the mailbox an owner of the content and adds the entries. The number of the main entry; nullopt: the user was removed
/// meanwhile, and so would be what is delivered.
[[nodiscard]] Result<std::optional<ms::SequenceNumber>> add_to_ms_mailbox(Database& database, ContentStore& contents, const MsUser& user,
                                                                          const RowKey& key, const MsDelivery& delivery);
/// In a job: removes up to `limit` main entries; whether there may be more.
[[nodiscard]] Result<bool> remove_ms_entries(Database& database, ContentStore& contents, const MsUser& user, std::int64_t limit);
/// In a job: something that the user's auto-action gives to the MTS; sealed with the mailbox's key.
[[nodiscard]] Status add_ms_forward(Database& database, const MsUser& user, const RowKey& key, ms::SequenceNumber number,
                                    ByteView argument);

/// What waits to be submitted on behalf of users.
struct MsForward {
  std::int64_t n = 0;
  ms::SequenceNumber number = 0;
  Bytes argument;  ///< mts::MessageSubmissionArgument in BER.
};
/// The oldest of one user, at most `limit`.
[[nodiscard]] Result<std::vector<MsForward>> list_ms_forwards(Store& store, const MsUser& user, const RowKey& key, std::size_t limit);

/// Not on an event loop. One caller at a time; several mailboxes of one user see each other's changes.
class MsMailbox final : public ms::Mailbox {
 public:
  /// Errors of the keeper. Store and keeper outlive it.
  [[nodiscard]] static Result<std::unique_ptr<MsMailbox>> open(Store& store, Keeper& keeper, MsUsers& users, const MsUser& user);

  [[nodiscard]] Result<std::vector<ms::EntryRow>> scan(const ms::Scan& scan) override;
  [[nodiscard]] Result<std::optional<ms::EntryRow>> find(ms::SequenceNumber number) override;
  [[nodiscard]] Result<Bytes> details(ms::SequenceNumber number) override;
  [[nodiscard]] Result<Bytes> content(ms::SequenceNumber number) override;
  [[nodiscard]] Status raise_status(std::span<const ms::SequenceNumber> numbers, ms::RetrievalStatus status) override;
  [[nodiscard]] Status remove(std::span<const ms::SequenceNumber> numbers) override;
  [[nodiscard]] Result<ms::RegisteredInformation> registered() override;
  [[nodiscard]] Status keep(const ms::RegisteredInformation& registered) override;

  /// What the user registered, in the encoding of whoever serves him (register-MS of P7, register of P3); empty: nothing.
  [[nodiscard]] Result<Bytes> registration();
  [[nodiscard]] Status keep_registration(ByteView octets);

 private:
  MsMailbox(Store& store, Keeper& keeper, MsUser user, std::shared_ptr<const RowKey> key)
      : m_store(store), m_keeper(keeper), m_user(std::move(user)), m_key(std::move(key)) {}
  [[nodiscard]] Result<ms::EntryRow> row_of(const Statement& row, bool attributes) const;
  [[nodiscard]] Result<std::pair<std::int64_t, std::int64_t>> ids_of(Database& database, const ms::Scan& scan) const;

  Store& m_store;
  Keeper& m_keeper;
  MsUser m_user;
  std::shared_ptr<const RowKey> m_key;
};

}  // namespace postern
