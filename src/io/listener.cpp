#include "io/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
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
#include "io/device.hpp"
#include "io/listening.hpp"
#include "io/sockets.hpp"

namespace postern::io {

namespace asio = boost::asio;

namespace {

using Descriptor = asio::posix::basic_stream_descriptor<>;
constexpr int kAcceptBurst = 64;
constexpr std::size_t kRefusalBytes = 512;
constexpr auto kDeviceCheck = std::chrono::seconds(1);
/// Connections side by side up to which one door serves all, and for how long there must have been no more of them before it does.
constexpr std::size_t kFew = 2;
constexpr auto kQuiet = std::chrono::seconds(1);

// One listening socket on one loop.
struct Door {
  Door(const Executor& where, UniqueFd listening) : loop(where), socket(where, listening.get()) { (void)listening.release(); }
  Executor loop;
  Descriptor socket;
  UniqueFd reserve{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  bool gathered = false;  // what waits here may have come while this door got all; on its loop only
};

}  // namespace

/// A whole IPv6 /64 is one subscriber.
std::string subscriber_key(const Endpoint& peer) {
  if (peer.is_unix()) return {};
  const ByteView ip = peer.ip.bytes();
  return std::string(as_text(ip.first(peer.ip.is_v6() ? 8 : 4)));
}

struct Listener::Impl : std::enable_shared_from_this<Impl> {
  ListenOptions options;
  Handler handler;
  Endpoint local;
  std::vector<Executor> loops;
  bool one_door = false;                               // Unix sockets, and those made elsewhere: there is but one, on the first loop
  std::atomic<bool> gathers{false};                    // the first of several doors gets all connections
  std::atomic<SteadyTime> many_at{SteadyTime::min()};  // when there were more than kFew
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
  std::vector<std::shared_ptr<Door>> doors;
  unsigned device = 0;  // the index of the interface they are bound to
  std::string trouble;

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
  Executor place(Door& door);
  void gather();
  void spread();
  enum class Accepted { One, Nobody, NotNow };
  Accepted accept_one(Door& door);
  void on_shortage(Door& door);
  std::vector<StreamControl> sessions();
  void open_doors(std::vector<UniqueFd> sockets);
  void close_doors();
  void stop();
  unsigned bound_to();
  Result<Device> find_device();
  Status check_device();
  Status bind_anew();
  void note_trouble(const Status& state);

  static Task<void> watch_device(std::shared_ptr<Impl> self);

