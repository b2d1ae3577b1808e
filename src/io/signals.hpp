// Process signals as something a coroutine can wait for.
#pragma once

#include <memory>

#include "io/task.hpp"

namespace postern::io {

enum class ProcessSignal { Terminate, Interrupt, Reload };

/// Takes SIGTERM, SIGINT and SIGHUP over from the moment it is made. One per process; everything on one loop.
class Signals {
 public:
  explicit Signals(const Executor& where);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] Task<ProcessSignal> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::io
