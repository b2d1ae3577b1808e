#include "warden/library_ward.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/log.hpp"

namespace postern::warden {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBetweenLaunches{20};

/// The end that is read does not wait: the gate polls it.
Result<std::pair<UniqueFd, UniqueFd>> output_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::Unavailable, std::string("pipe: ") + std::strerror(errno));
  (void)::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace

bool LibraryWard::hears(ControlKind kind) const noexcept {
  return m_plan && (kind == ControlKind::Launch || kind == ControlKind::EndLibrary);
}

void LibraryWard::obey(ControlKind kind, Control& gate) {
  if (kind == ControlKind::EndLibrary) return end();
  launch(gate);
}

void LibraryWard::end() noexcept {
  if (m_pid > 0) (void)::kill(m_pid, SIGKILL);
}

void LibraryWard::launch(Control& gate) {
  const bool soon = Clock::now() - m_started < kBetweenLaunches;
  if (m_pid > 0 || soon) {
    (void)gate.send(ControlKind::NoLibrary, m_pid > 0 ? "the process before it has not ended" : "it was started a moment ago");
    return;
  }
  m_started = Clock::now();
  const Status started = start(gate);
  if (started) return;
  log::error("warden.start_failed", {{"child", m_plan->name}, {"error", started.error()}});
  (void)gate.send(ControlKind::NoLibrary, started.error().text().substr(0, kControlText));
}

Status LibraryWard::start(Control& gate) {
  POSTERN_TRY(const auto channel, Control::channel_pair());
  POSTERN_TRY(const auto output, output_pipe());
  POSTERN_TRY(const auto errors, output_pipe());
  ChildPlan plan = *m_plan;
  plan.sockets = {channel.second.get(), output.second.get(), errors.second.get()};
  POSTERN_TRY(const Child child, start_child(plan));
  m_pid = child.pid;
  log::debug("warden.started", {{"child", plan.name}, {"pid", m_pid}});
  const int handed[] = {channel.first.get(), output.first.get(), errors.first.get()};
  return gate.send(ControlKind::Library, {}, handed);  // one that does not take it is ending, and the channel with it
}

void LibraryWard::reap(Control& gate) {
  int how = 0;
  if (m_pid <= 0 || ::waitpid(m_pid, &how, WNOHANG) != m_pid) return;
  m_pid = -1;
  if (how != 0) log::warn("warden.ended", {{"child", m_plan->name}, {"how", describe_end(how)}});
  (void)gate.send(ControlKind::LibraryEnded, std::to_string(how));
}

}  // namespace postern::warden
