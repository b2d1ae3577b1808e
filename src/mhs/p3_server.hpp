// P3 (X.419 8): users of the MTS that bind to it, over ROSE alone (mts-access) or over RTSE (mts-reliable-access).
//
//   P3Parts p3{gate, submission, stats};
//   for (UserService& each : p3_services(p3)) services.push_back(std::move(each));    // NodeParts::services
//
// Served are the submission and the administration port. Nothing is delivered over P3: mailboxes here are stores, which P7 reads, and
// delivery-control is refused with that reason (facility not subscribed).
#pragma once

#include <atomic>

#include "mhs/door.hpp"
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
};

/// mts-access and mts-reliable-access, for the door. The parts must outlive it.
[[nodiscard]] std::vector<UserService> p3_services(P3Parts& parts);

}  // namespace postern::mhs
