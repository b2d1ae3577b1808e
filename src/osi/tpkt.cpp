#include "osi/tpkt.hpp"

#include <string>

namespace postern::osi {

namespace {

constexpr Byte kVersion = 3;
constexpr std::size_t kShortest = 7;

}  // namespace

void write_tpkt(Bytes& out, ByteView tpdu) {
  const std::size_t length = kTpktHeader + tpdu.size();
  const Byte header[] = {kVersion, 0, static_cast<Byte>(length >> 8), static_cast<Byte>(length)};
  append(out, header);
  append(out, tpdu);
}

void TpktReader::feed(ByteView octets) {
  m_buffer.erase(m_buffer.begin(), m_buffer.begin() + static_cast<std::ptrdiff_t>(m_at));
  m_at = 0;
  if (!m_broken) append(m_buffer, octets);
}

Result<std::optional<ByteView>> TpktReader::next() {
  if (m_broken) return fail(*m_broken);
  const ByteView rest = ByteView(m_buffer).subspan(m_at);
  // The version is looked at as soon as it is there: a peer that speaks something else is told at once, not after its "length".
  if (!rest.empty() && rest[0] != kVersion) {
    m_broken = Error{ErrorCode::BadInput, "is " + std::to_string(rest[0]) + ", not 3: the peer does not speak RFC 1006 here (RFC 1006 6)",
                     "TPKT version"};
    return fail(*m_broken);
  }
  if (rest.size() < kTpktHeader) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(rest[2]) << 8 | rest[3];
  if (length < kShortest) {
    m_broken = Error{ErrorCode::BadInput, "is " + std::to_string(length) + ", the least is 7 (RFC 1006 6)", "TPKT length"};
    return fail(*m_broken);
  }
  if (rest.size() < length) return std::nullopt;
  m_at += length;
  return rest.subspan(kTpktHeader, length - kTpktHeader);
}

}  // namespace postern::osi
