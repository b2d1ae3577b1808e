#include "io/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/log.hpp"
#include "io/sockets.hpp"

namespace postern::io {

namespace asio = boost::asio;

namespace {

using Descriptor = asio::posix::basic_stream_descriptor<>;
constexpr int kAcceptBurst = 64;
constexpr std::size_t kRefusalBytes = 512;

// One listening socket on one loop.
struct Door {
  Door(const Executor& where, UniqueFd listening) : loop(where), socket(where, listening.get()) { (void)listening.release(); }
  Executor loop;
  Descriptor socket;
  UniqueFd reserve{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
};

// Peers count by address; a whole IPv6 /64 is one subscriber. Empty: exempt.
std::string peer_key(const Endpoint& peer) {
  if (peer.is_unix()) return {};
  const ByteView ip = peer.ip.bytes();
  return std::string(as_text(ip.first(peer.ip.is_v6() ? 8 : 4)));
}

bool is_any_v6(const IpAddress& ip) {
  return ip.is_v6() && std::all_of(ip.bytes().begin(), ip.bytes().end(), [](Byte b) { return b == 0; });
}

Result<UniqueFd> bound_socket(const Endpoint& address, const std::string& device, bool shared) {
  POSTERN_TRY(UniqueFd fd, open_socket(address));
  POSTERN_TRY(const SocketAddress raw, to_socket_address(address));
  if (!address.is_unix()) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.ip.is_v6()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, is_any_v6(address.ip) ? 0 : 1);
  }
  if (!device.empty() && setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), static_cast<socklen_t>(device.size())) != 0) {
    return fail(errno_error(errno, "binding to interface " + device));
  }
  if (::bind(fd.get(), raw.get(), raw.size) != 0) return fail(errno_error(errno, "listening on " + address.text()));
  return fd;
}

Result<UniqueFd> listening_socket(const Endpoint& address, const ListenOptions& options, bool shared) {
  POSTERN_TRY(UniqueFd fd, bound_socket(address, options.device, shared));
  if (::listen(fd.get(), options.backlog) != 0) return fail(errno_error(errno, "listening on " + address.text()));
  return fd;
}

