// rooms: http
// Any bytes from an HTTP server, as those of policies, responders and lists are: a response within its bounds or an error, in the end.
#include <array>
#include <cstdlib>

#include "http/response_reader.hpp"
#include "io/loops.hpp"
#include "io/testing/run.hpp"

using namespace postern;

namespace {

constexpr std::size_t kMostBody = 4096;

io::Task<void> answer(io::Stream& server, std::string_view bytes) {
  (void)co_await server.write_all(bytes, io::testing::soon());
  server.close();
}

io::Task<void> exchange(std::string_view bytes, bool head) {
  auto ends = io::Stream::pair(co_await io::this_executor());
  if (!ends) std::abort();
  io::spawn(co_await io::this_executor(), answer(ends->second, bytes), "fuzz.answer");
  http::ClientOptions options;
  options.body_limit = kMostBody;
  http::detail::ResponseReader reader(ends->first, options, head);
  const auto response = co_await reader.read(io::testing::soon());
  if (response && response->body.size() > kMostBody) std::abort();
  if (response && (response->status < 200 || response->status > 999)) std::abort();
  if (!response && response.error().code == ErrorCode::Timeout) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto& loops = *new io::testing::RunningLoops;
  if (size == 0 || size > 32768) return 0;  // what the other end's buffer takes at once
  loops.run(exchange({reinterpret_cast<const char*>(data) + 1, size - 1}, (data[0] & 1U) != 0));
  return 0;
}
