// TPKT framing over a byte stream (RFC 1006 6): version 3, a reserved octet, a 16-bit length that counts its own four octets, one TPDU.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::osi {

inline constexpr std::size_t kTpktHeader = 4;
/// RFC 1006 6: the longest TPDU that a TPKT can carry.
inline constexpr std::size_t kMaxTpdu = 65'535 - kTpktHeader;

/// One TPKT around `tpdu`, appended to `out`. The caller keeps to kMaxTpdu.
void write_tpkt(Bytes& out, ByteView tpdu);

/// Cuts a byte stream into TPDUs, however it arrives. Holds at most one incomplete TPKT and what was fed after it.
class TpktReader {
 public:
  /// Feed what came in; the octets are copied only as far as they are not yet pulled.
  void feed(ByteView octets);
  /// The next whole TPDU, nothing when more input is needed, or BadInput: not TPKT version 3, or a length below 7 (RFC 1006 6: four octets
  /// of header and a TPDU of at least three). After an error the stream cannot be read further and the error stays. The view holds until
  /// the next feed().
  [[nodiscard]] Result<std::optional<ByteView>> next();
  /// Octets that are waiting for the rest of their TPKT.
  [[nodiscard]] std::size_t pending() const noexcept { return m_buffer.size() - m_at; }

 private:
  Bytes m_buffer;
  std::size_t m_at = 0;
  std::optional<Error> m_broken;
};

}  // namespace postern::osi
