// What every recorder can do beyond taking lines.
#pragma once

#include <chrono>

#include "vault/audit.hpp"

namespace postern {

/// Thread safe. Destroying it writes what is queued, for at most its deadline; a thread that hangs in a dead disk is left behind.
class Recorder : public vault::AuditSink {
 public:
  /// The log was rotated, or an operator asks: open the file or connection again, soon. Returns at once.
  virtual void reopen() {}
  /// Waits until everything taken so far is away. False: not within `patience`.
  [[nodiscard]] virtual bool flush(std::chrono::milliseconds /*patience*/) { return true; }
};

}  // namespace postern
