// Between engine threads, which must not wait, and a disk or socket, which may: a bounded queue and one thread that drains it.
//
// The trade-off. A write(2) on the caller's thread would put each line into the kernel before the operation goes on; but on a dead NFS, a
// frozen file system or a full pipe it never returns, and nothing can call that thread back. So lines are copied into memory (about a tenth
// of a microsecond) and one thread writes whole batches. While lines keep coming that thread gathers for `linger` and wakes by itself:
// nobody pays for a wake-up per line, and many lines share one system call. What is risked: a process that is killed loses the lines of
// the last `linger`; the operating system's cache, which holds them next, risks more at a power cut. Who does not accept that takes
// Acknowledge::Drained: write() then waits for its line, at most `deadline`, and pays two thread switches (many callers share them).
//
// What fails closed: after a failed drain every write() is refused at once until a drain succeeded. When the oldest line has waited longer
// than `deadline`, the drain hangs and every write() is refused at once. When the queue is full, too. Lines once taken stay in the queue
// and are drained in order when it goes on; only the end of the process loses them, and then the log says how many bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.hpp"

namespace postern {

/// Carries lines away. Called from the queue's thread only, one call at a time, with all signals blocked; may block.
class LineDrain {
 public:
  struct Outcome {
    std::size_t done = 0;  ///< Bytes from the front, whole lines, that are away for good.
    Status status;         ///< Why not all.
  };
  virtual ~LineDrain() = default;
  /// `lines` are whole lines with their ends.
  [[nodiscard]] virtual Outcome drain(std::string_view lines) = 0;
  /// First call: open or connect. Later: after a failure, with growing pauses.
  [[nodiscard]] virtual Status recover() = 0;
  /// Whether tick() has something to do.
  [[nodiscard]] virtual bool wants_tick() const { return false; }
  /// About every LineQueueOptions::tick while wanted, and after poke().
  [[nodiscard]] virtual Status tick() { return {}; }
  /// The last call: the recorder is closed.
  [[nodiscard]] virtual Status finish() { return {}; }
};

enum class Acknowledge { Queued, Drained };

struct LineQueueOptions {
  std::string name = "audit";     ///< For errors and the log: the device.
  std::size_t bytes = 16U << 20;  ///< Waiting at most; more: Exhausted.
  std::chrono::milliseconds deadline{1000};
  std::chrono::milliseconds first_deadline{0};  ///< Of first_attempt(), when longer: a chain may have much to read then.
  Acknowledge acknowledge = Acknowledge::Queued;
  std::chrono::milliseconds linger{2};
  std::chrono::milliseconds tick{250};
  std::chrono::milliseconds first_pause{50}, longest_pause{5000};  ///< Between attempts to recover; doubles.
};

class LineQueue {
 public:
  /// Starts the thread, which calls recover() first; until that succeeded lines are refused.
  LineQueue(LineQueueOptions options, std::unique_ptr<LineDrain> drain);
  /// Drains what is there, for at most the deadline, then leaves the thread to itself.
  ~LineQueue();
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  /// How the first recover() went; Timeout when it has not come back within the deadline.
  [[nodiscard]] Status first_attempt();
  /// Unavailable (drain fails or hangs), Exhausted (full), TooLarge (a line larger than the queue). With Acknowledge::Drained also when the
  /// line was not confirmed in time: then it may still be written later.
  [[nodiscard]] Status write(std::string_view line);
  /// write() without the wait of Acknowledge::Drained: how many bytes must be away before the line is; 0 with Acknowledge::Queued.
  [[nodiscard]] Result<std::uint64_t> offer(std::string_view line);
  /// Whether so many bytes are away. An error when the drain has failed or hangs.
  [[nodiscard]] Result<bool> has_come_to(std::uint64_t position) const;
  /// Wakes the thread, which calls `bell` after its next step, whatever became of it. The bell must not wait.
  void ring_when_further(std::function<void()> bell);
  [[nodiscard]] bool flush(std::chrono::milliseconds patience);
  /// A tick soon.
  void poke();
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  struct State;
  static void run(const std::shared_ptr<State>& state) noexcept;
  std::shared_ptr<State> m_state;  // shared with the thread, which may outlive this object
  std::thread m_thread;
};

}  // namespace postern
