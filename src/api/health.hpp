// What an operator has to look after, check by check: one list for /status, `postern health` and the console.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "gateway/gateway.hpp"
#include "mhs/service.hpp"
#include "transport/service.hpp"

namespace postern::api {

enum class Health {
  Ok,
  Note,     ///< Chosen so in the configuration; the operator knows.
  Warning,  ///< Works, and will not for ever, or not for everybody.
  Failed,   ///< Mail waits or is refused because of it.
};
/// "ok", "note", "warning", "failed".
[[nodiscard]] std::string_view name_of(Health health) noexcept;

/// One finding: a check that found nothing has one that is Ok, another one has as many as there are.
struct Check {
  std::string name;  ///< "storage"
  Health health = Health::Ok;
  std::string text;  ///< What is so; for anything but Ok what to do about it.
};

/// `open`: of gateway.mail_open(). Reads the database: not on a loop.
/// `x400`: null where there is no MTA. `transport`: null in tests of other parts.
[[nodiscard]] std::vector<Check> check_health(gateway::Gateway& gate, const Status& open, const mhs::Service* x400,
                                              const transport::Service* transport);

/// [{"check", "state", "text"}]
[[nodiscard]] boost::json::array health_json(const std::vector<Check>& checks);
/// The texts of what is not Ok.
[[nodiscard]] boost::json::array warnings_json(const std::vector<Check>& checks);
/// The usable state of a network interface: empty, or why mail cannot leave by it.
[[nodiscard]] std::string interface_trouble(const std::string& interface);

}  // namespace postern::api
