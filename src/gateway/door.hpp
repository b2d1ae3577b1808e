// A listening door: the thin coroutine between a Stream and a ServerSession engine. One Door serves all connections of one listener.
//
// What the protocol allows is the engine's business, what may enter is the Reception's; here are only waiting, TLS and bytes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "gateway/arrival.hpp"
#include "identity/users.hpp"
#include "io/endpoint.hpp"
#include "io/stream.hpp"
#include "smtp/server_session.hpp"

namespace postern::gateway {

/// What decides about logins, senders, recipients and messages. Called on the loop of the connection; must be safe from many at once.
class Reception {
 public:
  virtual ~Reception() = default;
  /// Who asks, for audit: the road as far as it is known.
  /// An error is the store's trouble, not the user's: 454.
  [[nodiscard]] virtual io::Task<Result<std::optional<User>>> find_user(std::string name) = 0;
  /// PLAIN and LOGIN. False also when there is no such user; takes as long either way.
  [[nodiscard]] virtual io::Task<Result<bool>> check_password(std::string user, SecretBytes password) = 0;
  /// Returns when the audit record is durable; the client is answered after that.
  [[nodiscard]] virtual io::Task<void> login_ended(Road road, std::string user, std::string mechanism, bool success) = 0;
  /// An empty reply code means yes.
  [[nodiscard]] virtual smtp::Reply check_sender(const Road& road, const smtp::MailFrom& from) = 0;
  [[nodiscard]] virtual smtp::Reply check_recipient(const Road& road, const smtp::RcptTo& to) = 0;
  /// Takes responsibility: answers one reply per recipient, all alike unless LMTP makes them differ. Positive only when the message and its
  /// audit record are durable.
  [[nodiscard]] virtual io::Task<std::vector<smtp::Reply>> take(Arrival arrival) = 0;
  /// For a message that came on this road, of a session that is alone; it gets its id. Null: there is none. Must not wait.
  [[nodiscard]] virtual std::shared_ptr<KeyAhead> key_ahead(const Road& /*road*/) { return nullptr; }
  /// After every take(): its answer is on the way, or there is nobody left to get it. `lone`: as its Arrival.
  virtual void answered(bool /*lone*/) noexcept {}
};

struct DoorOptions {
  std::string name;
  std::shared_ptr<const smtp::ServerOptions> smtp;
  /// What new handshakes use; asked for each, so that a renewed certificate needs no restart. Empty when TLS is off. Any loop.
  std::function<io::SslContext()> tls;
  bool implicit_tls = false;
  io::PeerJudge judge_client;  ///< Of clients that show a certificate; a handshake that it refuses has failed.
  std::vector<io::IpNetwork> proxy_from;
  std::vector<io::IpNetwork> relay_from;
  std::chrono::seconds handshake{30};
  std::chrono::seconds write{180};
};

struct DoorStats {
  std::atomic<std::uint64_t> sessions{0};
  std::atomic<std::uint64_t> handshakes_failed{0};
  std::atomic<std::uint64_t> logins_failed{0};
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> closed_for_abuse{0};
  std::atomic<std::uint64_t> closed_by_timeout{0};
};

class Door {
 public:
  Door(DoorOptions options, Reception& reception, const Clock& clock, Random& random)
      : m_options(std::move(options)), m_reception(reception), m_clock(clock), m_random(random) {}

  /// One connection, from accept to close. The Door must outlive it.
  [[nodiscard]] io::Task<void> serve(io::Stream stream);

  [[nodiscard]] const DoorOptions& options() const noexcept { return m_options; }
  [[nodiscard]] const DoorStats& stats() const noexcept { return m_stats; }

 private:
  class Visit;
  DoorOptions m_options;
  Reception& m_reception;
  const Clock& m_clock;
  Random& m_random;
  DoorStats m_stats;
};

}  // namespace postern::gateway
