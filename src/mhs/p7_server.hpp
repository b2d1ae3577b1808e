// P7 (X.419 9): users that read their mailbox and submit through it, over ROSE alone (ms-access) or over RTSE (ms-reliable-access).
//
//   P7Parts p7{gate, submission, stores, stats};
//   for (UserService& each : p7_services(p7)) services.push_back(std::move(each));    // NodeParts::services
//
// The rules of the store are those of room ms (ms::StoreSession); each operation runs on a worker, one at a time for each association.
// Alerts that a user registered (X.413 12.1) are invoked while his association is open.
#pragma once

#include "mhs/p3_server.hpp"
#include "ms/mailbox.hpp"

namespace postern::mhs {

/// A user's mailbox for one association.
struct OpenStore {
  std::unique_ptr<ms::Mailbox> mailbox;
  /// Grows with each entry that comes in; where the alerts start. From memory, any thread.
  std::function<std::uint64_t()> deliveries;
  ms::SequenceNumber next = 1;  ///< The number after the newest entry.
};
/// The mailboxes there are. Called on workers.
class Stores {
 public:
  virtual ~Stores() = default;
  /// NotFound: this user has none. Other errors may pass.
  [[nodiscard]] virtual Result<OpenStore> open(const oraddress::ORAddress& user) = 0;
};

struct P7Parts {
  UserGate gate;
  SubmissionPort& mts;
  Stores& stores;
  UserStats& stats;
  std::chrono::seconds idle = std::chrono::minutes(30);
  std::chrono::milliseconds look_for_news{1000};  ///< How often an idle association looks whether something came (one atomic read).
};

/// ms-access and ms-reliable-access, for the door. The parts must outlive it.
[[nodiscard]] std::vector<UserService> p7_services(P7Parts& parts);

}  // namespace postern::mhs
