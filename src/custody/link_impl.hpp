// Inside of link.hpp: the state, and who does what under which lock.
//
// One mutex guards everything here except what is handed to one thread: a Line's outbox belongs to whoever set `writing`, its reader and
// spin to the leader; a Pending that was taken out of `under_way` belongs to whoever took it out, until it is delivered. A Line that
// broke is dropped from `line`; who still has it in hand finds that out when he takes the lock again.
#pragma once

#include <mutex>
#include <thread>
#include <unordered_map>

#include "custody/link.hpp"
#include "custody/nudge.hpp"

namespace postern::custody {

/// One call under way.
struct Pending {
  Pending(Link::Order given, Link::Done then) : order(std::move(given)), size(order.frame.size()), done(std::move(then)) {}

  Link::Order order;
  const std::size_t size;
  const Link::Done done;  ///< Empty: a blocking call, which `nudge` wakes.
  std::uint64_t id = 0;
  int attempts = 0;             ///< Times that it was given to a channel.
  bool in_queue = false;        ///< Not given to the present channel yet.
  bool taken = false;           ///< Out of `under_way`.
  std::size_t seat = SIZE_MAX;  ///< Among the followers.
  Result<WipedBytes> outcome = fail(ErrorCode::Internal, "no outcome");
  Nudge nudge;
};
using PendingPtr = std::shared_ptr<Pending>;
using Finished = std::vector<PendingPtr>;

/// Tells those who wait. Without locks.
void deliver(Finished& finished);

/// One channel in use.
struct Line {
  Line(Channel end, std::chrono::microseconds longest) : channel(std::move(end)), spin(longest) {}
  Channel channel;
  FrameReader reader;
  Outbox outbox;
  Spin spin;
  bool writing = false;  ///< Somebody writes, or the thread will go on with it.
  bool stuck = false;    ///< The socket is full: the thread goes on when it is not.
  /// Who reads. The thread in poll() has not begun to: a loop may take the place from it.
  enum class Leader { None, Caller, Loop, Thread, ThreadInPoll } leader = Leader::None;
  [[nodiscard]] bool led() const noexcept { return leader != Leader::None; }
};
using LinePtr = std::shared_ptr<Line>;

struct Link::Impl {
  using Lock = std::unique_lock<std::mutex>;
  Impl(ChannelSource from, LinkOptions given) : source(std::move(from)), options(given) {}

  // link.cpp: calls.
  [[nodiscard]] Status admit(const PendingPtr& pending);
  void await(Lock& lock, const PendingPtr& mine);
  void lead(Lock& lock, const LinePtr& held, const PendingPtr& mine);  ///< `held` is the caller's own copy: `line` may change.
  void sit(Pending& pending);
  void stand_up(Pending& pending);
  void take_out(const PendingPtr& pending);
  void give_up(const PendingPtr& pending, Finished& finished);
  [[nodiscard]] Error lost(const Pending& pending, bool late) const;

  // link_line.cpp: one channel.
  void write_out(Lock& lock);
  void load(Line& into);
  void resume(Lock& lock, const LinePtr& with);
  enum class Read { Something, Nothing, Broken };
  [[nodiscard]] Read read(Line& from) noexcept;  // without the lock
  [[nodiscard]] Read read_or_throw(Line& from);
  void hand_over(Line& of);
  [[nodiscard]] bool needs_reader() const { return line && !line->led() && attended.by == 0; }
  /// To read, or to see to it that a loop does.
  [[nodiscard]] bool needs_thread() const { return needs_reader() || (attended.by != 0 && !attended.looks); }
  void drop(const LinePtr& broken, Finished& finished);

  // link_attendance.cpp: loops that read.
  /// Channels of now, in a descriptor that stays.
  class Watch {
   public:
    Watch();
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    void add(const Channel& channel) noexcept;
    void remove(const Channel& channel) noexcept;
    [[nodiscard]] int fd() const noexcept { return m_fd; }

   private:
    int m_fd;
  };
  struct Attended {
    Attendance by = 0;                          ///< Zero: by no loop.
    Attendance latest = 0;                      ///< The last that was given out.
    std::uint64_t turns = 0, seen = 0;          ///< Signs of life of loops; those that the thread knows of.
    SteadyTime look_until = SteadyTime::min();  ///< Until then the thread looks often whether the loop does read.
    bool looks = false;                         ///< And wakes up for that.
  };
  [[nodiscard]] SteadyTime next_look_at_loops(SteadyTime now);
  [[nodiscard]] bool is_neglected(std::uint64_t turns_before, SteadyTime since) const;

  // link_thread.cpp: the link's own thread.
  void run();
  void attend(Lock& lock, const LinePtr& held);  ///< As lead().
  void read_for_others(Lock& lock, const LinePtr& with);
  void connect(Lock& lock);
  [[nodiscard]] Result<LinePtr> greet(Channel channel);
  void expire(Finished& finished);
  void refuse_all(const Error& why, Finished& finished);

  const ChannelSource source;
  const LinkOptions options;

  mutable std::mutex mutex;
  LinePtr line;                                             ///< Null while there is no channel.
  std::vector<PendingPtr> queue;                            ///< Rising ids. May hold some that were taken out.
  std::unordered_map<std::uint64_t, PendingPtr> under_way;  ///< By id, those in the queue as well.
  std::vector<Pending*> followers;                          ///< Blocking callers that wait while another reads.
  std::size_t bytes = 0, async = 0;                         ///< Of what is under way.
  std::uint64_t next_id = 1;
  std::optional<Error> refusal;  ///< The keeper is of another build: what calls are told until it is replaced.
  SteadyTime next_expiry = SteadyTime::max(), linger_until = SteadyTime::min(), asleep_until = SteadyTime::min();
  std::atomic<bool> stop{false};  ///< Set under the mutex.
  LinkCounts counts;

  Attended attended;
  Watch watch;
  Bell bell;  ///< Wakes the thread.
  std::thread thread;
};

}  // namespace postern::custody
