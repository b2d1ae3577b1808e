#include "mhs/store_mailboxes.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "mhs/registration.hpp"
#include "ms/auto_forward.hpp"
#include "mts/rules_envelope.hpp"
#include "mts/rules_report.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

using oraddress::comparison_key;

constexpr std::size_t kHeadingFront = 256U * 1024;  ///< Of a content that is not read whole.

mts::NonDeliveryReport nobody() {
  return {mts::NonDeliveryReasonCode::UnableToTransfer, mts::NonDeliveryDiagnosticCode::UnrecognisedORName};
}

/// Where the content begins in the stored item: behind frame and head, at the end.
MsSharedContent shared_content(const Outgoing& item) { return {item.item().item, item.content_at(), item.content_size()}; }

std::int64_t seconds_of(const mts::Time& time) { return time.unix_seconds().value_or(0); }

}  // namespace

void StoreMailboxes::set_delivered(Delivered delivered) {
  const std::lock_guard lock(m_mutex);
  m_delivered = std::move(delivered);
}

std::optional<MsUser> StoreMailboxes::user_of(const oraddress::ORAddress& address) const { return m_users.find(comparison_key(address)); }

std::optional<std::string> StoreMailboxes::route_to(const oraddress::ORAddress& address) const {
  const auto user = user_of(address);
  if (!user) return std::nullopt;
  // By number, which is never given out again: what waits for somebody who was removed is not his successor's.
  return user->delivered_by == DeliveredBy::P3 ? std::string(kUserRoute) + std::to_string(user->id) : std::string(kStoreRoute);
}

Result<mts::RegisterArgument88> StoreMailboxes::registration(const oraddress::ORAddress& user) {
  const auto found = user_of(user);
  if (!found) return fail(ErrorCode::NotFound, "nobody here has this address");
  POSTERN_TRY(const auto row, open(*found));
  return registration_in(*row);
}

void StoreMailboxes::delivered(const oraddress::ORAddress& address) {
  const auto user = user_of(address);
  Delivered told;
  {
    const std::lock_guard lock(m_mutex);
    told = m_delivered;
  }
  if (user && told) told(*user);
}

// ---- delivery
Result<Mailboxes::Answer> StoreMailboxes::deliver(Outgoing& item, const DueFate& due, const mts::Time& now) {
  switch (item.kind()) {
    case StoredKind::Message: return deliver_message(item, due, now);
    case StoredKind::Report: return deliver_report(item, now);
    case StoredKind::Probe: break;
  }
  const auto& probe = std::get<mts::Probe>(item.apdu().value);  // X.411 14.4.2: answered as a message would be, and nothing is kept
  if (!user_of(probe.per_recipient_fields.at(due.fate.recipient).recipient_name)) return Answer(nobody());
  return Answer(CommitStep([](Database&, ItemId) { return Status(); }));
}

Result<Mailboxes::Answer> StoreMailboxes::deliver_message(Outgoing& item, const DueFate& due, const mts::Time& now) {
  const mts::MessageTransferEnvelope& envelope = std::get<mts::Message>(item.apdu().value).envelope;
  const auto& recipient = envelope.per_recipient_fields.at(due.fate.recipient);
  const auto user = user_of(recipient.recipient_name);
  if (!user) return Answer(nobody());
  if (auto refused = mts::undeliverable(envelope, recipient, item.content_size(), {})) return Answer(*std::move(refused));
  const auto to_user = mts::to_delivery(envelope, due.fate.recipient, {envelope.message_identifier, now});
  const std::uint64_t size = item.content_size();
  POSTERN_TRY(const Bytes front, item.read_front(size <= m_whole ? size : std::min<std::uint64_t>(size, kHeadingFront)));
  MsDelivery delivery;
  POSTERN_TRY(delivery.entries, ms::entries_of(to_user, {front, size}));
  delivery.time = seconds_of(now);
  delivery.content = shared_content(item);
  std::vector<Bytes> forwards;
  if (front.size() == size) {
    POSTERN_TRY(forwards, forwards_of(*user, to_user, delivery.entries, front, delivery.time));
  }
  return step(*user, std::move(delivery), std::move(forwards));
}

Result<Mailboxes::Answer> StoreMailboxes::deliver_report(Outgoing& item, const mts::Time& now) {
  const auto& report = std::get<mts::Report>(item.apdu().value);
  const auto user = user_of(report.envelope.report_destination_name);
  if (!user) return Answer(nobody());
  const auto to_user = mts::to_report_delivery(report);
  if (!to_user) return Answer(CommitStep([](Database&, ItemId) { return Status(); }));  // he asked for none of it
  MsDelivery delivery;
  POSTERN_TRY(delivery.entries, ms::entries_of(*to_user));
  delivery.time = seconds_of(now);
  if (to_user->returned_content) {
    const MessageId message = make_message_id(WallTime(std::chrono::seconds(delivery.time)), m_random);
    POSTERN_TRY(SealedContent sealed,
                seal_content(m_keeper, message, as_text(to_user->returned_content->octets), item.item().storage_key, &m_store.sealing()));
    delivery.content = MsOwnContent{message, std::move(sealed)};
  }
  return step(*user, std::move(delivery), {});
}

