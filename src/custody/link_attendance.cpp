// Loops that read for a link: their answers come where they are awaited, without a thread in between.
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "custody/link_impl.hpp"

namespace postern::custody {
namespace {

using Steady = std::chrono::steady_clock;

/// After the last sign of life of a loop the thread sleeps for good: flush() has to wake it.
constexpr std::chrono::seconds kLooks{1};
constexpr int kSeldom = 10;

}  // namespace

Link::Impl::Watch::Watch() : m_fd(::epoll_create1(EPOLL_CLOEXEC)) {
  if (m_fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Link::Impl::Watch::~Watch() { ::close(m_fd); }

void Link::Impl::Watch::add(const Channel& channel) noexcept {
  epoll_event on{};
  on.events = EPOLLIN;
  (void)::epoll_ctl(m_fd, EPOLL_CTL_ADD, channel.fd(), &on);
}

void Link::Impl::Watch::remove(const Channel& channel) noexcept { (void)::epoll_ctl(m_fd, EPOLL_CTL_DEL, channel.fd(), nullptr); }

/// With the lock, before the thread sleeps. While a call is under way for long, it looks less often.
SteadyTime Link::Impl::next_look_at_loops(SteadyTime now) {
  if (std::exchange(attended.seen, attended.turns) != attended.turns) attended.look_until = now + kLooks;
  const bool often = now < attended.look_until;
  attended.looks = often || (attended.by != 0 && async > 0);
  if (!attended.looks) return SteadyTime::max();
  return now + (often ? options.neglect : kSeldom * options.neglect);
}

/// Whether the loop that attends has done nothing while the thread slept.
bool Link::Impl::is_neglected(std::uint64_t turns_before, SteadyTime since) const {
  if (attended.by == 0 || attended.turns != turns_before || (async == 0 && followers.empty())) return false;
  return attended.looks && Steady::now() - since >= options.neglect;
}

Link::Attendance Link::offer_to_attend() {
  Impl& impl = *m_impl;
  const std::lock_guard lock(impl.mutex);
  Impl::Attended& attended = impl.attended;
  if (impl.stop || !impl.line || impl.async == 0 || attended.by != 0) return 0;
  if (impl.line->leader == Line::Leader::Caller) return 0;  // reads for all
  attended.by = ++attended.latest;
  attended.turns += 1;
  if (impl.line->leader == Line::Leader::ThreadInPoll) impl.bell.ring();  // it leaves it to the loop
  return attended.by;
}

bool Link::attend(Attendance mine) {
  Impl& impl = *m_impl;
  Finished finished;
  Impl::Lock lock(impl.mutex);
  const LinePtr held = impl.line;
  if (mine == 0 || impl.attended.by != mine || !held) return false;
  impl.attended.turns += 1;
  if (held->leader == Line::Leader::Thread) return true;  // it stops now that the loop is there
  if (held->leader == Line::Leader::Caller) {             // may wait for long; then the thread
    impl.attended.by = 0;
    return false;
  }
  held->leader = Line::Leader::Loop;
  lock.unlock();
  const Impl::Read got = impl.read(*held);
  lock.lock();
  held->leader = Line::Leader::None;
  impl.attended.turns += 1;
  const bool goes_on = got != Impl::Read::Broken && impl.async > 0 && impl.attended.by == mine;
  if (!goes_on && impl.attended.by == mine) impl.attended.by = 0;
  if (got == Impl::Read::Broken) impl.drop(held, finished);
  if (impl.line == held) impl.hand_over(*held);
  lock.unlock();
  deliver(finished);
  return goes_on;
}

int Link::watched() const noexcept { return m_impl->watch.fd(); }

}  // namespace postern::custody
