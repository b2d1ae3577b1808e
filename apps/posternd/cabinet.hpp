// The operator's X.400 mailbox of this daemon, by its settings.
#pragma once

#include "cabinet/cabinet.hpp"
#include "gateway/gateway.hpp"

namespace postern::daemon {

/// Gateway and service must outlive it.
[[nodiscard]] Result<std::unique_ptr<cabinet::Cabinet>> open_cabinet(gateway::Gateway& gate, transport::Service& service);

}  // namespace postern::daemon
