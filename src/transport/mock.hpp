// transport.mode = "mock": a message transfer system and its stores in this process's memory, for trying Postern out without a peer.
//
// It is honest about what it is: nothing is durable, nothing leaves the process, every password is right, and everybody of its domain has a
// mailbox. Otherwise it does what mock_mts.hpp says. Roles P3 and P7 bind alike; there is no P1 and no registration.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

/// XX is a user-assigned code of ISO 3166: no country will ever have it, so no address of the mock is anybody's.
inline constexpr const char* kMockDomain = "C=XX;A=MOCK;P=POSTERN";
inline constexpr const char* kMockUser = "C=XX;A=MOCK;P=POSTERN;S=Operator";
inline constexpr std::size_t kMostMockAssociations = 256;

/// `clock` must outlive it; by its wall face messages are due. Contents up to 64 MiB.
[[nodiscard]] std::unique_ptr<Transport> make_mock(const Clock& clock);

}  // namespace postern::transport