Result<Mailboxes::Answer> StoreMailboxes::step(MsUser user, MsDelivery delivery, std::vector<Bytes> forwards) {
  POSTERN_TRY(auto key, m_users.key_of(user));
  struct Job {
    MsUser user;
    MsDelivery delivery;
    std::vector<Bytes> forwards;
    std::shared_ptr<const RowKey> key;
  };
  auto job = std::make_shared<const Job>(Job{std::move(user), std::move(delivery), std::move(forwards), std::move(key)});
  return Answer(CommitStep([store = &m_store, job](Database& database, ItemId) -> Status {
    POSTERN_TRY(const auto number, add_to_ms_mailbox(database, store->contents(), job->user, *job->key, job->delivery));
    if (!number) return {};
    for (const Bytes& each : job->forwards) POSTERN_CHECK(add_ms_forward(database, job->user, *job->key, *number, each));
    return {};
  }));
}

// ---- auto-forward
Result<std::vector<Bytes>> StoreMailboxes::forwards_of(const MsUser& user, const mts::MessageDeliveryEnvelope& envelope,
                                                       const ms::NewEntries& entries, ByteView content, std::int64_t now) {
  std::vector<Bytes> out;
  POSTERN_TRY(const auto mailbox, open(user));
  POSTERN_TRY(const ms::RegisteredInformation registered, mailbox->registered());
  if (!registered.auto_action_registrations) return out;
  const ms::NumberedEntry entry = ms::numbered(entries, 1, now).front();  // its number is not known yet, and no filter needs it
  const ms::ForwardingUser forwarder{envelope.other_fields.this_recipient_name, make_ulid(WallTime(std::chrono::seconds(now)), m_random)};
  const auto keep = [&](const mts::MessageSubmissionArgument& argument) -> Status {
    POSTERN_TRY(out.emplace_back(), asn1::encode_as_taken(argument));
    return {};
  };
  for (const ms::Forwarding& each : ms::forwardings(registered, {entry, envelope, content}, forwarder)) {
    POSTERN_CHECK(keep(each.argument));
    if (each.notification) POSTERN_CHECK(keep(*each.notification));
  }
  return out;
}

Result<std::vector<StoreMailboxes::Pending>> StoreMailboxes::pending(std::size_t limit) {
  std::vector<Pending> out;
  for (const MsUser& user : m_users.list()) {
    // One mailbox that cannot be read now is no reason to leave the others'.
    const auto key = m_users.key_of(user);
    const auto waiting = key ? list_ms_forwards(m_store, user, **key, limit) : Result<std::vector<MsForward>>(fail(key.error()));
    if (!waiting) {
      log::warn("x400.forwards_unread", {{"reason", waiting.error()}});
      continue;
    }
    for (const MsForward& each : *waiting) {
      auto argument = asn1::decode<mts::MessageSubmissionArgument>(each.argument);
      if (argument) {
        out.push_back({each.n, user, *std::move(argument)});
        continue;
      }
      log::error("x400.forward_unreadable", {{"n", each.n}, {"error", argument.error()}});
      POSTERN_CHECK(m_store.writer().transact([&](Database& database) { return taken(each.n)(database, ItemId(0)); }));
    }
  }
  return out;
}

Result<bool> StoreMailboxes::drop(std::int64_t n) {
  POSTERN_CHECK(m_store.writer().transact([n](Database& database) { return taken(n)(database, ItemId(0)); }));
  return true;
}

CommitStep StoreMailboxes::taken(std::int64_t n) {
  return [n](Database& database, ItemId) { return database.run("DELETE FROM ms_forward WHERE n = ?", n); };
}

// ---- users
Result<MsUser> StoreMailboxes::add(const oraddress::ORAddress& address, std::string_view password, DeliveredBy delivered_by) {
  POSTERN_TRY(const oraddress::ORAddress written, oraddress::canonical(address));
  return m_users.add(comparison_key(address), oraddress::write(written), password, delivered_by);
}

Status StoreMailboxes::remove(const oraddress::ORAddress& address) { return m_users.remove(comparison_key(address)); }

Status StoreMailboxes::set_password(const oraddress::ORAddress& address, std::string_view password) {
  return m_users.set_password(comparison_key(address), password);
}

Status StoreMailboxes::check(const mts::ORName& name, const mts::Credentials& credentials) const {
  const auto* password = std::get_if<mts::Password>(&credentials.value);
  if (password == nullptr) return fail(ErrorCode::Denied, "only simple credentials are accepted");
  POSTERN_CHECK(m_users.check(comparison_key(name), password->octets()));
  return {};
}

ms::ChangePassword StoreMailboxes::change_password(const MsUser& user) {
  return [this, user](const mts::Password& old_password, const mts::Password& new_password) -> Result<ms::PasswordVerdict> {
    const auto known = m_users.check(user.address_key, old_password.octets());
    if (!known && known.error().code == ErrorCode::Denied) return ms::PasswordVerdict::OldIsWrong;
    if (!known) return fail(known.error());
    const Status changed = m_users.set_password(user.address_key, as_text(new_password.octets()));
    if (!changed && changed.error().code == ErrorCode::BadInput) return ms::PasswordVerdict::NewIsUnacceptable;
    if (!changed) return fail(changed.error());
    return ms::PasswordVerdict::Changed;
  };
}

}  // namespace postern::mhs
