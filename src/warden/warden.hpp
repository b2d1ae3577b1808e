// The process that starts, watches and restarts the other two, and does nothing else.
//
//   keeper   first; when it serves, the gate gets a channel to it
//   gate     gets another channel whenever the keeper was started again; when the gate itself ended, it is started again with a fresh
//   channel
//            to the same keeper, which people may have unsealed
//
// A child that ends before the daemon was ready for the first time ends the daemon, with that child's status: what it said on standard
// error is the reason. Later it is started again at once, after early ends with growing delays, and after many of those in a row the warden
// gives up. SIGTERM and SIGINT end the gate first, which drains, then the keeper. When the warden dies, the kernel kills both. One thread;
// blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD in run().
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "warden/child.hpp"
#include "warden/restart.hpp"

namespace postern::warden {

struct NamedPort {
  std::string name;
  std::uint16_t port = 0;
};
/// The text of a gate's Ready: lines "NAME PORT". BadInput for anything else; at most 1,024 of them.
[[nodiscard]] Result<std::vector<NamedPort>> read_ports(std::string_view text);

struct Options {
  ChildPlan gate, keeper;
  std::optional<ChildPlan> library;  ///< How the process of a vendor's X.400 library is started when the gate asks; none: it is not.
  std::function<Status(const std::vector<NamedPort>&)> serving;  ///< The gate listens on these now.
  std::function<void()> not_serving;                             ///< It has ended.
  std::chrono::milliseconds gate_grace{30'000};                  ///< To drain; then it is killed.
  std::chrono::milliseconds keeper_grace{10'000};
  RestartLimits restarts;
};

class Warden {
 public:
  explicit Warden(Options options);
  ~Warden();
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;

  /// Until a signal or the end of a child ends the daemon. The program's exit status: 0 after a signal, the child's where that refused to
  /// start, 5 otherwise; the reason was logged.
  [[nodiscard]] int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::warden