  static Task<void> accept_loop(std::shared_ptr<Impl> self, std::shared_ptr<Door> door);
  static Task<void> serve(std::shared_ptr<Impl> self, Stream stream);
};

// The error's field is not for people here: "peer" tells which limit it was.
Result<std::shared_ptr<Listener::Impl::Ticket>> Listener::Impl::enter(const Endpoint& peer) {
  const std::lock_guard lock(mutex);
  if (active.load() >= options.max_connections) return fail(ErrorCode::Exhausted, "too many connections");
  std::string key = is_unlimited(peer) ? std::string() : subscriber_key(peer);
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

/// A change of threads costs more than the work of a connection that is alone: it stays where it came in, and all that are alone come in
/// at one door, so that the loops need not wake each other. Those that come through one door beside others go round. Only this listener's
/// connections count: most of the others sleep most of the time.
Executor Listener::Impl::place(Door& door) {
  const std::size_t present = active.load();
  door.gathered = door.gathered || gathers;
  if (!one_door) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (present > kFew) {
      many_at = now;
      spread();
    } else if (!gathers && now > many_at.load() + kQuiet) {
      gather();
    }
  }
  if (present == 1 || (!one_door && !door.gathered) || loops.size() == 1) return door.loop;
  // The second goes to another loop than the first.
  return present == 2 ? loops[1 + turn++ % (loops.size() - 1)] : loops[turn++ % loops.size()];
}

void Listener::Impl::gather() {
  const std::lock_guard lock(mutex);
  if (!doors.empty() && !gathers) gathers = to_first_of_group(doors.front()->socket.native_handle());
}

void Listener::Impl::spread() {
  if (!gathers) return;
  const std::lock_guard lock(mutex);
  if (gathers && (doors.empty() || to_all_of_group(doors.front()->socket.native_handle()))) gathers = false;
}

void Listener::Impl::welcome(Door& door, UniqueFd fd, const Endpoint& peer) {
  auto ticket = enter(peer);
  if (!ticket) return refuse(fd.get(), ticket.error().field == "peer" ? Refusal::TooManyFromPeer : Refusal::TooMany);
  ++accepted;
  const Executor where = place(door);
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

/// NotNow: memory or descriptors are short, and a pause is due.
Listener::Impl::Accepted Listener::Impl::accept_one(Door& door) {
  SocketAddress raw;
  UniqueFd fd(::accept4(door.socket.native_handle(), raw.get(), &raw.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    welcome(door, std::move(fd), from_socket_address(raw));
    return Accepted::One;
  }
  if (errno == EMFILE || errno == ENFILE) {
    on_shortage(door);
    return door.reserve ? Accepted::One : Accepted::NotNow;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    if (!gathers) door.gathered = false;
    return Accepted::Nobody;
  }
  // accept(2): errors already pending on the new connection (ECONNABORTED, EPROTO, ENETDOWN...) mean "try the next one".
  const bool hopeless = errno == ENOMEM || errno == ENOBUFS || errno == EBADF || errno == EINVAL;
  return hopeless ? Accepted::NotNow : Accepted::One;
}

Task<void> Listener::Impl::accept_loop(std::shared_ptr<Impl> self, std::shared_ptr<Door> door) {
  while (door->socket.is_open() && !self->stopping) {
    boost::system::error_code error;
    co_await door->socket.async_wait(Descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    int taken = 0;
    Accepted last = Accepted::One;
    while (taken < kAcceptBurst && door->socket.is_open() && last == Accepted::One) {
      last = self->accept_one(*door);
      ++taken;
    }
    // The queue would wake us at once again. Woken for somebody who was let in a moment ago already: nothing is wrong.
    if (last == Accepted::NotNow && taken == 1) co_await sleep_for(std::chrono::milliseconds(20));
  }
}

std::vector<StreamControl> Listener::Impl::sessions() {
  const std::lock_guard lock(mutex);
  std::vector<StreamControl> out;
  for (const auto& [id, control] : live) out.push_back(control);
  return out;
}

void Listener::Impl::open_doors(std::vector<UniqueFd> sockets) {
  std::vector<std::shared_ptr<Door>> fresh;
  const unsigned index = bound_device(sockets.front().get());
  for (std::size_t i = 0; i < sockets.size(); ++i) fresh.push_back(std::make_shared<Door>(loops[i], std::move(sockets[i])));
  {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    device = index;
    doors = fresh;
    many_at = SteadyTime::min();
    gathers = !one_door && to_first_of_group(fresh.front()->socket.native_handle());
  }
  for (const auto& door : fresh) spawn(door->loop, accept_loop(shared_from_this(), door), options.name);
}

void Listener::Impl::close_doors() {
  const std::lock_guard lock(mutex);
  device = 0;
  for (const auto& door : std::exchange(doors, {})) {
    asio::post(door->loop, [door] {
      boost::system::error_code ignored;
      door->socket.close(ignored);
    });
  }
}

void Listener::Impl::stop() {
  if (stopping.exchange(true)) return;
  if (local.is_unix()) ::unlink(local.path.c_str());
  close_doors();
}

unsigned Listener::Impl::bound_to() {
  const std::lock_guard lock(mutex);
  return device;
}

Result<Device> Listener::Impl::find_device() {
  if (options.socket < 0) return usable_device(options.device);
  const std::lock_guard lock(mutex);  // the door's socket knows its namespace, and is not closed meanwhile
  if (doors.empty()) return fail(ErrorCode::Unavailable, "the listener stops");
  return usable_device_of(doors.front()->socket.native_handle(), options.device);
}

Status Listener::Impl::bind_anew() {
  ListenOptions again = options;
  again.address = local;  // the port that others know
  POSTERN_TRY(auto sockets, open_listening(again, loops.size()));
  open_doors(std::move(sockets));
  return {};
}

/// An interface that is down keeps its index, and the sockets work again when it is up. One that is gone does not come back: another may
/// get its index, so sockets that name it are closed.
Status Listener::Impl::check_device() {
  const auto found = find_device();
  const unsigned bound = bound_to();
  if (options.socket >= 0) {
    POSTERN_CHECK(found);
    if (found->index == bound) return {};
    return fail(ErrorCode::Unavailable, "interface " + options.device + " of its network namespace was made anew; start the daemon again");
  }
  if (bound != 0 && device_index(options.device) != bound) close_doors();
  POSTERN_CHECK(found);
  POSTERN_CHECK(found->check_listens_on(local.ip));
  if (bound_to() != 0) return {};
  return bind_anew();
}

void Listener::Impl::note_trouble(const Status& state) {
  const std::string now = state ? std::string() : state.error().text();
  {
    const std::lock_guard lock(mutex);
    if (std::exchange(trouble, now) == now) return;
  }
  if (state)
    log::info("io.interface_back", {{"listener", options.name}, {"interface", options.device}});
  else
    log::warn("io.interface_lost", {{"listener", options.name}, {"reason", now}});
}

Task<void> Listener::Impl::watch_device(std::shared_ptr<Impl> self) {
  while (!self->stopping) {
    co_await sleep_for(kDeviceCheck);
    if (!self->stopping) self->note_trouble(self->check_device());
  }
}

Listener::Listener(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}

Listener::~Listener() {
  m_impl->stop();
  for (const StreamControl& session : m_impl->sessions()) session.abort();
}

Result<std::unique_ptr<Listener>> Listener::open(Loops& loops, ListenOptions options, Handler handler) {
  const auto impl = std::make_shared<Impl>();
  const std::size_t used = options.loops == 0 ? loops.size() : std::min(options.loops, loops.size());
  for (std::size_t i = loops.size() - used; i < loops.size(); ++i) impl->loops.push_back(loops.at(i));
  std::vector<UniqueFd> sockets;
  if (options.socket >= 0) {
    sockets.emplace_back(options.socket);
  } else {
    POSTERN_TRY(sockets, open_listening(options, used));
  }
  impl->one_door = sockets.size() < used;
  impl->local = options.address.is_unix() ? options.address : local_endpoint(sockets.front().get());
  impl->options = std::move(options);
  impl->handler = std::move(handler);
  impl->open_doors(std::move(sockets));
  if (!impl->options.device.empty()) spawn(impl->loops.front(), Impl::watch_device(impl), impl->options.name);
  return std::unique_ptr<Listener>(new Listener(impl));
}

const Endpoint& Listener::local() const noexcept { return m_impl->local; }

ListenerStats Listener::stats() const {
  ListenerStats out{m_impl->active.load(), m_impl->accepted.load(), m_impl->refused.load(), m_impl->shortages.load(), {}, {}};
  out.device = m_impl->options.device;
  const std::lock_guard lock(m_impl->mutex);
  out.trouble = m_impl->trouble;
  return out;
}

void Listener::stop_accepting() { m_impl->stop(); }

Task<std::size_t> Listener::drain(SteadyTime deadline) {
  const auto impl = m_impl;
  impl->stop();
  for (const StreamControl& session : impl->sessions()) session.drain();
  while (impl->active > 0 && std::chrono::steady_clock::now() < deadline) co_await sleep_for(std::chrono::milliseconds(10));
  const auto left = impl->sessions();
  for (const StreamControl& session : left) session.abort();
  co_return left.size();
}

}  // namespace postern::io
