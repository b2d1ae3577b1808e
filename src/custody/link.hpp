// The gate's side of one channel: many callers share it, and it comes back by itself when the keeper was restarted.
//
// Writing: who has something to say while another writes leaves it with him; it goes with his next system call. Reading: one of the
// callers that wait reads for all (the one that is alone reads for itself, without a change of threads); when only asynchronous calls are
// under way, the link's own thread reads, or an event loop that has offered to (attend()). Idle, nothing runs.
//
// A channel that breaks is replaced from the source, by the link's thread. What was under way: calls that may be repeated are sent again
// within their deadline, at most kAttempts times; of others that may have been sent the outcome is unknown, and they say so; what was
// not sent yet is sent then. Nothing waits longer than its deadline.
//
// Threads: every function from any thread. Completions are called without locks, from the link's thread, that of another caller or a loop
// that attends: they must be short and must not call anything blocking here. Bounds: LinkOptions; beyond them calls are refused at once
// (Exhausted). The destructor waits for the thread and answers what is left with Unavailable; no blocking call may be under way then.
#pragma once

#include <functional>
#include <memory>

#include "custody/calls.hpp"
#include "custody/channel.hpp"

namespace postern::custody {

struct Pending;

/// Waits until `deadline` for the next channel to a keeper. Timeout: there is none yet, it is asked again. Other errors are logged, and it
/// is asked again after a pause. Called from one thread; must not wait longer than told.
using ChannelSource = std::function<Result<Channel>(SteadyTime deadline)>;

struct LinkOptions {
  std::size_t calls = 8192;        ///< Under way at once.
  std::size_t bytes = 256U << 20;  ///< Of them.
  std::chrono::microseconds spin{20};
  std::chrono::milliseconds greeting{5000};  ///< For a keeper's first frame.
  std::chrono::milliseconds source_turn{250};
  std::chrono::milliseconds pause{100};  ///< After a channel that could not be used.
  std::chrono::milliseconds neglect{5};  ///< A loop that attends and has not done so for this long is busy with something else.
};

struct LinkCounts {
  std::uint64_t channels = 0, calls = 0, writes = 0, resent = 0, unknown = 0;
  std::uint64_t changes = 0;  ///< Calls of Nature::Changes that came to an end, whatever it was.
};

class Link {
 public:
  static constexpr int kAttempts = 8;  ///< A call on which keepers die is not given to each new one for ever.

  /// The body of the reply, or an error as of call(). What it points to is wiped after the call.
  using Done = std::function<void(const Result<ByteView>&)>;
  struct Order {
    WipedBytes frame;  ///< From begin_request(); id and patience are filled in.
    SteadyTime deadline;
    Nature nature = Nature::Changes;
    bool quick = false;        ///< The answer is likely to come within microseconds.
    std::string_view name{};   ///< For texts: the call; static.
    std::string_view check{};  ///< For texts: how to find out whether a lost call happened; static.
  };

  explicit Link(ChannelSource source, LinkOptions options = {});
  /// stop().
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// The body of the reply, behind its head. Errors: the keeper's own; Unavailable (no keeper within the deadline, or the outcome is
  /// unknown), Exhausted, and Conflict for a keeper of another build.
  [[nodiscard]] Result<WipedBytes> call(Order order);

  /// A call on its way, whose outcome its owner asks for when he needs it: land(), once. Dropped without that, the answer is thrown away
  /// when it comes. Must not outlive the link.
  class Flight;
  enum class Send { Now, Later };
  [[nodiscard]] Result<Flight> begin(Order order, Send when = Send::Now);

  /// The same without waiting. Later: flush(), or what is sent next, sends it, so that what a loop has to say in one round goes at once.
  void post(Order order, Done done, Send when = Send::Now);
  void flush();

  /// For an event loop with asynchronous calls under way, so that their answers come where they are awaited: offer_to_attend(), before
  /// flush(), and then attend() each time that poll() finds watched() readable, until it says false. Zero: another loop attends, or there
  /// is nothing to read. A loop that is busy with something else does not hold up the others: the thread reads then.
  using Attendance = std::uint64_t;
  [[nodiscard]] Attendance offer_to_attend();
  /// Reads and completes what has come; its completions are called before it returns. False: that attendance is over.
  [[nodiscard]] bool attend(Attendance mine);
  /// The same descriptor for the life of the link.
  [[nodiscard]] int watched() const noexcept;

  /// Answers what is left with Unavailable, and every later call at once. Afterwards nothing is called from the link's thread, so that
  /// loops to which completions post may go. Not from a completion, and not from two threads at a time.
  void stop() noexcept;
  /// Whether a channel is there.
  [[nodiscard]] bool is_up() const;
  [[nodiscard]] LinkCounts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

class Link::Flight {
 public:
  Flight(Impl& link, std::shared_ptr<Pending> call) noexcept : m_link(&link), m_call(std::move(call)) {}
  Flight(Flight&&) noexcept = default;
  Flight& operator=(Flight&&) = delete;
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  ~Flight();

  /// As Link::call().
  [[nodiscard]] Result<WipedBytes> land() &&;

 private:
  Impl* m_link;
  std::shared_ptr<Pending> m_call;  ///< Null: landed.
};

}  // namespace postern::custody
