#include "mhs/mts_ports.hpp"

#include "base/log.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

constexpr auto kControlTime = std::chrono::seconds(30);

}  // namespace

MtsPorts::MtsPorts(P3Parts& parts, Wire& wire, RoseCaller& rose, const BoundUser& user)
    : m_parts(parts),
      m_rose(rose),
      m_user(user),
      m_submission(parts.mts, user),
      m_delivery(rose, wire, user, parts.delivery_time),
      m_administration(parts.gate, user, [this] { return m_delivery.registration_changed(); }) {}

io::Task<Status> MtsPorts::open_delivery() {
  if (m_parts.deliveries == nullptr) co_return Status();
  POSTERN_CO_TRY(auto feed, co_await m_parts.deliveries->bind(m_user.address));
  m_delivery.open(std::move(feed));
  co_return Status();
}

void MtsPorts::add_to(RoseOperations& table) {
  m_submission.add_to(table);
  m_administration.add_to(table);
  m_delivery.add_to(table);
}

io::Task<void> MtsPorts::look() {
  co_await control_submission();
  co_await m_delivery.deliver_waiting();
}

/// X.411 8.2.1.4: while the queue is full its users are asked to hold back what they would submit.
io::Task<void> MtsPorts::control_submission() {
  const bool open = m_parts.mts.open().has_value();
  if (open != m_held_back) co_return;
  mts::SubmissionControlArgument change = mts::nothing_permitted();
  change.restrict = !open;  // 'remove': nothing is held back any more
  auto argument = asn1::to_any(change);
  if (!argument) co_return log::error("x400.submission_control", {{"error", argument.error()}});
  const auto answered = co_await m_rose.call(osi::oid::as_msse(), mts::p3_operation("submission-control").code, *std::move(argument),
                                             io::deadline_in(kControlTime));
  // Whoever does not heed it has what he submits refused (submission-control-violated), so his answer changes nothing here.
  m_held_back = !open;
  log::info("x400.submission_control", {{"user", m_user.text}, {"open", open ? "yes" : "no"}, {"heard", answered ? "yes" : "no"}});
}

}  // namespace postern::mhs
