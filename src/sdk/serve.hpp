// The child's main loop: one thread reads frames, max_calls of them run requests.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "sdk/session.hpp"
#include "sdk/stream.hpp"

namespace postern::sdk {

inline constexpr std::size_t kMostWaiting = 256;  ///< Requests; more are refused.

class Service {
 public:
  /// `descriptors`: the bound that this process has; near to it, it ends itself to be started anew.
  Service(FrameStream& stream, const Library& library, std::uint32_t descriptors);
  /// Until the channel ends; then the process does, whatever runs.
  [[noreturn]] void run();

 private:
  struct Job {
    std::uint64_t id = 0;
    RequestHead head;
    Bytes body, content;
  };
  /// Of a fetch that runs: how many pieces may still go.
  struct Credit {
    std::uint32_t left = kWindow;
    bool stopped = false;
  };

  void take(Frame frame);
  void take_request(Frame frame);
  void take_content(const Frame& frame);
  void take_credit(const Frame& frame);
  void work();
  [[nodiscard]] Job next_job();
  void finish(const Job& job, const Reply& reply);
  [[nodiscard]] bool give(std::uint64_t id, ByteView piece);
  void refuse(std::uint64_t id, Error error, bool distrust = false);
  void end_if_leaking();
  [[noreturn]] void end();

  FrameStream& m_stream;
  Session m_session;
  const std::uint32_t m_descriptors, m_workers;
  std::mutex m_mutex;
  std::condition_variable m_wake;
  std::deque<Job> m_jobs;
  std::map<std::uint64_t, Credit> m_credits;
  std::map<std::uint64_t, Bytes> m_contents;  ///< Of submissions whose request has not come; the reading thread's.
  std::atomic<std::uint64_t> m_served{0};
};

/// Of this process.
[[nodiscard]] std::size_t open_descriptors() noexcept;

}  // namespace postern::sdk
