// Replies of one loop that wait until an audit device has recorded their lines.
//
// Nobody waits by himself: what came in one turn of the loop asks the devices once, so that many lines share one write and one wake-up.
// Threads: everything on the loop; the devices ring from theirs. The object must outlive those who wait.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "io/task.hpp"
#include "vault/audit.hpp"

namespace postern::api {

class HeldReplies : public std::enable_shared_from_this<HeldReplies> {
 public:
  explicit HeldReplies(const io::Executor& loop) : m_loop(loop), m_timer(loop) {}
  HeldReplies(const HeldReplies&) = delete;
  HeldReplies& operator=(const HeldReplies&) = delete;

  /// Whether the lines are recorded; false when they were not within the device's deadline.
  [[nodiscard]] io::Task<bool> recorded(vault::AuditReceipt receipt);

 private:
  struct Held {
    vault::AuditReceipt receipt;
    std::function<void(bool)> go_on;
  };
  void hold(vault::AuditReceipt receipt, std::function<void(bool)> go_on);
  void ask();
  void look();
  void watch();

  io::Executor m_loop;
  boost::asio::steady_timer m_timer;
  std::vector<Held> m_held;
  bool m_asked = false;    // ask() comes at the end of this turn
  bool m_watched = false;  // the timer runs
};

}  // namespace postern::api
