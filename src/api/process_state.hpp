// What /status says about the daemon's processes: how each is confined.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace postern::api {

struct ProcessState {
  std::string name;                ///< "gate", "keeper"; "posternd" when there is one process for all.
  std::string confinement;         ///< "landlock=7 calls=listed memory=locked secrets=memfd_secret"
  std::vector<std::string> notes;  ///< What this machine could not do, and what settings opened; one sentence each.
};

/// Called for each question about status; answers at once, on any thread.
using ProcessSource = std::function<std::vector<ProcessState>()>;

}  // namespace postern::api