// A socket file that nobody answers on is left over from a process that died.
Status remove_stale_path(const Endpoint& address) {
  struct stat info{};
  if (::lstat(address.path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return fail(ErrorCode::Conflict, "exists and is not a socket; remove it or choose another path", address.path);
  POSTERN_TRY(const UniqueFd probe, open_socket(address));
  POSTERN_TRY(const SocketAddress raw, to_socket_address(address));
  if (::connect(probe.get(), raw.get(), raw.size) == 0 || errno != ECONNREFUSED) {
    return fail(ErrorCode::Conflict, "another process listens here", address.path);
  }
  if (::unlink(address.path.c_str()) != 0) return fail(errno_error(errno, "removing the old socket " + address.path));
  return {};
}

Result<std::vector<UniqueFd>> open_unix(const ListenOptions& options) {
  POSTERN_CHECK(remove_stale_path(options.address));
  std::vector<UniqueFd> out;
  POSTERN_TRY(UniqueFd fd, bound_socket(options.address, {}, false));
  if (::chmod(options.address.path.c_str(), 0660) != 0) return fail(errno_error(errno, "setting the mode of " + options.address.path));
  if (::listen(fd.get(), options.backlog) != 0) return fail(errno_error(errno, "listening on " + options.address.text()));
  out.push_back(std::move(fd));
  return out;
}

Result<std::vector<UniqueFd>> open_tcp(const ListenOptions& options, std::size_t count) {
  Endpoint address = options.address;
  auto probe = bound_socket(address, options.device, false);
  if (!probe && is_any_v6(address.ip)) {  // no IPv6 in this kernel: all addresses then means IPv4
    address.ip = IpAddress();
    if (auto v4 = bound_socket(address, options.device, false)) probe = std::move(v4);
  }
  if (!probe) return fail(std::move(probe).error());
  *probe = UniqueFd();
  std::vector<UniqueFd> out;
  for (std::size_t i = 0; i < count; ++i) {
    POSTERN_TRY(UniqueFd fd, listening_socket(address, options, true));
    if (address.port == 0) address.port = local_endpoint(fd.get()).port;
    out.push_back(std::move(fd));
  }
  return out;
}

}  // namespace

struct Listener::Impl : std::enable_shared_from_this<Impl> {
  ListenOptions options;
  Handler handler;
  Endpoint local;
  std::vector<std::shared_ptr<Door>> doors;
  std::vector<Executor> loops;  // Unix sockets have one door; their streams go round
  std::atomic<std::size_t> turn{0};

  std::atomic<std::size_t> active{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> shortages{0};
  std::atomic<std::int64_t> shortage_logged{0};
  std::atomic<bool> stopping{false};

  std::mutex mutex;  // guards what follows
  std::unordered_map<std::string, std::size_t> by_peer;
  std::unordered_map<std::uint64_t, StreamControl> live;
  std::uint64_t next_id = 0;

  struct Ticket {
    Ticket(std::shared_ptr<Impl> o, std::string k) : owner(std::move(o)), key(std::move(k)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { owner->leave(*this); }
    std::shared_ptr<Impl> owner;
    std::string key;
    std::uint64_t id = 0;
  };

  [[nodiscard]] bool is_unlimited(const Endpoint& peer) const {
    return !peer.is_unix() &&
           std::any_of(options.unlimited.begin(), options.unlimited.end(), [&](const IpNetwork& n) { return n.contains(peer.ip); });
  }
  Result<std::shared_ptr<Ticket>> enter(const Endpoint& peer);
  void leave(const Ticket& ticket) noexcept;
  void welcome(Door& door, UniqueFd fd, const Endpoint& peer);
  void refuse(int fd, Refusal why);
  bool accept_one(Door& door);
  void on_shortage(Door& door);
  std::vector<StreamControl> sessions();
  void close_doors();

  static Task<void> accept_loop(std::shared_ptr<Impl> self, std::shared_ptr<Door> door);
  static Task<void> serve(std::shared_ptr<Impl> self, Stream stream);
};

// The error's field is not for people here: "peer" tells which limit it was.
Result<std::shared_ptr<Listener::Impl::Ticket>> Listener::Impl::enter(const Endpoint& peer) {
  const std::lock_guard lock(mutex);
  if (active.load() >= options.max_connections) return fail(ErrorCode::Exhausted, "too many connections");
  std::string key = is_unlimited(peer) ? std::string() : peer_key(peer);
  if (!key.empty()) {
    std::size_t& count = by_peer[key];
    if (count >= options.max_per_peer) return fail(ErrorCode::Exhausted, "too many connections", "peer");
    ++count;
  }
  ++active;
  return std::make_shared<Ticket>(shared_from_this(), std::move(key));
}

void Listener::Impl::leave(const Ticket& ticket) noexcept {
  const std::lock_guard lock(mutex);
  live.erase(ticket.id);
  if (const auto found = by_peer.find(ticket.key); found != by_peer.end() && --found->second == 0) by_peer.erase(found);
  --active;
}

void Listener::Impl::refuse(int fd, Refusal why) {
  ++refused;
  const std::string text = options.refuse ? options.refuse(why) : std::string();
  if (text.empty()) return;
  (void)::send(fd, text.data(), std::min(text.size(), kRefusalBytes), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)::shutdown(fd, SHUT_WR);
}

Task<void> Listener::Impl::serve(std::shared_ptr<Impl> self, Stream stream) {
  Task<void> session = self->handler(std::move(stream));
  co_await std::move(session);
}

void Listener::Impl::welcome(Door& door, UniqueFd fd, const Endpoint& peer) {
  auto ticket = enter(peer);
  if (!ticket) return refuse(fd.get(), ticket.error().field == "peer" ? Refusal::TooManyFromPeer : Refusal::TooMany);
  ++accepted;
  const Executor where = local.is_unix() ? loops[turn++ % loops.size()] : door.loop;
  Stream stream = Stream::adopt(where, fd.release(), peer);
  {
    const std::lock_guard lock(mutex);
    (*ticket)->id = ++next_id;
    live.emplace((*ticket)->id, stream.control());
  }
  stream.hold(*std::move(ticket));
  spawn(where, serve(shared_from_this(), std::move(stream)), options.name);
}

void Listener::Impl::on_shortage(Door& door) {
  ++shortages;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (shortage_logged.exchange(now) != now) log::warn("io.no_descriptors", {{"listener", options.name}, {"active", active.load()}});
  door.reserve.reset();
  if (const UniqueFd fd(::accept4(door.socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); fd) {
    refuse(fd.get(), Refusal::NoDescriptors);
  }
  door.reserve.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// False when nobody waits any more, or when a pause is due.
bool Listener::Impl::accept_one(Door& door) {
  SocketAddress raw;
  UniqueFd fd(::accept4(door.socket.native_handle(), raw.get(), &raw.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    welcome(door, std::move(fd), from_socket_address(raw));
    return true;
  }
  if (errno == EMFILE || errno == ENFILE) {
    on_shortage(door);
    return static_cast<bool>(door.reserve);
  }
  // accept(2): errors already pending on the new connection (ECONNABORTED, EPROTO, ENETDOWN...) mean "try the next one".
  return errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOMEM && errno != ENOBUFS && errno != EBADF && errno != EINVAL;
}

Task<void> Listener::Impl::accept_loop(std::shared_ptr<Impl> self, std::shared_ptr<Door> door) {
  while (door->socket.is_open() && !self->stopping) {
    boost::system::error_code error;
    co_await door->socket.async_wait(Descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    int taken = 0;
    while (taken < kAcceptBurst && door->socket.is_open() && self->accept_one(*door)) ++taken;
    // Woken for nothing: memory or descriptors are short, and the queue will wake us at once again.
    if (taken == 0) co_await sleep_for(std::chrono::milliseconds(20));
  }
}

std::vector<StreamControl> Listener::Impl::sessions() {
  const std::lock_guard lock(mutex);
  std::vector<StreamControl> out;
  for (const auto& [id, control] : live) out.push_back(control);
  return out;
}

void Listener::Impl::close_doors() {
  if (stopping.exchange(true)) return;
  if (local.is_unix()) ::unlink(local.path.c_str());
  for (const auto& door : doors) {
    asio::post(door->loop, [door] {
      boost::system::error_code ignored;
      door->socket.close(ignored);
    });
  }
}

Listener::Listener(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}

Listener::~Listener() {
  m_impl->close_doors();
  for (const StreamControl& session : m_impl->sessions()) session.abort();
}

Result<std::unique_ptr<Listener>> Listener::open(Loops& loops, ListenOptions options, Handler handler) {
  const auto impl = std::make_shared<Impl>();
  POSTERN_TRY(auto sockets, options.address.is_unix() ? open_unix(options) : open_tcp(options, loops.size()));
  impl->local = options.address.is_unix() ? options.address : local_endpoint(sockets.front().get());
  impl->options = std::move(options);
  impl->handler = std::move(handler);
  for (std::size_t i = 0; i < loops.size(); ++i) impl->loops.push_back(loops.at(i));
  for (std::size_t i = 0; i < sockets.size(); ++i) impl->doors.push_back(std::make_shared<Door>(loops.at(i), std::move(sockets[i])));
  for (const auto& door : impl->doors) spawn(door->loop, Impl::accept_loop(impl, door), impl->options.name);
  return std::unique_ptr<Listener>(new Listener(impl));
}

const Endpoint& Listener::local() const noexcept { return m_impl->local; }

ListenerStats Listener::stats() const {
  return {m_impl->active.load(), m_impl->accepted.load(), m_impl->refused.load(), m_impl->shortages.load()};
}

void Listener::stop_accepting() { m_impl->close_doors(); }

Task<std::size_t> Listener::drain(SteadyTime deadline) {
  const auto impl = m_impl;
  impl->close_doors();
  for (const StreamControl& session : impl->sessions()) session.drain();
  while (impl->active > 0 && std::chrono::steady_clock::now() < deadline) co_await sleep_for(std::chrono::milliseconds(10));
  const auto left = impl->sessions();
  for (const StreamControl& session : left) session.abort();
  co_return left.size();
}

}  // namespace postern::io
