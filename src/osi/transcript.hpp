// What went over a connection, octet for octet, for an operator who has to show it to the other side's operator.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.hpp"

namespace postern::osi {

enum class Direction : std::uint8_t { In, Out };
/// Is handed every octet in the order it was received or queued for sending. It sees passwords: whoever sets one decides where that goes.
using TranscriptHook = std::function<void(Direction, ByteView)>;

/// A hook's text form: a hex dump that `text2pcap -D -T 40000,102` reads, and tshark then dissects.
[[nodiscard]] std::string hex_dump(Direction direction, ByteView octets);

}  // namespace postern::osi
