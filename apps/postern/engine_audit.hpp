// The key engine's part of `postern audit verify`: its chain and files, read where they lie.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "remote.hpp"
#include "store/audit_log.hpp"

namespace postern::cli {

/// {"ok","entries","head","files":[...]} and "fault" when the chain is broken; nothing when this configuration has no engine or none has
/// been here yet.
[[nodiscard]] Result<std::optional<boost::json::object>> verify_engine(const Global& global);

void show_engine_verdict(const boost::json::value& verdict, std::ostream& out);

/// {"ok","entries","head"} and "fault" when there is one.
[[nodiscard]] boost::json::object verdict_json(const AuditVerdict& verdict, bool ok);

}  // namespace postern::cli
