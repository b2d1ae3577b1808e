// The hash chain of the engine's audit file: it lives in engine.db, in the format of the mail side's chain and with a beginning of its own.
//
// A block is at most 10,000 lines or 5 seconds; the file is synced, then the block's digest is committed. While that fails the file device
// takes no lines, and without another device the engine stops (fail closed).
#pragma once

#include <memory>

#include "recorders/blocks.hpp"
#include "recorders/settings.hpp"
#include "store/sealed_store.hpp"

namespace postern::engine {

/// Appends to the chain of the store while that lives; afterwards Unavailable.
[[nodiscard]] BlockPort chain_port(std::weak_ptr<SqliteSealedStore> store);

/// Makes a file's plan one of a chain that goes on where it ended. `name` is the file in the records: as the settings have it, so that the
/// data directory may be moved. BadInput when the file cannot be chained.
[[nodiscard]] Status chain_file(RecorderPlan& plan, const std::string& name, SqliteSealedStore& store);

}  // namespace postern::engine
