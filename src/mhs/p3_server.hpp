// P3 (X.419 8): users of the MTS that bind to it, over ROSE alone (mts-access) or over RTSE (mts-reliable-access).
//
//   P3Parts p3{gate, submission, stats};
//   for (UserService& each : p3_services(p3)) services.push_back(std::move(each));    // NodeParts::services
//
// Served are the submission, the delivery and the administration port. What is delivered goes to users who have no mailbox
// (p3_delivery.hpp); to others delivery-control is refused with that reason (facility not subscribed).
#pragma once

#include <atomic>

#include "mhs/door.hpp"
#include "mhs/user_deliveries.hpp"
#include "mhs/user_submission.hpp"

namespace postern::mhs {

struct UserStats {
  std::atomic<std::uint64_t> associations{0}, binds_refused{0};
};

struct P3Parts {
  UserGate gate;
  SubmissionPort& mts;
  UserStats& stats;
  std::chrono::seconds idle = std::chrono::minutes(30);
  UserDeliveries* deliveries =
      nullptr;  ///< The node comes to be after its services: set before the door opens. Null: nothing is delivered.
  std::chrono::milliseconds look_for_news{200};  ///< How often an association looks whether something came (one atomic read).
  std::chrono::seconds delivery_time = std::chrono::minutes(5);  ///< What a user has to answer a delivery.
};

/// mts-access and mts-reliable-access, for the door. The parts must outlive it.
[[nodiscard]] std::vector<UserService> p3_services(P3Parts& parts);

}  // namespace postern::mhs
