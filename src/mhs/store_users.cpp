#include "mhs/store_users.hpp"

#include "mhs/registration.hpp"
#include "oraddress/compare.hpp"

namespace postern::mhs {
namespace {

/// Sequence numbers ascend, so the newest entry is found by halving what is left of them.
Result<ms::SequenceNumber> after_newest(ms::Mailbox& mailbox) {
  ms::SequenceNumber low = 0, high = ms::ub::messages;  // nothing is above high, and low is taken or 0
  while (low < high) {
    ms::Scan scan;
    scan.from = low + (high - low + 1) / 2;
    scan.children = true;
    scan.attributes = false;
    scan.limit = 1;
    POSTERN_TRY(const std::vector<ms::EntryRow> rows, mailbox.scan(scan));
    if (rows.empty())
      high = scan.from - 1;
    else
      low = rows.front().number;
  }
  return low + 1;
}

}  // namespace

Status StoreUsers::verify(const oraddress::ORAddress& user, ByteView password) {
  const auto checked = m_users.check(oraddress::comparison_key(user), password);
  if (!checked) return fail(checked.error());
  return {};
}

bool StoreUsers::knows(const oraddress::ORAddress& user) { return m_users.find(oraddress::comparison_key(user)).has_value(); }

Status StoreUsers::change_password(const oraddress::ORAddress& user, ByteView old_password, ByteView new_password) {
  POSTERN_CHECK(verify(user, old_password));
  return m_users.set_password(oraddress::comparison_key(user), as_text(new_password));
}

Result<std::unique_ptr<MsMailbox>> StoreUsers::row_of(const oraddress::ORAddress& user) {
  const auto found = m_users.find(oraddress::comparison_key(user));
  if (!found) return fail(ErrorCode::NotFound, "nobody here has this address");
  if (found->delivered_by != DeliveredBy::P3)
    return fail(ErrorCode::Unsupported, "users of a message store register with it (register-MS)");
  return MsMailbox::open(m_store, m_keeper, m_users, *found);
}

Result<mts::RegisterArgument88> StoreUsers::registration(const oraddress::ORAddress& user) {
  POSTERN_TRY(const auto row, row_of(user));
  return registration_in(*row);
}
Status StoreUsers::set_registration(const oraddress::ORAddress& user, const mts::RegisterArgument88& registration) {
  POSTERN_TRY(const auto row, row_of(user));
  return keep_registration(*row, registration);
}

std::shared_ptr<StoreUsers::News> StoreUsers::news_of(const MsUser& user) {
  const std::lock_guard lock(m_mutex);
  std::erase_if(m_news, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<News>& kept = m_news[user.id];
  auto news = kept.lock();
  if (!news) kept = news = std::make_shared<News>(0);
  return news;
}

void StoreUsers::delivered(const MsUser& user) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_news.find(user.id);
  if (found == m_news.end()) return;
  if (const auto news = found->second.lock()) ++*news;
}

Result<OpenStore> StoreUsers::open(const oraddress::ORAddress& user) {
  const auto found = m_users.find(oraddress::comparison_key(user));
  if (!found || found->delivered_by != DeliveredBy::Store) return fail(ErrorCode::NotFound, "this user has no mailbox here");
  OpenStore out;
  out.deliveries = [news = news_of(*found)] { return news->load(); };
  POSTERN_TRY(out.mailbox, MsMailbox::open(m_store, m_keeper, m_users, *found));
  POSTERN_TRY(out.next, after_newest(*out.mailbox));
  return out;
}

}  // namespace postern::mhs
