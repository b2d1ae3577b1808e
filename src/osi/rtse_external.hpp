// The EXTERNAL around an APDU that RTSE transfers in normal mode (X.228 8.3, X.690 8.18), written and taken off as a stream: the
// APDU itself is never whole in memory.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::osi {

/// What stands before and after the APDU. A known size gives definite lengths and nothing after it; otherwise indefinite ones, as peers do.
struct ExternalFrame {
  Bytes prefix;
  Bytes suffix;
};
[[nodiscard]] ExternalFrame external_frame(std::int64_t context, std::optional<std::uint64_t> size);

/// Takes the frame off. Accepts definite and indefinite lengths at both levels, direct and indirect references, single-ASN1-type and
/// octet-aligned (primitive). Holds at most the header (kMaxHeader) or the last four octets.
class ExternalReader {
 public:
  static constexpr std::size_t kMaxHeader = 256;

  /// Appends to `apdu` what belongs to it. BadInput: not an EXTERNAL, lengths that contradict each other, more after its end.
  [[nodiscard]] Status feed(ByteView octets, Bytes& apdu);
  /// The stream is at its end. BadInput: the EXTERNAL is not.
  [[nodiscard]] Status finish() const;

  /// The presentation context (indirect reference), once the header is read and where it has one.
  [[nodiscard]] std::optional<std::int64_t> context() const noexcept { return m_context; }
  /// Octets of the APDU still to come; nullopt: not known (yet).
  [[nodiscard]] std::optional<std::uint64_t> remaining() const noexcept { return m_remaining; }

  /// Where the reader stands, to go on after an interruption, perhaps in another process.
  [[nodiscard]] Bytes save() const;
  [[nodiscard]] static Result<ExternalReader> restore(ByteView saved);

 private:
  enum class Phase : std::uint8_t { Header = 0, Counted = 1, Open = 2 };

  struct Header;
  [[nodiscard]] static Result<std::optional<Header>> parse(ByteView octets);
  [[nodiscard]] Status body(ByteView octets, Bytes& apdu);
  [[nodiscard]] Status trailer(ByteView octets);

  Phase m_phase = Phase::Header;
  std::optional<std::int64_t> m_context;
  std::optional<std::uint64_t> m_remaining;  ///< Counted: octets of the APDU still to come.
  std::uint8_t m_trailer = 0;                ///< Counted: octets of end-of-contents still to come.
  Bytes m_held;                              ///< Header so far; Open: the last octets, which may be end-of-contents.
};

}  // namespace postern::osi
