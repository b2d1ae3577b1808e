// rooms: config
// Any text as postern.toml: no crash, and what is accepted is shown and read back as the same configuration.
#include <cstdlib>

#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded first = parse(text, "fuzz.toml", {});
  if (!first.faults.empty()) return 0;
  const std::string shown = show(first.config);
  const Loaded second = parse(shown, "fuzz.toml", {});
  if (!second.faults.empty() || show(second.config) != shown) std::abort();
  return 0;
}
