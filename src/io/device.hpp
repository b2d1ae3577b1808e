// Network interfaces as values: is one there, is it up, which addresses are its own; and sockets that are bound to one.
//
// A socket bound to an interface (SO_BINDTODEVICE) sends and receives by it alone, and by nothing at all when it is gone: the kernel knows
// it by its index, and an interface that is deleted and made anew has another. Unprivileged since Linux 5.7; before, CAP_NET_RAW.
// Every error is Unavailable, names the interface and says what to do. Looking costs some system calls and never waits.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/endpoint.hpp"

namespace postern::io {

struct Device {
  struct Address {
    IpAddress ip;
    unsigned prefix = 0;  ///< Bits of its network.
  };
  std::string name;
  unsigned index = 0;
  bool up = false;  ///< As the administrator set it; a cable that is out is no concern here.
  bool loopback = false;
  std::vector<Address> addresses;

  /// Error unless packets for `ip` may come in here: it is an address of this interface (on loopback, one of its networks), or "all".
  [[nodiscard]] Status check_listens_on(const IpAddress& ip) const;
  /// Error unless there is an address of the target's family to send from; which one is the kernel's choice, by its routes.
  [[nodiscard]] Status check_sends_to(const IpAddress& target) const;
};

/// Of this thread's network namespace. Error when it is not there or down.
[[nodiscard]] Result<Device> usable_device(const std::string& name);

/// Up or not; 0: it is not there.
[[nodiscard]] unsigned device_index(const std::string& name) noexcept;

/// Index and flags only, of the network namespace that the socket `fd` belongs to; the same errors.
[[nodiscard]] Result<Device> usable_device_of(int fd, const std::string& name);

/// Denied when the kernel wants CAP_NET_RAW.
[[nodiscard]] Status bind_to_device(int fd, const std::string& name);
/// The index that a socket is bound to; 0: none.
[[nodiscard]] unsigned bound_device(int fd) noexcept;

}  // namespace postern::io
