// One connection of a Server. Inside this room.
#pragma once

#include <atomic>
#include <memory>

#include "http/server.hpp"

namespace postern::http {

/// Bodies of all connections together.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t most) : m_most(most) {}
  [[nodiscard]] bool take(std::size_t bytes) {
    if (m_used.fetch_add(bytes) + bytes <= m_most) return true;
    m_used -= bytes;
    return false;
  }
  void give(std::size_t bytes) { m_used -= bytes; }

 private:
  std::size_t m_most;
  std::atomic<std::size_t> m_used{0};
};

/// What connections share.
struct Shared {
  ServerOptions options;
  Handler handler;
  BodyBudget bodies;
  std::atomic<bool> stopping{false};

  Shared(ServerOptions o, Handler h) : options(std::move(o)), handler(std::move(h)), bodies(options.limits.body_bytes_total) {}
};

/// Requests one after the other, pipelined ones in their order, until one side has enough.
[[nodiscard]] io::Task<void> serve(std::shared_ptr<Shared> shared, io::Stream stream);

}  // namespace postern::http
