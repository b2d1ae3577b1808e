// The frames of a capture file: pcap (draft-ietf-opsawg-pcap) in seconds with micro- or nanoseconds, and pcapng (draft-ietf-opsawg-pcapng)
// with any number of sections and interfaces, each in either byte order.
//
//   POSTERN_TRY(CaptureReader reader, CaptureReader::open(file));
//   for (;;) { POSTERN_TRY(const auto frame, reader.next()); if (!frame) break; … }
//
// Borrows the file. Reads no further than the file goes and allocates for interfaces only, at most kMaxInterfaces of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::capture {

/// What a frame begins with: LINKTYPE_ values as both formats have them.
enum class LinkType : std::uint16_t {
  Null = 0,
  Ethernet = 1,
  RawIp = 101,
  Loop = 108,
  LinuxCooked = 113,
  Ipv4 = 228,
  Ipv6 = 229,
  LinuxCooked2 = 276,
};

struct Frame {
  LinkType link{};
  std::int64_t time = 0;  ///< Nanoseconds since 1970; 0: not known.
  ByteView octets;        ///< Borrowed from the file; shorter than on the wire where the capture was cut to a length.
};

class CaptureReader {
 public:
  static constexpr std::size_t kMaxInterfaces = 1024;  ///< Of a section of pcapng; frames of further ones are BadInput.

  /// Whether the file begins as one of the two formats does.
  [[nodiscard]] static bool is_capture(ByteView file) noexcept;
  /// BadInput: neither of them, or a header that is not whole.
  [[nodiscard]] static Result<CaptureReader> open(ByteView file);
  /// nullopt: the end. BadInput, with the offset in the file: not well-formed from there on; do not go on. A last frame that is not whole,
  /// as an interrupted capture leaves it, is the end.
  [[nodiscard]] Result<std::optional<Frame>> next();

 private:
  struct Interface {
    LinkType link{};
    std::uint64_t ticks = 1'000'000;  ///< In a second.
    std::size_t snap = 0;             ///< Frames are cut to so many octets; 0: not cut.
  };
  explicit CaptureReader(ByteView file) : m_file(file) {}

  [[nodiscard]] std::uint64_t number(std::size_t at, std::size_t width) const;
  [[nodiscard]] Status read_pcap_header();
  [[nodiscard]] Result<std::optional<Frame>> next_record();
  [[nodiscard]] Result<std::optional<Frame>> next_in_blocks();
  struct Block {
    std::uint32_t type = 0;
    std::size_t at = 0;    ///< Of its body.
    std::size_t size = 0;  ///< Of its body.
  };
  [[nodiscard]] Result<std::optional<Block>> next_block();
  [[nodiscard]] Status begin_section(std::size_t at);
  [[nodiscard]] Status add_interface(const Block& block);
  [[nodiscard]] Result<Frame> enhanced(const Block& block) const;
  [[nodiscard]] Result<Frame> simple(const Block& block) const;

  ByteView m_file;
  std::size_t m_at = 0;
  bool m_blocks = false;  ///< pcapng
  bool m_big = false;     ///< Its numbers are big-endian.
  std::vector<Interface> m_interfaces;
};

}  // namespace postern::capture
