// sd_notify(3): tells the service manager of $NOTIFY_SOCKET how far the daemon is. Nothing happens where there is none.
#pragma once

#include <string_view>

namespace postern::warden {

/// "READY=1", "STOPPING=1", "STATUS=...": lines. Never waits; a manager that does not take it is not an error.
void notify(std::string_view state) noexcept;

}  // namespace postern::warden
