// Delivery into the mailboxes of the message store: the MTA's port over store/ms_mailbox.hpp.
//
// The entries are made on a worker; the step that writes them runs in the transaction that ends the message's way through the queue, so
// that a message is in the mailbox exactly once. The content is the queue item's, with one owner more. What an auto-action forwards is
// written in the same step and submitted afterwards by whoever asks for it (pending()).
#pragma once

#include <functional>

#include "mhs/mailboxes.hpp"
#include "mhs/options.hpp"
#include "ms/store_session.hpp"
#include "store/ms_mailbox.hpp"

namespace postern::mhs {

class StoreMailboxes final : public Mailboxes {
 public:
  /// Told after a delivery is durable, on any thread; must be cheap.
  using Delivered = std::function<void(const MsUser& user)>;
  /// All outlive it. Contents larger than `whole` octets are entered by envelope and heading alone.
  StoreMailboxes(Store& store, Keeper& keeper, MsUsers& users, Random& random, std::size_t whole = 8U * 1024 * 1024)
      : m_store(store), m_keeper(keeper), m_users(users), m_random(random), m_whole(whole) {}

  void set_delivered(Delivered delivered);

  [[nodiscard]] std::optional<std::string> route_to(const oraddress::ORAddress& address) const override;
  [[nodiscard]] Result<mts::RegisterArgument88> registration(const oraddress::ORAddress& user) override;
  [[nodiscard]] Result<Answer> deliver(Outgoing& item, const DueFate& due, const mts::Time& now) override;
  void delivered(const oraddress::ORAddress& address) override;

  /// The user of an address, from memory.
  [[nodiscard]] std::optional<MsUser> user_of(const oraddress::ORAddress& address) const;

  // ---- administration: each waits for its commit, and route_to() knows of it at once
  [[nodiscard]] Result<MsUser> add(const oraddress::ORAddress& address, std::string_view password,
                                   DeliveredBy delivered_by = DeliveredBy::Store);
  [[nodiscard]] Status remove(const oraddress::ORAddress& address);
  [[nodiscard]] Status set_password(const oraddress::ORAddress& address, std::string_view password);
  [[nodiscard]] std::vector<MsUser> list() const { return m_users.list(); }

  // ---- associations of P3 and P7
  /// Simple credentials against the stored password: for ms::judge_bind and its like of P3. Denied for a wrong one and for nobody.
  [[nodiscard]] Status check(const mts::ORName& name, const mts::Credentials& credentials) const;
  /// The user's mailbox, for an ms::StoreSession.
  [[nodiscard]] Result<std::unique_ptr<MsMailbox>> open(const MsUser& user) { return MsMailbox::open(m_store, m_keeper, m_users, user); }
  /// For ms::SessionOptions.
  [[nodiscard]] ms::ChangePassword change_password(const MsUser& user);

  // ---- what auto-actions forward
  struct Pending {
    std::int64_t n = 0;
    MsUser user;
    mts::MessageSubmissionArgument argument;
  };
  /// At most `limit` of each user. One that cannot be read any more is dropped with a line in the log.
  [[nodiscard]] Result<std::vector<Pending>> pending(std::size_t limit = 100);
  /// In the transaction that queues the submission: it waits no longer.
  [[nodiscard]] static CommitStep taken(std::int64_t n);
  /// It can never be submitted. Waits for its commit.
  [[nodiscard]] Result<bool> drop(std::int64_t n);

 private:
  [[nodiscard]] Result<Answer> deliver_message(Outgoing& item, const DueFate& due, const mts::Time& now);
  [[nodiscard]] Result<Answer> deliver_report(Outgoing& item, const mts::Time& now);
  [[nodiscard]] Result<Answer> step(MsUser user, MsDelivery delivery, std::vector<Bytes> forwards);
  [[nodiscard]] Result<std::vector<Bytes>> forwards_of(const MsUser& user, const mts::MessageDeliveryEnvelope& envelope,
                                                       const ms::NewEntries& entries, ByteView content, std::int64_t now);

  Store& m_store;
  Keeper& m_keeper;
  MsUsers& m_users;
  Random& m_random;
  std::size_t m_whole;
  mutable std::mutex m_mutex;
  Delivered m_delivered;
};

}  // namespace postern::mhs
