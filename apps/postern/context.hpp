// What every verb of the command gets: where to read and write, the form of the answer, and the exit status it sets.
#pragma once

#include <iosfwd>

namespace CLI {
class App;
}

namespace postern::cli {

/// Exit statuses of contracts.md.
enum ExitStatus : int { kDone = 0, kNo = 1, kUsage = 2, kUnreachable = 3, kNotPermitted = 4, kInternal = 5 };

struct Context {
  bool json = false;  ///< One JSON document (or JSON lines) on `out`, nothing else there.
  std::ostream& out;
  std::istream& in;
  int exit_status = kDone;
  bool peer = false;  ///< --peer is among the words: verbs that have two forms talk to it, and not to the daemon.
};

}  // namespace postern::cli
