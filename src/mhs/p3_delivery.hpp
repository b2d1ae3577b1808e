// The delivery port over ROSE (X.411 8.3, X.419 "MTSE"): message-delivery and report-delivery, which the MTS invokes on an association that
// its user bound, and delivery-control, which the user invokes. One delivery at a time for each association.
//
// What the user answers ends the delivery or makes it wait:
//   result                           delivered
//   delivery-control-violated        waits, and is tried again after a while; so does whatever else he reports that may pass
//   unsupported-critical-function    a non-delivery report says so; security-error likewise
//   reject: unrecognised operation   this association takes no deliveries: they wait for another one
//   reject: initiator releasing      the delivery crossed his unbind: likewise
//   nothing in time                  the association is aborted, and the delivery comes again
#pragma once

#include "mhs/rose_caller.hpp"
#include "mhs/user_deliveries.hpp"
#include "mhs/user_gate.hpp"

namespace postern::mhs {

class P3Delivery {
 public:
  /// All must outlive it. `time`: what a user has to answer a delivery.
  P3Delivery(RoseCaller& rose, Wire& wire, const BoundUser& user, std::chrono::seconds time)
      : m_rose(rose), m_wire(wire), m_user(user), m_time(time) {}

  /// Null for a user who has a mailbox: nothing is delivered to him, and he has nothing to control.
  void open(std::unique_ptr<DeliveryFeed> feed) { m_feed = std::move(feed); }
  void add_to(RoseOperations& table);
  /// Invokes what may be delivered now, one after the other. For RoseCaller::Serving::meanwhile.
  [[nodiscard]] io::Task<void> deliver_waiting();
  /// The user has registered something else (X.411 8.4.1.1): it counts for this association.
  [[nodiscard]] io::Task<void> registration_changed();

  // ---- for whoever opened the association in order to deliver
  /// Nothing will be delivered on it any more: the user wants nothing now, or knows no deliveries.
  [[nodiscard]] bool is_done() const { return !m_feed || m_feed->is_closed() || m_feed->is_refused(); }
  /// Takes no more. Whether everything that waited went: nothing is held back, and no delivery was left to another association.
  [[nodiscard]] bool close();
  /// Deliveries that the user took.
  [[nodiscard]] std::size_t taken() const noexcept { return m_taken; }

 private:
  [[nodiscard]] io::Task<void> deliver(Delivery delivery);
  [[nodiscard]] io::Task<void> unanswered(Delivery delivery, Error why);
  void answered(Delivery delivery, const RoseAnswer& answer);
  void answered_error(Delivery delivery, const RoseFault& fault);
  void rejected(Delivery delivery, const osi::RoseProblem& problem);
  [[nodiscard]] io::Task<RoseReply> control(mts::DeliveryControlArgument argument);

  RoseCaller& m_rose;
  Wire& m_wire;
  const BoundUser& m_user;
  const std::chrono::seconds m_time;
  std::unique_ptr<DeliveryFeed> m_feed;
  std::size_t m_taken = 0;
};

}  // namespace postern::mhs
