#include "control_desk.hpp"

#include <algorithm>
#include <charconv>

#include "base/log.hpp"

namespace postern::daemon {
namespace {

using warden::ControlKind;
using namespace std::chrono_literals;

constexpr auto kTurn = 250ms;         // how long the thread does not look whether it is to end
constexpr auto kLaunchTime = 5s;      // the warden forks
constexpr auto kKilledTime = 2s;      // from a kill to its report
constexpr std::size_t kChannels = 8;  // older ones have been replaced

SteadyTime after(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

std::string words_of(const std::string& status) {
  int how = 0;
  std::from_chars(status.data(), status.data() + status.size(), how);
  return sdk::words_of_end(how);
}

}  // namespace

ControlDesk::ControlDesk(UniqueFd socket) : m_control(std::move(socket)), m_thread([this] { hear(); }) {}

ControlDesk::~ControlDesk() {
  {
    const std::lock_guard lock(m_mutex);
    m_stopping = true;
  }
  m_thread.join();
}

void ControlDesk::hear() {
  for (;;) {
    auto message = m_control.receive(after(kTurn));
    const std::lock_guard lock(m_mutex);
    if (m_stopping) return;
    if (!message && message.error().code == ErrorCode::Timeout) continue;
    if (message) {
      take(*std::move(message));
    } else {
      m_fault = message.error();
    }
    m_changed.notify_all();
    if (m_fault && m_fault->code == ErrorCode::Unavailable) return;  // the warden is gone, and so are we
  }
}

/// With m_mutex held.
void ControlDesk::take(warden::ControlMessage message) {
  switch (message.kind) {
    case ControlKind::Channel:
      m_channels.push_back(std::move(message));
      if (m_channels.size() > kChannels) m_channels.pop_front();
      return;
    case ControlKind::Library: m_library_end.reset(); [[fallthrough]];  // what ended until now was the one before
    case ControlKind::NoLibrary: m_library = std::move(message); return;
    case ControlKind::LibraryEnded: m_library_end = words_of(message.text); return;
    default: m_fault = Error{ErrorCode::BadInput, "the warden sent what is not for the gate", {}};
  }
}

Result<warden::ControlMessage> ControlDesk::next_channel(SteadyTime deadline) {
  Lock lock(m_mutex);
  (void)m_changed.wait_until(lock, deadline, [&] { return !m_channels.empty() || m_fault; });
  if (m_channels.empty() && m_fault) {
    Error fault = *m_fault;
    if (fault.code != ErrorCode::Unavailable) m_fault.reset();  // said once
    return fail(std::move(fault));
  }
  if (m_channels.empty()) return fail(ErrorCode::Timeout, "no channel came");
  warden::ControlMessage out = std::move(m_channels.front());
  m_channels.pop_front();
  return out;
}

Result<sdk::Launched> ControlDesk::launch_library() {
  Lock lock(m_mutex);
  m_library.reset();
  m_library_end.reset();
  POSTERN_CHECK(m_control.send(ControlKind::Launch));
  if (!m_changed.wait_until(lock, after(kLaunchTime), [&] { return m_library.has_value(); }))
    return fail(ErrorCode::Timeout, "the warden did not start its process", "transport.sdk");
  warden::ControlMessage answer = *std::exchange(m_library, std::nullopt);
  if (answer.kind != ControlKind::Library)
    return fail(ErrorCode::Unavailable, "the warden does not start its process: " + answer.text, "transport.sdk");
  sdk::Launched out;
  out.channel = std::move(answer.channel);
  out.output = std::move(answer.output);
  out.errors = std::move(answer.errors);
  out.end = [this](SteadyTime deadline) { return end_library(deadline); };
  return out;
}

/// The process ends with its channel, unless it hangs.
std::string ControlDesk::end_library(SteadyTime deadline) {
  Lock lock(m_mutex);
  const auto ended = [&] { return m_library_end.has_value(); };
  if (m_changed.wait_until(lock, deadline, ended)) return *m_library_end;
  (void)m_control.send(ControlKind::EndLibrary);
  (void)m_changed.wait_until(lock, after(kKilledTime), ended);
  return "was ended: it did not answer";
}

}  // namespace postern::daemon
