#include "warden/warden.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.hpp"
#include "base/text.hpp"
#include "warden/library_ward.hpp"
#include "warden/notify.hpp"

namespace postern::warden {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kCannotGoOn = 5;
constexpr std::size_t kPorts = 1024;
constexpr auto kBetweenChannels = std::chrono::milliseconds(200);  // a gate that asks more often gets none in between

milliseconds since(SteadyTime when) { return std::chrono::duration_cast<milliseconds>(Clock::now() - when); }

// One of the two, through all its lives.
struct Ward {
  explicit Ward(ChildPlan with, const RestartLimits& limits) : plan(std::move(with)), policy(limits) {}

  ChildPlan plan;
  RestartPolicy policy;
  Child child;
  SteadyTime started{};
  std::optional<SteadyTime> ready_at;
  std::string said;  ///< With Ready.
  std::optional<SteadyTime> start_at;

  [[nodiscard]] bool runs() const noexcept { return child.pid > 0; }
  [[nodiscard]] bool serves() const noexcept { return runs() && ready_at.has_value(); }
};

}  // namespace

Result<std::vector<NamedPort>> read_ports(std::string_view text) {
  std::vector<NamedPort> out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto space = line.rfind(' ');
    NamedPort entry;
    const char* end = line.data() + line.size();
    const bool named = space != std::string_view::npos && space > 0 && out.size() < kPorts;
    const auto read =
        named ? std::from_chars(line.data() + space + 1, end, entry.port) : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (read.ec != std::errc() || read.ptr != end) return fail(ErrorCode::BadInput, "the gate's list of ports is no list of ports");
    entry.name = line.substr(0, space);
    out.push_back(std::move(entry));
  }
  return out;
}

struct Warden::Impl {
  explicit Impl(Options given)
      : options(std::move(given)),
        keeper(options.keeper, options.restarts),
        gate(options.gate, options.restarts),
        library(options.library) {}

  Options options;
  Ward keeper, gate;
  LibraryWard library;
  UniqueFd signals;
  bool was_ready = false;  ///< The daemon as a whole.
  bool stopping = false;
  std::optional<SteadyTime> kill_at;
  std::optional<int> status;  ///< Set: run() ends when both are gone.
  SteadyTime connected{};     ///< When the last pair was handed out.

  [[nodiscard]] Status open_signals();
  void start(Ward& ward);
  void connect();
  void hear(Ward& ward);
  void ready(Ward& ward, std::string text);
  void reap();
  void ended(Ward& ward, int how);
  void restart_later(Ward& ward);
  void give_up(int with);
  void stop_next();
  void on_signals();
  void on_time();
  [[nodiscard]] int patience() const;
  void turn();
};

Status Warden::Impl::open_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail(ErrorCode::Unavailable, "signalfd is refused");
  return {};
}

void Warden::Impl::start(Ward& ward) {
  ward.start_at.reset();
  ward.ready_at.reset();
  auto child = start_child(ward.plan);
  if (!child) {
    log::error("warden.start_failed", {{"child", ward.plan.name}, {"error", child.error()}});
    return restart_later(ward);
  }
  ward.child = *std::move(child);
  ward.started = Clock::now();
  log::debug("warden.started", {{"child", ward.plan.name}, {"pid", ward.child.pid}});
}

/// A fresh pair: whatever was under way on an earlier one ended with it.
void Warden::Impl::connect() {
  connected = Clock::now();
  auto ends = Control::channel_pair();
  Status done = ends ? keeper.child.control.send(ControlKind::Channel, "gate", ends->first.get()) : Status(fail(ends.error()));
  if (done) done = gate.child.control.send(ControlKind::Channel, keeper.said, ends->second.get());
  // Either of them is ending then, and the next life brings the next pair.
  if (!done) log::warn("warden.channel_not_taken", {{"error", done.error()}});
}

void Warden::Impl::hear(Ward& ward) {
  auto message = ward.child.control.receive(Clock::now());
  if (message && message->kind == ControlKind::Ready && !ward.ready_at) return ready(ward, std::move(message->text));
  if (message && message->kind == ControlKind::Again && &ward == &gate) {
    if (!stopping && keeper.serves() && since(connected) >= kBetweenChannels) connect();
    return;
  }
  if (message && &ward == &gate && library.hears(message->kind)) return library.obey(message->kind, gate.child.control);
  if (!message && message.error().code == ErrorCode::Timeout) return;
  // Gone, or not what a child of ours says: its end is reported by waitpid().
  if (message || message.error().code == ErrorCode::BadInput)
    log::error("warden.not_a_message", {{"child", ward.plan.name}, {"action", "it is killed"}});
  if (message || message.error().code == ErrorCode::BadInput) (void)::kill(ward.child.pid, SIGKILL);
  ward.child.control = Control(UniqueFd());
}

void Warden::Impl::ready(Ward& ward, std::string text) {
  ward.ready_at = Clock::now();
  ward.said = std::move(text);
  if (stopping) return;
  if (&ward == &keeper) {
    if (gate.runs()) return connect();
    if (!gate.start_at) start(gate);
    if (gate.runs()) connect();
    return;
  }
  auto ports = read_ports(ward.said);
  const Status shown = ports ? options.serving(*ports) : Status(fail(ports.error()));
  if (!shown) {
    log::error("warden.ports_not_shown", {{"error", shown.error()}});
    return give_up(kCannotGoOn);
  }
  if (!std::exchange(was_ready, true)) notify("READY=1\nSTATUS=serving");
}

