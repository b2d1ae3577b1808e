#include "dns_tcp.hpp"

#include "io/dialer.hpp"

namespace postern::cli {
namespace {

/// Errors do not name the server.
io::Task<Result<Bytes>> read_exactly(io::Stream& stream, std::size_t size, SteadyTime deadline) {
  Bytes out(size);
  for (std::size_t have = 0; have < size;) {
    const auto got = co_await stream.read_some(ByteSpan(out).subspan(have), deadline);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(ErrorCode::Unavailable, "ends the connection without an answer");
    have += *got;
  }
  co_return out;
}

/// Errors name the server.
io::Task<Result<Bytes>> converse(io::Endpoint server, Bytes framed, SteadyTime deadline) {
  const std::string where = server.text();
  auto stream = co_await io::dial(std::move(server), deadline);
  if (!stream) co_return fail(stream.error());
  const ByteView bytes = framed;
  const Status sent = co_await stream->write_all(bytes, deadline);
  if (!sent) co_return fail(sent.error().context(where));
  const auto length = co_await read_exactly(*stream, 2, deadline);
  if (!length) co_return fail(length.error().context(where));
  const std::size_t size = std::size_t{length->at(0)} << 8 | length->at(1);
  auto answer = co_await read_exactly(*stream, size, deadline);
  if (!answer) co_return fail(std::move(answer).error().context(where));
  co_return answer;
}

}  // namespace

Bytes frame_message(ByteView message) {
  Bytes out{static_cast<Byte>(message.size() >> 8), static_cast<Byte>(message.size() & 0xFF)};
  append(out, message);
  return out;
}

io::Task<void> exchange_into(io::Endpoint server, Bytes framed, SteadyTime deadline, io::Loops& loops, Result<Bytes>& out) {
  out = co_await converse(std::move(server), std::move(framed), deadline);
  loops.stop();
}

}  // namespace postern::cli
