// seccomp: the system calls that a process may make at all, for ever. What is not in the list fails with EPERM and changes nothing; what
// only an intruder calls (another program, another process's memory, a module, a name space) ends the process with SIGSYS, which the warden
// reports by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::confine {

struct SystemCalls {
  bool internet_server = false;  ///< TCP and UDP sockets of both kinds: bind, listen, accept, connect.
  bool tcp_client = false;       ///< TCP sockets that connect.
  bool udp_client = false;
  bool unix_client = false;  ///< AF_UNIX sockets that connect.
  bool unix_server = false;  ///< And those that bind and listen.
};

/// In force for this thread and all it starts from now on; no_new_privs must be set. Unavailable when the kernel has no seccomp filters.
/// Names of the list that the architecture or the library does not know are left out.
[[nodiscard]] Status restrict_system_calls(const SystemCalls& calls);

/// The lists, for documentation and tests.
[[nodiscard]] const std::vector<std::string_view>& calls_of_every_process();
[[nodiscard]] const std::vector<std::string_view>& calls_that_end_the_process();

}  // namespace postern::confine
