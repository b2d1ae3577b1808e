// Starting the library's process (child.hpp), hearing what it writes, and seeing how it ended.
//
// Safe from any thread of a process with many: nothing but the program's image is inherited. The calling thread must live as long as the
// child, which the kernel ends with it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "sdk/wire.hpp"

namespace postern::sdk {

struct LaunchPlan {
  std::string program = "/proc/self/exe";  ///< One that calls run_child() when its first argument is kChildVerb.
  std::vector<std::string> environment;    ///< Names of variables that the library gets besides the usual ones. No secrets.
};

/// A running child. Killed and waited for at the end of this.
struct Launched {
  Launched() = default;
  Launched(Launched&& other) noexcept;
  Launched& operator=(Launched&& other) noexcept;
  ~Launched();

  pid_t pid = -1;
  UniqueFd channel, output, errors;  ///< The outputs may be none.
  /// Where somebody else started it (pid -1) and can say more than that it ended: does what reap() does.
  std::function<std::string(SteadyTime deadline)> end;
};

/// Unavailable with the kernel's reason.
[[nodiscard]] Result<Launched> launch(const LaunchPlan& plan);

/// Waits until `deadline` for it to end by itself, then ends it. How it ended: "crashed (signal 11, Segmentation fault)", "ended itself
/// (status 3)", "was ended: it did not answer".
[[nodiscard]] std::string reap(Launched& child, SteadyTime deadline);
/// The words for what waitpid() says.
[[nodiscard]] std::string words_of_end(int status);

/// What the child wrote to one of its outputs: how much, and the last of it.
class Heard {
 public:
  /// Takes what is there. False at the end.
  bool drain(int fd);
  [[nodiscard]] std::uint64_t octets() const noexcept { return m_octets; }
  /// One line, printable. For people who ask; a library might say anything, so it stands in no log.
  [[nodiscard]] std::string last_line() const;

 private:
  static constexpr std::size_t kKept = 2048;
  std::uint64_t m_octets = 0;
  std::string m_tail;
};

}  // namespace postern::sdk
