// Who is at work on a loop: a session or message that is alone there may keep its thread, which has nothing better to do, and saves waking
// others up; in company it may not.
#pragma once

#include <cstddef>

namespace postern::gateway {

/// One at work, from here to its end on the same loop. Not to be moved to another thread.
class Company {
 public:
  Company() noexcept { ++t_count; }
  ~Company() { --t_count; }
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

  /// Of the loop that calls.
  [[nodiscard]] static std::size_t count() noexcept { return t_count; }

 private:
  static inline thread_local std::size_t t_count = 0;
};

}  // namespace postern::gateway
