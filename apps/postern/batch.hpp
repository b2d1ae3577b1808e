// postern batch, and what it needs of the program: running one command as the shell would.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "context.hpp"

namespace CLI {
class App;
}

namespace postern::cli {

/// The words behind "postern", what it reads and where it writes; the exit status.
using RunCommand = std::function<int(const std::vector<std::string>& words, std::istream& in, std::ostream& out)>;

void add_batch_verb(CLI::App& app, Context& context, RunCommand run);

}  // namespace postern::cli
