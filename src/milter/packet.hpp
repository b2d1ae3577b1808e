// The milter protocol's packets: a 32-bit big-endian length, a command octet, its payload. Readers for what an MTA sends, writers for what
// a filter answers.
//
// Every reader is total: BadInput for what is malformed and TooLarge for what passes a bound, with the name of the part in `field`. Views
// in what they give borrow from the payload. Strings in payloads end in NUL; octets behind the last one are an error, because nothing says
// what they would mean.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "milter/message.hpp"
#include "milter/protocol.hpp"

namespace postern::milter {

/// The longest payload an MTA takes, and the size of body chunks in both directions (MILTER_CHUNK_SIZE).
inline constexpr std::size_t kChunkBytes = 65535;
inline constexpr std::size_t kPacketBytes = 1U << 20;
/// Strings in one packet of ESMTP arguments; more is TooLarge.
inline constexpr std::size_t kMaxStrings = 1024;

struct Packet {
  std::uint8_t command = 0;  ///< command_of() says which.
  ByteView payload;
};

/// Cuts a stream into packets, however it arrives. Holds at most what was received and not yet given out.
class PacketReader {
 public:
  /// `limit`: the largest length taken, command octet included.
  explicit PacketReader(std::size_t limit = kPacketBytes) noexcept : m_limit(limit) {}

  void receive(ByteView bytes);
  /// A packet, or nothing when more bytes are needed. Its payload lasts until the next call of receive() or next(). After an error nothing
  /// can follow: BadInput for a length of zero, TooLarge (as soon as the length is there) for one above the limit.
  [[nodiscard]] Result<std::optional<Packet>> next();
  [[nodiscard]] std::size_t waiting() const noexcept { return m_input.size() - m_at; }
  void forget() noexcept;

 private:
  std::size_t m_limit;
  Bytes m_input;
  std::size_t m_at = 0;
};

/// SMFIC_OPTNEG, both ways.
struct Negotiation {
  std::uint32_t version = 0;
  std::uint32_t actions = 0;   ///< SMFIF_*
  std::uint32_t protocol = 0;  ///< SMFIP_*
  friend bool operator==(const Negotiation&, const Negotiation&) = default;
};
/// Octets behind the three numbers are left alone: a later version may put something there.
[[nodiscard]] Result<Negotiation> parse_negotiation(ByteView payload);

/// SMFIC_CONNECT. Addresses are brought into canonical form; "IPv6:" before one, and a zone behind it, are taken off.
[[nodiscard]] Result<Connection> parse_connect(ByteView payload);

/// One string and nothing behind it: SMFIC_HELO, SMFIC_UNKNOWN. `field` names it in errors.
[[nodiscard]] Result<std::string_view> parse_string(ByteView payload, std::string_view field);

/// At least one string: SMFIC_MAIL, SMFIC_RCPT.
[[nodiscard]] Result<Path> parse_path(ByteView payload);

/// SMFIC_HEADER
[[nodiscard]] Result<std::pair<std::string_view, std::string_view>> parse_header(ByteView payload);

/// SMFIC_MACRO: pairs of names and values for the command that follows.
struct MacroPacket {
  std::uint8_t command = 0;
  std::vector<std::pair<std::string_view, std::string_view>> macros;  ///< The first `most`.
  bool more = false;                                                  ///< There were more than that.
};
[[nodiscard]] Result<MacroPacket> parse_macros(ByteView payload, std::size_t most);

/// Nothing may be in the payload (SMFIC_DATA, SMFIC_EOH and their like).
[[nodiscard]] Status parse_empty(ByteView payload);

// Writers append whole packets. The caller keeps NUL out of strings and payloads under 4 GiB.

void append_packet(std::string& out, Response response, std::string_view payload = {});
/// Each string with its NUL.
void append_strings(std::string& out, Response response, std::initializer_list<std::string_view> strings);
void append_negotiation(std::string& out, const Negotiation& answer);
/// SMFIR_INSHEADER, SMFIR_CHGHEADER
void append_indexed(std::string& out, Response response, std::uint32_t index, std::string_view name, std::string_view value);
/// SMFIR_REPLBODY, as many packets as it takes; none for an empty body.
void append_body(std::string& out, std::string_view body);

}  // namespace postern::milter
