#include "mhs/transport_ping.hpp"

#include <array>

#include "osi/cotp.hpp"

namespace postern::mhs {
namespace {

ErrorCode code_of(osi::TDisconnectCause cause) {
  if (cause == osi::TDisconnectCause::Timeout) return ErrorCode::Timeout;
  if (cause == osi::TDisconnectCause::NetworkLost) return ErrorCode::Unavailable;
  return ErrorCode::Denied;
}

/// What the answer to the CONNECTION REQUEST was, as far as it is here.
std::optional<Status> answer_of(osi::Transport& transport) {
  while (const auto event = transport.next_event()) {
    if (std::holds_alternative<osi::TConnected>(*event)) return Status();
    if (const auto* end = std::get_if<osi::TDisconnect>(&*event)) return fail(code_of(end->cause), end->text);
  }
  return std::nullopt;
}

io::Task<Status> read_once(io::Stream& stream, osi::Transport& transport, SteadyTime deadline) {
  POSTERN_CO_CHECK(co_await stream.wait_readable(deadline));
  std::array<Byte, 1024> buffer;
  POSTERN_CO_TRY(const auto read, stream.try_read(buffer));
  if (!read) co_return Status();
  if (*read == 0)
    transport.network_lost("the peer closed the connection");
  else
    transport.receive(ByteView(buffer).first(*read), std::chrono::steady_clock::now());
  co_return Status();
}

}  // namespace

io::Task<Status> ping_transport(io::Stream& stream, Bytes called, SteadyTime deadline) {
  osi::TransportOptions options;
  options.called = std::move(called);
  POSTERN_CO_TRY(osi::Transport transport, osi::Transport::open(std::move(options), std::chrono::steady_clock::now()));
  for (;;) {
    const Bytes output = transport.take_output();
    if (!output.empty()) POSTERN_CO_CHECK(co_await stream.write_all(output, deadline));
    if (auto answer = answer_of(transport)) {
      stream.close();
      co_return *std::move(answer);
    }
    POSTERN_CO_CHECK(co_await read_once(stream, transport, deadline));
  }
}

}  // namespace postern::mhs
