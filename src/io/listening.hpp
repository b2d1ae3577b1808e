// How listening sockets come about: checks of the place, options, bind and listen. What accepts on them is Listener.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "io/listener.hpp"

namespace postern::io {

/// `count` sockets that share one address (SO_REUSEPORT), or the one of a Unix path. Errors as of Listener::open().
[[nodiscard]] Result<std::vector<UniqueFd>> open_listening(const ListenOptions& options, std::size_t count);

/// Of sockets that share an address: the one that listened first gets every new connection from now on, or all get some, as at the
/// beginning. False: this kernel does not do that. Connections that wait to be accepted stay where they are.
[[nodiscard]] bool to_first_of_group(int socket) noexcept;
[[nodiscard]] bool to_all_of_group(int socket) noexcept;

/// "mail": /run/netns/mail, where `ip netns` keeps it; what has a slash is the path itself.
[[nodiscard]] std::string namespace_path(const std::string& name);

/// One listening TCP socket of another network namespace, for ListenOptions::socket: made on a thread of its own, which ends with the call,
/// so that no other thread ever is in that namespace. Needs CAP_SYS_ADMIN, and so a process that is not confined yet. Denied, NotFound and
/// BadInput say what to do; the rest as of Listener::open(). The socket keeps the namespace alive.
[[nodiscard]] Result<UniqueFd> listen_in_namespace(const ListenOptions& options, const std::string& name);

}  // namespace postern::io
