// Listening sockets: one per loop (or per one of the last, `loops`) with SO_REUSEPORT, so that the kernel spreads connections and no loop
// hands work to another. While there are but one or two at a time, they all come in at the first: what the loops have to say to each other
// would cost more than they do.
//
// Limits: connections in all and per peer (an IPv6 peer counts by its /64). A connection over a limit is told why by `refuse` and closed.
// Running out of descriptors does not stop the listener: a reserve descriptor is given up to accept and close what waits, logged at most
// once a second.
// Binding first checks, without SO_REUSEPORT, that the port is free: two daemons never share a port by mistake.
// A listener of one interface (`device`) is looked after every second: when the interface is down or has lost the address, nobody gets in
// and stats() says why; when it is gone, the sockets are closed, and bound anew when one of that name is there again (it has another
// index). No other road leads in meanwhile. Open sessions are left alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/endpoint.hpp"
#include "io/loops.hpp"
#include "io/stream.hpp"

namespace postern::io {

enum class Refusal {
  TooMany,          ///< max_connections
  TooManyFromPeer,  ///< max_per_peer
  NoDescriptors,    ///< EMFILE or ENFILE
};

struct ListenOptions {
  std::string name;  ///< For the log: "smtp-mx".
  Endpoint address;  ///< Port 0: the first bind picks one, the others join it; see local().
  int backlog = 1024;
  std::size_t max_connections = 10000;
  std::size_t max_per_peer = 1000;  ///< Unix peers are exempt, and those of `unlimited`.
  std::vector<IpNetwork> unlimited;
  std::size_t loops = 0;  ///< Sessions run on so many loops, the last ones; 0: on all.
  std::string device;     ///< Only this interface, which must be there, up, and have the address (see device.hpp). Empty: any.
  /// A listening TCP socket that was made elsewhere, in another network namespace (listening.hpp), taken over; -1: none. Then `address`
  /// does not count, and when its `device` is made anew the socket stays useless: stats() says to start the daemon again.
  int socket = -1;
  /// The text to send (best effort, at most 512 bytes) before a refused connection is closed, such as "421 4.3.2 ...\r\n". May be empty.
  std::function<std::string(Refusal)> refuse;
};

struct ListenerStats {
  std::size_t active = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t descriptor_shortages = 0;
  std::string device;   ///< As in ListenOptions.
  std::string trouble;  ///< Why nobody comes in by it now, and what to do; empty: they do.
};

class Listener {
 public:
  /// Runs on the loop that accepted, one coroutine for each connection. Called on many loops at once, so it must not hold unguarded shared
  /// state. It may be a capturing lambda: the object lives until the last of its coroutines has returned.
  using Handler = std::function<Task<void>(Stream)>;

  /// Binds at once (errors name the address and the reason: Conflict when in use, Denied when not permitted); accepting begins when the
  /// loops run. A Unix socket path is replaced when nobody listens on it, made with mode 0660, and removed at the end.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(Loops& loops, ListenOptions options, Handler handler);
  /// stop_accepting(), then aborts what still runs. Sessions hold their own parts, so it may be destroyed before they have returned.
  ~Listener();

  /// The bound address with its real port.
  [[nodiscard]] const Endpoint& local() const noexcept;
  [[nodiscard]] ListenerStats stats() const;

  /// Closes the listening sockets. Any thread.
  void stop_accepting();
  /// stop_accepting(), tells every session that we drain (Stream::draining), waits until they have ended or the deadline passes, then
  /// aborts the rest. Returns how many had to be aborted.
  [[nodiscard]] Task<std::size_t> drain(SteadyTime deadline);

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> m_impl;
};

/// Octets that stand for whoever is behind this address, for counting by it as max_per_peer does. Empty for a Unix socket.
[[nodiscard]] std::string subscriber_key(const Endpoint& peer);

}  // namespace postern::io
