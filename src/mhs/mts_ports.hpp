// The ports of the MTS on one bound association of a user of P3, whoever opened it (X.419: mts-access and mts-forced-access differ in the
// initiator only; the user is the consumer of all three ports in each).
//
//   MtsPorts ports(parts, wire, rose, user);
//   POSTERN_CO_CHECK(co_await ports.open_delivery());
//   ports.add_to(table);
//   co_await rose.serve({idle, parts.look_for_news, [&] { return ports.look(); }});
#pragma once

#include "mhs/p3_delivery.hpp"
#include "mhs/p3_server.hpp"
#include "mhs/user_administration.hpp"

namespace postern::mhs {

class MtsPorts {
 public:
  /// All must outlive it; `user` may be filled in later, before open_delivery().
  MtsPorts(P3Parts& parts, Wire& wire, RoseCaller& rose, const BoundUser& user);

  /// Deliveries to this user are ready to be invoked. The error says that what waits for him cannot be read now.
  [[nodiscard]] io::Task<Status> open_delivery();
  /// What the user may invoke: submission, delivery-control, administration.
  void add_to(RoseOperations& table);
  /// Invokes what is due now: submission-control, message-delivery, report-delivery.
  [[nodiscard]] io::Task<void> look();
  [[nodiscard]] P3Delivery& delivery() noexcept { return m_delivery; }
  [[nodiscard]] const P3Delivery& delivery() const noexcept { return m_delivery; }

 private:
  [[nodiscard]] io::Task<void> control_submission();

  P3Parts& m_parts;
  RoseCaller& m_rose;
  const BoundUser& m_user;
  bool m_held_back = false;  ///< Told by submission-control.
  UserSubmission m_submission;
  P3Delivery m_delivery;
  UserAdministration m_administration;
};

}  // namespace postern::mhs
