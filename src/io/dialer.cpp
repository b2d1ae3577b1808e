#include "io/dialer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cerrno>

#include "io/device.hpp"
#include "io/sockets.hpp"

namespace postern::io {

namespace {

Status bind_source(int fd, const Endpoint& target, const DialOptions& options) {
  const auto& source = target.ip.is_v6() ? options.bind_v6 : options.bind_v4;
  if (target.is_unix() || !source) return {};
  Endpoint from;
  from.ip = *source;
  POSTERN_TRY(const SocketAddress raw, to_socket_address(from));
  if (::bind(fd, raw.get(), raw.size) != 0) return fail(errno_error(errno, "binding to " + source->text()));
  return {};
}

/// No bind(): which of the interface's addresses fits is the routing table's choice, and a confined process may bind no free port.
Status bind_to_road(int fd, const Endpoint& target, const DialOptions& options) {
  if (options.device.empty() || target.is_unix()) return {};
  POSTERN_TRY(const Device device, usable_device(options.device));
  POSTERN_CHECK(device.check_sends_to(target.ip));
  return bind_to_device(fd, options.device);
}

Error connect_error(int number) { return Error{ErrorCode::Unavailable, errno_error(number, "connecting").what, {}}; }

Task<Result<Stream>> dial_one(Endpoint target, SteadyTime deadline, const DialOptions& options) {
  POSTERN_CO_TRY(UniqueFd fd, open_socket(target));
  POSTERN_CO_TRY(const SocketAddress raw, to_socket_address(target));
  POSTERN_CO_CHECK(bind_source(fd.get(), target, options));
  POSTERN_CO_CHECK(bind_to_road(fd.get(), target, options));
  const int raw_fd = fd.get();
  const bool pending = ::connect(raw_fd, raw.get(), raw.size) != 0;
  if (pending && errno != EINPROGRESS && errno != EINTR) co_return fail(connect_error(errno));
  Stream stream = Stream::adopt(co_await this_executor(), fd.release(), std::move(target));
  if (!pending) co_return stream;
  const Status ready = co_await stream.wait_connected(deadline);
  if (!ready) co_return fail(ready.error());
  co_return stream;
}

SteadyTime attempt_deadline(const DialOptions& options) { return std::min(options.deadline, deadline_in(options.per_attempt)); }

}  // namespace

Task<Result<Stream>> dial(std::vector<Endpoint> endpoints, DialOptions options) {
  if (endpoints.empty()) co_return fail(ErrorCode::NotFound, "there is no address to connect to");
  Error all{ErrorCode::Timeout, {}, {}};
  for (const Endpoint& target : endpoints) {
    auto stream = co_await dial_one(target, attempt_deadline(options), options);
    if (stream) co_return stream;
    if (stream.error().code != ErrorCode::Timeout) all.code = ErrorCode::Unavailable;
    all.what += (all.what.empty() ? "" : "; ") + target.text() + ": " + stream.error().what;
    if (std::chrono::steady_clock::now() >= options.deadline) break;
  }
  co_return fail(std::move(all));
}

Task<Result<Stream>> dial(Endpoint endpoint, SteadyTime deadline) {
  DialOptions options;
  options.deadline = deadline;
  std::vector<Endpoint> one{std::move(endpoint)};
  co_return co_await dial(std::move(one), options);
}

}  // namespace postern::io
