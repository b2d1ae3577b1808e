#include "io/dns_exchange.hpp"

#include "io/dialer.hpp"

namespace postern::io {
namespace {

/// RFC 1035 4.2.2: two octets of length, then the message.
Bytes frame(ByteView message) {
  Bytes out{static_cast<Byte>(message.size() >> 8), static_cast<Byte>(message.size() & 0xFF)};
  append(out, message);
  return out;
}

/// Errors do not name the server.
Task<Result<Bytes>> read_exactly(Stream& stream, std::size_t size, SteadyTime deadline) {
  Bytes out(size);
  for (std::size_t have = 0; have < size;) {
    const auto got = co_await stream.read_some(ByteSpan(out).subspan(have), deadline);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(ErrorCode::Unavailable, "ends the connection without an answer");
    have += *got;
  }
  co_return out;
}

}  // namespace

Task<Result<Bytes>> exchange_dns(Endpoint server, Bytes message, SteadyTime deadline) {
  if (message.size() > 0xFFFF) co_return fail(ErrorCode::TooLarge, "is longer than 65,535 octets", "message");
  const std::string where = server.text();
  auto stream = co_await dial(std::move(server), deadline);
  if (!stream) co_return fail(stream.error());
  const Bytes framed = frame(message);
  const Status sent = co_await stream->write_all(ByteView(framed), deadline);
  if (!sent) co_return fail(Error(sent.error()).context(where));
  const auto length = co_await read_exactly(*stream, 2, deadline);
  if (!length) co_return fail(Error(length.error()).context(where));
  const std::size_t size = std::size_t{length->at(0)} << 8 | length->at(1);
  auto answer = co_await read_exactly(*stream, size, deadline);
  if (!answer) co_return fail(std::move(answer).error().context(where));
  co_return answer;
}

}  // namespace postern::io
