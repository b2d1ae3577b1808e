// rooms: vectors
// Any line gets an answer, which is one JSON object with the line's number or a verdict, and no verdict is both unsupported and valid.
#include <boost/json.hpp>
#include <cstdlib>

#include "vectors/vectors.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line = as_text(ByteView(data, size));
  const vectors::Reply reply = vectors::answer(line, 3);
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(reply.json, error);
  if (error || !parsed.is_object()) std::abort();
  const boost::json::object& out = parsed.get_object();
  const int kinds = out.contains("error") + out.contains("unsupported") + out.contains("valid");
  if (kinds != 1 || !out.contains("id") || out.contains("error") == reply.understood) std::abort();
  return 0;
}
