// The process of a vendor's X.400 library (sdk/child.hpp), which the gate may not start itself: at most one, started when the gate asks,
// its channel and outputs handed over, its end told. It ends with its channel, with the gate, and when the gate says that it hangs.
//
// What the gate at the other end asks is bounded: a launch while one runs, or soon after the last, is refused.
#pragma once

#include <optional>

#include "warden/child.hpp"

namespace postern::warden {

class LibraryWard {
 public:
  explicit LibraryWard(std::optional<ChildPlan> plan) : m_plan(std::move(plan)) {}

  /// Whether such a message is for it.
  [[nodiscard]] bool hears(ControlKind kind) const noexcept;
  void obey(ControlKind kind, Control& gate);
  /// After SIGCHLD.
  void reap(Control& gate);
  /// Kills it; reap() sees it end.
  void end() noexcept;

 private:
  void launch(Control& gate);
  [[nodiscard]] Status start(Control& gate);

  std::optional<ChildPlan> m_plan;
  pid_t m_pid = -1;
  SteadyTime m_started{};
};

}  // namespace postern::warden
