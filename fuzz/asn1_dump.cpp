// rooms: asn1
// Any octets as lines: within the bounds, nothing a terminal obeys, and both forms agree on how far it goes.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "asn1/ber.hpp"
#include "asn1/dump.hpp"

using namespace postern;
using namespace postern::asn1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65'536) return 0;
  const ByteView input(data, size);
  const DumpOptions options{.depth = 20, .elements = 300, .octets = 32};
  const std::string lines = dump(input, options);
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F; };
  if (std::ranges::any_of(lines, is_control)) std::abort();
  if (lines.find("\xC2\x9B") != std::string::npos) std::abort();  // CSI
  // A trouble line for each element that is open, at most; each line is bounded.
  if (std::ranges::count(lines, '\n') > 2 * 300 + 20 || lines.size() > 600UL * 400) std::abort();
  const std::string json = boost::json::serialize(dump_json(input, options));
  const bool is_whole = lines.find("! ") == std::string::npos || lines.find('"') != std::string::npos;
  if (!is_whole && json.find("\"error\"") == std::string::npos) std::abort();
  return 0;
}
