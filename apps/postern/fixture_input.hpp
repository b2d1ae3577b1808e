// A JSON zone (dns/fixture.hpp) that a verb names with --dns-fixture.
#pragma once

#include <istream>
#include <memory>
#include <string>

#include "dns/fixture.hpp"

namespace postern::cli {

/// The zone of a file, or of standard input for "-". A file that has not changed since the last call is not read again: a batch asks one
/// zone thousands of times. One thread.
[[nodiscard]] Result<std::shared_ptr<dns::Fixture>> read_fixture(const std::string& path, std::istream& in);

}  // namespace postern::cli
