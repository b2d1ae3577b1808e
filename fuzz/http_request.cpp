// rooms: http
// The HTTP/1.1 request parser: whole and in pieces it must say the same, within its limits.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "http/request_parser.hpp"

namespace {

using postern::http::ParserLimits;
using postern::http::Request;
using postern::http::RequestParser;
using Stage = RequestParser::Stage;

constexpr ParserLimits kLimits{4096, 8192, 64};

void require(bool fact) {
  if (!fact) std::abort();
}

std::string text_of(const Request& request) {
  std::string out = request.method + ' ' + request.target + '\n';
  for (const auto& [name, value] : request.headers) {
    require((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    out += name + ':' + value + '\n';
  }
  return out + request.body + '\n';
}

/// Everything that was read, and how it ended. (Which of several faults is named may depend on the pieces.)
std::string read_all(std::string_view bytes, std::size_t step) {
  RequestParser parser(kLimits);
  std::string out;
  while (!bytes.empty() && parser.stage() != Stage::Refused) {
    const std::size_t given = std::min(step, bytes.size());
    const std::size_t used = parser.feed(bytes.substr(0, given));
    require(used <= given && parser.body_bytes() <= kLimits.body_bytes);
    require(used == given || parser.stage() == Stage::Done || parser.stage() == Stage::Refused);
    bytes.remove_prefix(used);
    if (parser.stage() == Stage::Done) out += text_of(parser.take());
  }
  return out + (parser.stage() == Stage::Refused ? "refused" : "more");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = read_all(bytes, size + 1);
  require(read_all(bytes, 1) == whole);
  require(read_all(bytes, 13) == whole);
  return 0;
}