void Warden::Impl::reap() {
  library.reap(gate.child.control);
  for (Ward* ward : {&gate, &keeper}) {
    int how = 0;
    if (ward->runs() && ::waitpid(ward->child.pid, &how, WNOHANG) == ward->child.pid) ended(*ward, how);
  }
}

void Warden::Impl::ended(Ward& ward, int how) {
  const bool served = ward.serves();
  ward.child = Child{};
  if (&ward == &gate) library.end();  // its channel has ended anyway
  if (&ward == &gate) options.not_serving();
  if (stopping) {
    if (how != 0) log::warn("warden.ended", {{"child", ward.plan.name}, {"how", describe_end(how)}});
    kill_at.reset();
    return stop_next();
  }
  // A child that refuses to start has said why, and that stays the last word.
  if (!was_ready && !served && WIFEXITED(how) && WEXITSTATUS(how) != 0) return give_up(WEXITSTATUS(how));
  log::error("warden.ended", {{"child", ward.plan.name},
                              {"how", describe_end(how)},
                              {"uptime_ms", since(ward.started).count()},
                              {"meaning", WIFSIGNALED(how) && WTERMSIG(how) == SIGSYS ? "a system call that only an intruder makes"
                                                                                      : "see the lines before"}});
  if (!was_ready && !served) return give_up(kCannotGoOn);
  restart_later(ward);
}

void Warden::Impl::restart_later(Ward& ward) {
  const auto served = ward.ready_at ? std::optional(since(*ward.ready_at)) : std::nullopt;
  ward.ready_at.reset();
  const auto delay = ward.policy.ended(served);
  if (!delay) {
    log::error("warden.gives_up", {{"child", ward.plan.name},
                                   {"reason", "it ended " + std::to_string(ward.policy.early_ends()) +
                                                  " times in a row soon after its start; the lines before say how"}});
    return give_up(kCannotGoOn);
  }
  ward.start_at = Clock::now() + *delay;
}

void Warden::Impl::give_up(int with) {
  if (!status) status = with;
  stopping = true;
  gate.start_at.reset();
  keeper.start_at.reset();
  stop_next();
}

/// The gate, which may need the keeper to drain, before the keeper.
void Warden::Impl::stop_next() {
  if (kill_at) return;
  if (gate.runs()) {
    (void)::kill(gate.child.pid, SIGTERM);
    kill_at = Clock::now() + options.gate_grace;
  } else if (keeper.runs()) {
    if (!keeper.child.control.send(ControlKind::Quit)) (void)::kill(keeper.child.pid, SIGKILL);
    kill_at = Clock::now() + options.keeper_grace;
  } else if (!status) {
    status = 0;
  }
}

void Warden::Impl::on_signals() {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGCHLD) {
      reap();
    } else if (info.ssi_signo == SIGHUP) {
      log::info("daemon.reload_ignored",
                {{"reason", "settings are read at start; certificate files and folders are watched by themselves"}});
    } else if (!stopping) {
      log::info("daemon.stopping");
      notify("STOPPING=1");
      give_up(0);
    }
  }
}

void Warden::Impl::on_time() {
  const auto now = Clock::now();
  if (kill_at && now >= *kill_at) {
    Ward& late = gate.runs() ? gate : keeper;
    log::error("warden.killed", {{"child", late.plan.name}, {"reason", "it did not end in time"}});
    if (late.runs()) (void)::kill(late.child.pid, SIGKILL);
    kill_at = now + std::chrono::seconds(10);
  }
  if (stopping) return;
  if (keeper.start_at && now >= *keeper.start_at) start(keeper);
  if (gate.start_at && now >= *gate.start_at) {
    start(gate);
    if (gate.runs() && keeper.serves()) connect();
  }
}

int Warden::Impl::patience() const {
  auto next = Clock::now() + std::chrono::seconds(60);
  for (const auto& at : {keeper.start_at, gate.start_at, kill_at}) {
    if (at) next = std::min(next, *at);
  }
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(next - Clock::now()).count()));
}

void Warden::Impl::turn() {
  std::array<pollfd, 3> on{{{signals.get(), POLLIN, 0}, {keeper.child.control.fd(), POLLIN, 0}, {gate.child.control.fd(), POLLIN, 0}}};
  if (::poll(on.data(), on.size(), patience()) > 0) {
    if (on[1].revents != 0) hear(keeper);
    if (on[2].revents != 0) hear(gate);
    if (on[0].revents != 0) on_signals();
  }
  on_time();
}

Warden::Warden(Options options) : m_impl(std::make_unique<Impl>(std::move(options))) {}
Warden::~Warden() {
  for (const Ward* ward : {&m_impl->gate, &m_impl->keeper}) {
    if (ward->runs()) (void)::kill(ward->child.pid, SIGKILL);
  }
}

int Warden::run() {
  if (const Status opened = m_impl->open_signals(); !opened) {
    log::error("warden.cannot_start", {{"error", opened.error()}});
    return kCannotGoOn;
  }
  m_impl->start(m_impl->keeper);
  while (!m_impl->status || m_impl->gate.runs() || m_impl->keeper.runs()) m_impl->turn();
  return *m_impl->status;
}

}  // namespace postern::warden
