// For tests: a road between two peers on loopback that cuts connections after so many octets, and keeps what went over them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace postern::io::testing {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}
inline UniqueFd connected(std::uint16_t port) {
  UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in where = loopback(port);
  if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return {};
  const int on = 1;
  ::setsockopt(out.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return out;
}
/// A port of the loopback that nobody has now.
inline std::uint16_t free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in where = loopback(0);
  socklen_t size = sizeof where;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0) return 0;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0) return 0;
  return ntohs(where.sin_port);
}
/// So that closing it is a reset, as after a crash.
inline void reset(UniqueFd& socket) {
  const linger hard{1, 0};
  if (socket.get() >= 0) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket.reset();
}

class BadRoad {
 public:
  enum Way : std::size_t { ToServer, ToClient };
  struct Cut {
    Way way = ToServer;
    std::size_t after = 0;  ///< Octets that still pass.
  };

  BadRoad() : m_listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in any = loopback(0);
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    ::bind(m_listener.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any);
    ::listen(m_listener.get(), 64);
    ::getsockname(m_listener.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    m_port = ntohs(bound.sin_port);
    m_acceptor = std::thread([this] { accept(); });
  }
  ~BadRoad() {
    m_ending = true;
    ::shutdown(m_listener.get(), SHUT_RDWR);
    m_acceptor.join();
    for (std::thread& each : m_pumps) each.join();
  }
  [[nodiscard]] std::uint16_t port() const { return m_port; }

  std::atomic<std::uint16_t> target{0};
  std::atomic<std::size_t> fired{0};  ///< Cuts that happened.
  std::atomic<bool> half{false};      ///< The server does not hear of cuts, until cut_all().
  /// For the next connection; taken by it.
  void arm(Cut cut) {
    const std::lock_guard lock(m_mutex);
    m_next = cut;
  }
  /// Resets every connection there is; when it returns, those that are there have come since.
  void cut_all() {
    const unsigned now = ++m_epoch;
    for (;;) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      const std::lock_guard lock(m_mutex);
      if (m_running.empty() || *m_running.begin() >= now) return;
    }
  }
  /// What went this way over the last connection.
  [[nodiscard]] Bytes passed(Way way) {
    const std::lock_guard lock(m_mutex);
    return m_passed.at(way);
  }

 private:
  void accept() {
    for (;;) {
      UniqueFd client(::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() < 0) return;
      UniqueFd server = connected(target);
      if (server.get() < 0) {
        reset(client);
        continue;
      }
      std::optional<Cut> cut;
      const unsigned epoch = m_epoch;
      {
        const std::lock_guard lock(m_mutex);
        cut = std::exchange(m_next, std::nullopt);
        m_passed = {};
        m_running.insert(epoch);
      }
      m_pumps.emplace_back([this, a = std::move(client), b = std::move(server), cut, epoch]() mutable {
        pump({std::move(a), std::move(b)}, cut, epoch);
        const std::lock_guard lock(m_mutex);
        m_running.erase(m_running.find(epoch));
      });
    }
  }
  void pump(std::array<UniqueFd, 2>&& sockets, std::optional<Cut> cut, unsigned epoch) {
    constexpr int kLook = 2;  // milliseconds
    std::array<Byte, 16384> buffer{};
    while (!m_ending && m_epoch == epoch) {
      std::array<pollfd, 2> wanted{pollfd{sockets[0].get(), POLLIN, 0}, pollfd{sockets[1].get(), POLLIN, 0}};
      ::poll(wanted.data(), wanted.size(), kLook);
      for (const Way way : {ToServer, ToClient}) {
        if (wanted.at(way).revents == 0) continue;
        const ssize_t got = ::recv(sockets.at(way).get(), buffer.data(), buffer.size(), 0);
        if (got <= 0 || !pass(sockets.at(1 - way), ByteView(buffer).first(static_cast<std::size_t>(got)), way, cut)) {
          reset(sockets[0]);
          while (half && !m_ending && m_epoch == epoch) std::this_thread::sleep_for(std::chrono::milliseconds(kLook));
          reset(sockets[1]);
          return;
        }
      }
    }
    reset(sockets[0]);
    reset(sockets[1]);
  }
  /// False: the connection is to be cut.
  bool pass(const UniqueFd& to, ByteView octets, Way way, std::optional<Cut>& cut) {
    bool goes_on = true;
    if (cut && cut->way == way) {
      goes_on = octets.size() < cut->after;
      octets = octets.first(std::min(octets.size(), cut->after));
      cut->after -= octets.size();
    }
    {
      const std::lock_guard lock(m_mutex);
      append(m_passed.at(way), octets);
    }
    for (ByteView left = octets; !left.empty();) {
      const ssize_t sent = ::send(to.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      left = left.subspan(static_cast<std::size_t>(sent));
    }
    if (!goes_on) ++fired;
    return goes_on;
  }

  UniqueFd m_listener;
  std::uint16_t m_port = 0;
  std::atomic<bool> m_ending{false};
  std::atomic<unsigned> m_epoch{0};
  std::mutex m_mutex;
  std::optional<Cut> m_next;
  std::array<Bytes, 2> m_passed;
  std::multiset<unsigned> m_running;  ///< Epochs of the connections there are.
  std::thread m_acceptor;
  std::list<std::thread> m_pumps;
};

}  // namespace postern::io::testing
