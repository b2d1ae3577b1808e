// OpenSSL's heap in secret memory: key schedules, private numbers and what is left of them live in pages of base/secret_arena.hpp and are
// wiped when they are freed. For a process that does nothing but keys; it costs some nanoseconds a call and some megabytes of locked
// memory.
#pragma once

#include "base/result.hpp"

namespace postern {

/// Before anything of OpenSSL runs in this process; Conflict when something has, and nothing changes then.
[[nodiscard]] Status use_secret_memory_for_openssl();

}  // namespace postern
