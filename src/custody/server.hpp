// The keeper's side of one channel: reads requests, runs them as the channel's role may, answers.
//
//   Result<Channel> channel = Channel::adopt(fd);
//   KeeperServer server(*std::move(channel), {.role = Role::Gate, .keeper = keeper, .engine = vault_engine(core)});
//   const Status why = server.run();          // until the gate goes, breaks the protocol, or stop()
//
// Threads: run() works on the caller's thread and answers what takes microseconds there; the rest runs on a pool of its own, whose threads
// start with the first request that needs one. All replies that are ready go with one system call. A signature that comes alone, after a
// while without requests, is made on the caller's thread as well: until it is done, about a millisecond, nothing else is read, and
// what came with it, if that is little, is the pool's.
//
// Bounds: at most `requests` and `bytes` wait or run; beyond that nothing is read, so that the gate's writes wait. Replies that the gate
// does not read are gathered up to `unsent`; beyond that nothing is begun. So one channel takes at most about
// bytes + unsent + (workers + 1) * (kMaxFrame + one decoded request) of memory, whatever the other side does.
// Replies of the key engine are held, `requests` of them at most, until audit has recorded their lines, or its devices have failed.
// What is not this protocol ends the channel, with a line in the log; nothing that comes over a channel can do more than that.
// System calls: adopt() getsockopt, getpeername, fcntl; the constructor eventfd2, sched_getaffinity; run() recvfrom, sendmsg, ppoll,
// shutdown, read and write of the event, futex, sched_setaffinity of its own threads, and those of a thread's start (clone3 and memory)
// with the first slow requests.
#pragma once

#include <atomic>
#include <memory>

#include "custody/channel.hpp"
#include "custody/dispatcher.hpp"

namespace postern::custody {

struct ServerOptions {
  std::size_t workers = 2;
  std::size_t requests = 1024;         ///< That wait for a worker.
  std::size_t bytes = 64U << 20;       ///< Of them.
  std::size_t unsent = 8U << 20;       ///< Replies that the gate has not taken.
  std::chrono::microseconds spin{20};  ///< Looks again this long before it sleeps, while that pays off; 0: never.
  std::chrono::seconds greeting{10};   ///< For the first frame.
};

struct ServerCounts {
  std::uint64_t quick = 0, pooled = 0, expired = 0;
  std::uint64_t own = 0;     ///< Of `pooled` those that needed no worker after all.
  std::uint64_t asleep = 0;  ///< Times that audit devices sent what had waited for them, and the channel's thread slept on.
};

class KeeperServer {
 public:
  /// What `parts` refers to must outlive it.
  KeeperServer(Channel channel, ServerParts parts, ServerOptions options = {});
  /// Waits for the pool. run() must have returned.
  ~KeeperServer();
  KeeperServer(const KeeperServer&) = delete;
  KeeperServer& operator=(const KeeperServer&) = delete;

  /// Once. Success when the gate closed or stop() was called; BadInput or TooLarge when it broke the protocol; Conflict when it is of
  /// another build; Timeout when it did not greet. Requests that were running are finished first, their replies dropped.
  [[nodiscard]] Status run();
  /// From any thread; run() returns soon.
  void stop() noexcept;
  [[nodiscard]] ServerCounts counts() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::custody
