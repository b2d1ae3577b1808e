// Landlock (Linux 5.13): a process gives up, for itself and for ever, all files, ports and peers but those it names.
//
// Rights can only be added to nothing, so a folder that is allowed is allowed with all that lies below it. What a kernel does not know yet
// is left out and told of: files from ABI 1, renames between folders from 2, truncation from 3, TCP ports from 4, device controls from 5,
// signals and abstract sockets from 6. Kernel documentation: userspace-api/landlock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace postern::confine {

enum class Access {
  Read,     ///< Files and folders: open, list.
  Append,   ///< A file that is there: read, write, truncate. Of a folder, nothing can be made or removed in it.
  Write,    ///< A folder: everything but devices, sockets and running programs.
  Sockets,  ///< A folder: Unix sockets can be made and taken away in it.
};

struct PathRule {
  std::string path;  ///< Followed once, now: what is put in its place later is another file.
  Access access = Access::Read;
  bool optional = true;  ///< Without the path the rule says nothing; otherwise NotFound.
};

struct LandlockRules {
  std::vector<PathRule> paths;
  std::vector<std::uint16_t> bind_ports;     ///< TCP.
  bool any_bind_port = false;                ///< A port that the kernel picks is known only later.
  std::vector<std::uint16_t> connect_ports;  ///< TCP.
  bool any_connect_port = false;             ///< Where peers are known to somebody else.
  bool abstract_sockets = false;             ///< Whether those of other processes may be reached.
};

/// What this kernel offers; 0: nothing (too old, or switched off at boot).
[[nodiscard]] int landlock_abi() noexcept;

/// In force for this thread and all it starts from now on; no_new_privs is set. The answer is what this kernel could not do, one sentence
/// each; on a kernel without Landlock that is all. Unavailable when the kernel refuses; NotFound names the path.
[[nodiscard]] Result<std::vector<std::string>> restrict_with_landlock(const LandlockRules& rules, int abi = landlock_abi());

}  // namespace postern::confine
