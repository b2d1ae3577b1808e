// One thing that was looked at: profile, certificate, pinset, OCSP responder, library, bind ...
#pragma once

#include <string>
#include <vector>

namespace postern::transport {

struct Finding {
  enum class State { Ok, Note, Warning, Failed };
  std::string name;
  State state = State::Ok;
  std::string text;  ///< For an operator; for anything but Ok what to do.
};
using Findings = std::vector<Finding>;

}  // namespace postern::transport
