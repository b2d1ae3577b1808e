#include "api/remote_vault.hpp"

#include <fcntl.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <future>

#include "base/secret.hpp"
#include "base/unique_fd.hpp"
#include "io/await_call.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Exhausted: return 429;
    case ErrorCode::TooLarge: return 413;
    case ErrorCode::Denied: return 403;
    default: return 503;
  }
}

/// Nothing when it is no seal status.
std::optional<EngineState> read_seal_status(const vault::Reply& reply) {
  boost::system::error_code wrong;
  const json::value root = json::parse(reply.body, wrong);
  const json::object* status = wrong ? nullptr : root.if_object();
  if (reply.status != 200 || status == nullptr) return std::nullopt;
  const auto flag = [status](std::string_view name) {
    const json::value* value = status->if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  const auto count = [status](std::string_view name) {
    const json::value* value = status->if_contains(name);
    return value != nullptr && value->is_int64() ? static_cast<unsigned>(value->get_int64()) : 0U;
  };
  EngineState out;
  out.initialized = flag("initialized");
  out.sealed = flag("sealed");
  out.migration = flag("migration");
  if (const json::value* type = status->if_contains("type"); type != nullptr && type->is_string()) out.seal = type->get_string();
  if (out.sealed && !flag("recovery_seal")) {
    out.progress = count("progress");
    out.threshold = count("t");
  }
  return out;
}

constexpr auto kGlance = std::chrono::milliseconds(500);

// Asks, and remembers.
class RemoteState {
 public:
  RemoteState(custody::VaultClient client, std::vector<EngineState::Device> audit)
      : m_client(std::move(client)), m_audit(std::move(audit)) {}

  std::optional<EngineState> look() {
    auto told = ask();
    const std::lock_guard lock(m_mutex);
    if (told) {
      told->audit = m_audit;
      m_last = std::move(told);
    }
    return m_last;
  }

 private:
  std::optional<EngineState> ask() {
    vault::Request request;
    request.path = "sys/seal-status";
    const auto answer = std::make_shared<std::promise<Result<vault::Reply>>>();
    auto told = answer->get_future();
    m_client.ask(request, [answer](Result<vault::Reply> reply) { answer->set_value(std::move(reply)); });
    if (told.wait_for(kGlance) != std::future_status::ready) return std::nullopt;
    const auto reply = told.get();
    return reply ? read_seal_status(*reply) : std::nullopt;
  }

  custody::VaultClient m_client;
  const std::vector<EngineState::Device> m_audit;
  std::mutex m_mutex;
  std::optional<EngineState> m_last;
};

}  // namespace

std::vector<EngineState::Device> audit_devices(const config::Config& config) {
  std::vector<EngineState::Device> out;
  const auto& audit = config.engine;
  if (!audit.audit_file.empty()) out.push_back({"file", audit.audit_file});
  if (!audit.audit_syslog.empty()) out.push_back({"syslog", audit.audit_syslog});
  if (!audit.audit_socket.empty()) out.push_back({"socket", audit.audit_socket});
  return out;
}

EngineStateSource remote_engine_state(custody::VaultClient client, std::vector<EngineState::Device> audit) {
  return [state = std::make_shared<RemoteState>(std::move(client), std::move(audit))] { return state->look(); };
}

/// One loop at the link: what it has to say in one round goes with one write, and it reads while it waits for answers. Touched by its loop
/// alone. It stays until the loop has done with it.
class RemoteVault::Seat : public std::enable_shared_from_this<Seat> {
 public:
  Seat(io::Executor loop, custody::VaultClient client)
      : m_loop(std::move(loop)),
        m_client(std::move(client)),
        m_watched(*m_loop.target<LoopExecutor>()),
        m_own(::fcntl(m_client.link().watched(), F_DUPFD_CLOEXEC, 3)) {}

  [[nodiscard]] const io::Executor& loop() const { return m_loop; }

  void ask(const vault::Request& request, custody::VaultClient::Done done) {
    m_client.ask(request, std::move(done), custody::Link::Send::Later);
    flush_soon();
  }

 private:
  using LoopExecutor = boost::asio::io_context::executor_type;
  using Descriptor = boost::asio::posix::basic_stream_descriptor<LoopExecutor>;

  /// After what is ready on this loop now: other requests of the same round go with the same write.
  void flush_soon() {
    if (std::exchange(m_flushes, true)) return;
    boost::asio::post(m_watched.get_executor(), [self = shared_from_this()] {
      self->m_flushes = false;
      self->attend_soon();
      self->m_client.flush();
    });
  }

  /// Without a descriptor, as there were none: the link's thread reads.
  void attend_soon() {
    if (m_watches || !m_own) return;
    m_attendance = m_client.link().offer_to_attend();
    if (m_attendance == 0) return;
    boost::system::error_code error;
    m_watched.assign(m_own.get(), error);
    if (error) return;
    (void)m_own.release();
    watch();
  }

  void watch() {
    m_watches = true;
    m_watched.async_wait(Descriptor::wait_read, [self = shared_from_this()](boost::system::error_code error) {
      self->m_watches = false;
      if (error) return;
      if (self->m_client.link().attend(self->m_attendance)) return self->watch();
      // Whatever stands in a loop's list wakes it, waited for or not.
      self->m_own = UniqueFd(self->m_watched.release());
    });
  }

  const io::Executor m_loop;
  custody::VaultClient m_client;
  Descriptor m_watched;
  UniqueFd m_own;  // what m_watched has while it watches
  custody::Link::Attendance m_attendance = 0;
  bool m_flushes = false, m_watches = false;
};

namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// The last answer of seat_of() on this thread: a loop has one.
struct Known {
  std::uint64_t owner = 0;
  void* seat = nullptr;
};
thread_local Known t_known;

}  // namespace

RemoteVault::RemoteVault(custody::VaultClient client) : m_client(std::move(client)), m_id(next_id()) {}

RemoteVault::Seat* RemoteVault::known_seat() const { return t_known.owner == m_id ? static_cast<Seat*>(t_known.seat) : nullptr; }

RemoteVault::Seat& RemoteVault::seat_of(const io::Executor& loop) {
  const std::lock_guard lock(m_mutex);
  auto found = std::ranges::find_if(m_seats, [&](const auto& seat) { return seat->loop() == loop; });
  if (found == m_seats.end()) found = m_seats.insert(m_seats.end(), std::make_shared<Seat>(loop, m_client));
  t_known = {m_id, found->get()};
  return **found;
}

io::Task<vault::Reply> RemoteVault::ask(vault::Request request) {
  Seat* seat = known_seat();
  if (seat == nullptr) seat = &seat_of(co_await io::this_executor());
  Result<vault::Reply> reply = co_await io::await_call<Result<vault::Reply>>([&request, seat](custody::VaultClient::Done done) {
    seat->ask(request, std::move(done));
    wipe(request.token);
  });
  if (reply) co_return *std::move(reply);
  co_return refusal(status_of(reply.error().code), reply.error().what);
}

}  // namespace postern::api
