// For tests: a recorded conversation again and again with something wrong in it, as noise or an enemy would send it.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "io/testing/bad_road.hpp"

namespace postern::mhs::testing {

/// One to three changes behind `from`: another octet, one left out, one too many, a piece twice, the end missing.
inline Bytes mutated(Bytes octets, std::size_t from, std::mt19937& random) {
  for (unsigned changes = 1 + random() % 3; changes > 0 && octets.size() > from + 1; --changes) {
    const auto at = octets.begin() + static_cast<std::ptrdiff_t>(from + random() % (octets.size() - from));
    switch (random() % 6) {
      case 0: *at ^= static_cast<Byte>(1U << random() % 8); break;
      case 1: *at = static_cast<Byte>(random() % 2 == 0 ? 0xFF : 0x80); break;
      case 2: octets.erase(at); break;
      case 3: octets.insert(at, static_cast<Byte>(random())); break;
      case 4: {
        const Bytes piece(at, std::min(octets.end(), at + 40));
        octets.insert(at, piece.begin(), piece.end());
        break;
      }
      default: octets.erase(at, octets.end());
    }
  }
  return octets;
}

/// Whether the server ends the connection once it has all of it.
inline bool is_ended_after(std::uint16_t port, ByteView octets) {
  UniqueFd socket = io::testing::connected(port);
  if (!socket) return false;
  while (!octets.empty()) {
    const ssize_t sent = ::send(socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // it had enough
    octets = octets.subspan(static_cast<std::size_t>(sent));
  }
  ::shutdown(socket.get(), SHUT_WR);
  constexpr int kPatience = 10'000;  // milliseconds
  std::array<Byte, 16384> ignored{};
  for (pollfd wanted{socket.get(), POLLIN, 0}; ::poll(&wanted, 1, kPatience) == 1;)
    if (::recv(socket.get(), ignored.data(), ignored.size(), 0) <= 0) return true;
  return false;
}

/// `count` variants, each on a connection of its own: the server ends every one of them.
inline void send_mutated(std::uint16_t port, const Bytes& recorded, std::size_t from, unsigned count, unsigned seed) {
  std::mt19937 random(seed);
  for (unsigned i = 0; i < count; ++i)
    ASSERT_TRUE(is_ended_after(port, mutated(recorded, from, random))) << "variant " << i << " of seed " << seed << " hangs";
}

}  // namespace postern::mhs::testing
