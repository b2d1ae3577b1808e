#include "capture/capture_file.hpp"

#include <algorithm>
#include <string>

namespace postern::capture {
namespace {

constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4, kNanoseconds = 0xA1B23C4D;  // pcap 4
constexpr std::size_t kFileHeader = 24, kRecordHeader = 16;
constexpr std::uint32_t kSection = 0x0A0D0D0A, kInterface = 1, kSimple = 3, kEnhanced = 6;  // pcapng 11.1
constexpr std::uint32_t kByteOrder = 0x1A2B3C4D;                                            // pcapng 4.1
constexpr std::size_t kBlockFrame = 12;                                                     // type, length, body, length
constexpr std::uint16_t kTimeResolution = 9;                                                // pcapng 4.2: if_tsresol
constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t big_endian(ByteView octets) {
  std::uint64_t out = 0;
  for (const Byte each : octets) out = out << 8 | each;
  return out;
}
std::uint64_t little_endian(ByteView octets) {
  std::uint64_t out = 0;
  for (std::size_t i = octets.size(); i-- > 0;) out = out << 8 | octets[i];
  return out;
}

tl::unexpected<Error> wrong(std::size_t at, const std::string& what) {
  return fail(ErrorCode::BadInput, "offset " + std::to_string(at) + " of the capture: " + what);
}

std::int64_t nanoseconds(std::uint64_t ticks, std::uint64_t in_a_second) {
  const auto fraction = static_cast<long double>(ticks % in_a_second) / static_cast<long double>(in_a_second);
  const std::uint64_t seconds = std::min<std::uint64_t>(ticks / in_a_second, 9'000'000'000);  // the year 2255
  return static_cast<std::int64_t>(seconds * kSecond) + static_cast<std::int64_t>(fraction * static_cast<long double>(kSecond));
}

/// pcapng 4.2: a power of ten, or of two where the highest bit is set.
std::uint64_t ticks_of(Byte resolution) {
  const unsigned power = resolution & 0x7FU;
  if ((resolution & 0x80U) != 0) return std::uint64_t{1} << std::min(power, 62U);
  std::uint64_t out = 1;
  for (unsigned i = 0; i < std::min(power, 18U); ++i) out *= 10;
  return out;
}

}  // namespace

bool CaptureReader::is_capture(ByteView file) noexcept {
  if (file.size() < 4) return false;
  const ByteView first = file.first(4);
  return std::ranges::any_of(std::initializer_list<std::uint64_t>{kMicroseconds, kNanoseconds, kSection},
                             [&](std::uint64_t magic) { return big_endian(first) == magic || little_endian(first) == magic; });
}

Result<CaptureReader> CaptureReader::open(ByteView file) {
  if (!is_capture(file)) return fail(ErrorCode::BadInput, "is neither a pcap nor a pcapng file");
  CaptureReader out(file);
  out.m_blocks = big_endian(file.first(4)) == kSection;  // a palindrome: the byte order stands behind it
  if (!out.m_blocks) POSTERN_CHECK(out.read_pcap_header());
  return out;
}

std::uint64_t CaptureReader::number(std::size_t at, std::size_t width) const {
  const ByteView octets = m_file.subspan(at, width);
  return m_big ? big_endian(octets) : little_endian(octets);
}

Result<std::optional<Frame>> CaptureReader::next() { return m_blocks ? next_in_blocks() : next_record(); }

// ---- pcap
Status CaptureReader::read_pcap_header() {
  if (m_file.size() < kFileHeader) return wrong(0, "the file ends in its header");
  const std::uint64_t magic = big_endian(m_file.first(4));
  m_big = magic == kMicroseconds || magic == kNanoseconds;
  Interface made;
  made.ticks = number(0, 4) == kNanoseconds ? kSecond : 1'000'000;
  made.link = static_cast<LinkType>(number(20, 4) & 0xFFFFU);  // above it: length of the frame check sequence
  m_interfaces.push_back(made);
  m_at = kFileHeader;
  return {};
}

Result<std::optional<Frame>> CaptureReader::next_record() {
  if (m_file.size() - m_at < kRecordHeader) return std::optional<Frame>();
  const std::uint64_t size = number(m_at + 8, 4);
  if (size > m_file.size() - m_at - kRecordHeader) return std::optional<Frame>();
  const Interface& from = m_interfaces.front();
  Frame out{from.link, 0, m_file.subspan(m_at + kRecordHeader, static_cast<std::size_t>(size))};
  const std::uint64_t fraction = std::min(number(m_at + 4, 4), from.ticks - 1);
  out.time = nanoseconds(number(m_at, 4) * from.ticks + fraction, from.ticks);
  m_at += kRecordHeader + static_cast<std::size_t>(size);
  return std::optional(out);
}

// ---- pcapng
Result<std::optional<Frame>> CaptureReader::next_in_blocks() {
  for (;;) {
    POSTERN_TRY(const auto block, next_block());
    if (!block) return std::optional<Frame>();
    if (block->type == kInterface) POSTERN_CHECK(add_interface(*block));
    if (block->type != kEnhanced && block->type != kSimple) continue;
    POSTERN_TRY(const Frame frame, block->type == kEnhanced ? enhanced(*block) : simple(*block));
    return std::optional(frame);
  }
}

Result<std::optional<CaptureReader::Block>> CaptureReader::next_block() {
  if (m_file.size() - m_at < kBlockFrame) return std::optional<Block>();
  if (number(m_at, 4) == kSection) POSTERN_CHECK(begin_section(m_at));
  const std::uint64_t size = number(m_at + 4, 4);
  if (size > m_file.size() - m_at) return std::optional<Block>();
  if (size < kBlockFrame || size % 4 != 0) return wrong(m_at + 4, "a block of " + std::to_string(size) + " octets");
  const Block out{static_cast<std::uint32_t>(number(m_at, 4)), m_at + 8, static_cast<std::size_t>(size) - kBlockFrame};
  if (number(out.at + out.size, 4) != size)
    return wrong(out.at + out.size, "the length at the end of a block is not that at its beginning");
  m_at += static_cast<std::size_t>(size);
  return std::optional(out);
}

/// Each section has its own byte order and its own interfaces.
Status CaptureReader::begin_section(std::size_t at) {
  const ByteView order = m_file.subspan(at + 8, 4);
  m_big = big_endian(order) == kByteOrder;
  if (!m_big && little_endian(order) != kByteOrder) return wrong(at + 8, "no byte-order magic");
  m_interfaces.clear();
  return {};
}

Status CaptureReader::add_interface(const Block& block) {
  if (block.size < 8) return wrong(block.at, "an interface without its link type");
  if (m_interfaces.size() == kMaxInterfaces) return wrong(block.at, "more than " + std::to_string(kMaxInterfaces) + " interfaces");
  Interface made;
  made.link = static_cast<LinkType>(number(block.at, 2));
  made.snap = static_cast<std::size_t>(number(block.at + 4, 4));
  const std::size_t end = block.at + block.size;
  for (std::size_t at = block.at + 8; end - at >= 4;) {  // options
    const std::uint64_t code = number(at, 2), size = number(at + 2, 2), padded = (size + 3) / 4 * 4;
    if (code == 0 || padded > end - at - 4) break;
    if (code == kTimeResolution && size == 1) made.ticks = ticks_of(m_file[at + 4]);
    at += 4 + static_cast<std::size_t>(padded);
  }
  m_interfaces.push_back(made);
  return {};
}

Result<Frame> CaptureReader::enhanced(const Block& block) const {
  if (block.size < 20) return wrong(block.at, "an enhanced packet block that ends in its header");
  const std::uint64_t which = number(block.at, 4), size = number(block.at + 12, 4);
  if (which >= m_interfaces.size()) return wrong(block.at, "a packet of an interface that the section does not have");
  if (size > block.size - 20) return wrong(block.at + 12, "a packet that is longer than its block");
  const Interface& from = m_interfaces[static_cast<std::size_t>(which)];
  const std::uint64_t ticks = number(block.at + 4, 4) << 32 | number(block.at + 8, 4);
  return Frame{from.link, nanoseconds(ticks, from.ticks), m_file.subspan(block.at + 20, static_cast<std::size_t>(size))};
}

Result<Frame> CaptureReader::simple(const Block& block) const {
  if (block.size < 4 || m_interfaces.empty()) return wrong(block.at, "a simple packet block without length or interface");
  const Interface& from = m_interfaces.front();
  std::size_t size = std::min<std::size_t>(static_cast<std::size_t>(number(block.at, 4)), block.size - 4);
  if (from.snap != 0) size = std::min(size, from.snap);
  return Frame{from.link, 0, m_file.subspan(block.at + 4, size)};
}

}  // namespace postern::capture
