// The users of the message store (store/ms_users.hpp) behind the ports of P3 and P7: passwords, and mailboxes for associations.
#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "mhs/p7_server.hpp"
#include "store/ms_mailbox.hpp"

namespace postern::mhs {

class StoreUsers final : public Users, public Stores {
 public:
  /// All must outlive it.
  StoreUsers(Store& store, Keeper& keeper, MsUsers& users) : m_store(store), m_keeper(keeper), m_users(users) {}

  [[nodiscard]] Status verify(const oraddress::ORAddress& user, ByteView password) override;
  [[nodiscard]] bool knows(const oraddress::ORAddress& user) override;
  [[nodiscard]] Status change_password(const oraddress::ORAddress& user, ByteView old_password, ByteView new_password) override;
  /// Of users of P3. Deliveries into a mailbox nothing restricts: there is nothing to register (Unsupported).
  [[nodiscard]] Result<mts::RegisterArgument88> registration(const oraddress::ORAddress& user) override;
  [[nodiscard]] Status set_registration(const oraddress::ORAddress& user, const mts::RegisterArgument88& registration) override;

  [[nodiscard]] Result<OpenStore> open(const oraddress::ORAddress& user) override;

  /// Something came into this mailbox: its idle associations look. Any thread; for whoever delivers.
  void delivered(const MsUser& user);

 private:
  Store& m_store;
  Keeper& m_keeper;
  MsUsers& m_users;
  using News = std::atomic<std::uint64_t>;
  [[nodiscard]] Result<std::unique_ptr<MsMailbox>> row_of(const oraddress::ORAddress& user);
  [[nodiscard]] std::shared_ptr<News> news_of(const MsUser& user);

  std::mutex m_mutex;
  std::map<std::int64_t, std::weak_ptr<News>> m_news;  ///< By user, of those who have an association.
};

}  // namespace postern::mhs
