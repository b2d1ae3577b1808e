// One child of the warden: started by running this very program again, so that its addresses differ from the warden's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "warden/control.hpp"

namespace postern::warden {

/// The descriptors that a child finds. Everything else is closed; standard input is /dev/null.
inline constexpr int kControlDescriptor = 3;
inline constexpr int kPayloadDescriptor = 4;
inline constexpr int kFirstSocketDescriptor = 5;  ///< And those behind it: ChildPlan::sockets in their order.

struct ChildPlan {
  std::string name;                      ///< "gate": in logs.
  std::vector<std::string> arguments;    ///< Behind the program's name.
  std::vector<std::string> environment;  ///< All of it.
  std::string payload;                   ///< What it reads from kPayloadDescriptor: read only, sealed.
  std::vector<int> sockets;              ///< Not owned: open as long as children are started with this plan.
};

struct Child {
  pid_t pid = -1;
  Control control{UniqueFd()};
};

/// Its signal mask is empty and its dispositions are the default ones; it is killed when the calling thread ends. Unavailable with the
/// kernel's reason. Only while the process has one thread.
[[nodiscard]] Result<Child> start_child(const ChildPlan& plan);

/// The whole payload. In the child.
[[nodiscard]] Result<std::string> read_payload(int fd = kPayloadDescriptor);

/// "signal 9 (Killed)", "status 5": how it ended, from waitpid().
[[nodiscard]] std::string describe_end(int status);

}  // namespace postern::warden
