#include "milter/packet.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <array>

#include "base/cursor.hpp"
#include "base/text.hpp"

namespace postern::milter {

namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kKeptCapacity = 4096;  // What the buffer of an idle connection may hold.

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

Result<std::string_view> read_string(ByteReader& reader, std::string_view field) {
  const std::size_t end = as_text(reader.remainder()).find('\0');
  if (end == std::string_view::npos) return fail(ErrorCode::BadInput, "has no NUL at its end", std::string(field));
  POSTERN_TRY(const ByteView raw, reader.read_bytes(end + 1, field));
  return as_text(raw.first(end));
}

Status must_end(const ByteReader& reader, std::string_view field) {
  if (reader.at_end()) return {};
  return fail(ErrorCode::BadInput, std::to_string(reader.remaining()) + " octets behind its end", std::string(field));
}

std::optional<Family> family_of(std::uint8_t octet) noexcept {
  for (const Family family : {Family::Unknown, Family::Unix, Family::Inet, Family::Inet6})
    if (octet == static_cast<std::uint8_t>(family)) return family;
  return std::nullopt;
}

/// One host has one name, whichever MTA told it.
Result<std::string> canonical_address(Family family, std::string_view text) {
  if (family == Family::Unix) return std::string(text);
  if (istarts_with(text, "IPv6:")) text.remove_prefix(5);
  text = text.substr(0, text.find('%'));  // RFC 4007 11: a zone means something on the MTA's host only
  const int domain = family == Family::Inet ? AF_INET : AF_INET6;
  std::array<Byte, 16> raw{};
  if (inet_pton(domain, std::string(text).c_str(), raw.data()) != 1)
    return fail(ErrorCode::BadInput, "is no address of its family: " + printable(text, 64), "address");
  std::array<char, INET6_ADDRSTRLEN> out{};
  const char* end = inet_ntop(domain, raw.data(), out.data(), out.size());
  return end == nullptr ? std::string() : std::string(end);
}

}  // namespace

void PacketReader::receive(ByteView bytes) {
  if (m_at > 0 && m_at * 2 >= m_input.size()) {
    m_input.erase(m_input.begin(), m_input.begin() + static_cast<std::ptrdiff_t>(m_at));
    m_at = 0;
  }
  append(m_input, bytes);
}

Result<std::optional<Packet>> PacketReader::next() {
  if (waiting() == 0) forget();
  ByteReader reader(ByteView(m_input).subspan(m_at));
  if (reader.remaining() < kLengthBytes) return std::optional<Packet>();
  POSTERN_TRY(const std::uint32_t length, reader.read_u32("length"));
  if (length == 0) return fail(ErrorCode::BadInput, "a packet of no octets has no command", "length");
  if (length > m_limit)
    return fail(ErrorCode::TooLarge, std::to_string(length) + " octets, and " + std::to_string(m_limit) + " are taken", "length");
  if (reader.remaining() < length) return std::optional<Packet>();
  POSTERN_TRY(const std::uint8_t command, reader.read_u8("command"));
  POSTERN_TRY(const ByteView payload, reader.read_bytes(length - 1, "payload"));
  m_at += kLengthBytes + length;
  return std::optional(Packet{command, payload});
}

void PacketReader::forget() noexcept {
  m_at = 0;
  if (m_input.capacity() > kKeptCapacity) Bytes().swap(m_input);
  m_input.clear();
}

Result<Negotiation> parse_negotiation(ByteView payload) {
  ByteReader reader(payload);
  Negotiation offer;
  POSTERN_TRY(offer.version, reader.read_u32("version"));
  POSTERN_TRY(offer.actions, reader.read_u32("actions"));
  POSTERN_TRY(offer.protocol, reader.read_u32("protocol"));
  return offer;
}

Result<Connection> parse_connect(ByteView payload) {
  ByteReader reader(payload);
  Connection connection;
  POSTERN_TRY(connection.host, read_string(reader, "hostname"));
  POSTERN_TRY(const std::uint8_t octet, reader.read_u8("family"));
  const auto family = family_of(octet);
  if (!family) return fail(ErrorCode::BadInput, "is none of U, L, 4, 6", "family");
  connection.family = *family;
  if (*family != Family::Unknown) {
    POSTERN_TRY(connection.port, reader.read_u16("port"));
    POSTERN_TRY(const std::string_view address, read_string(reader, "address"));
    POSTERN_TRY(connection.address, canonical_address(*family, address));
  }
  POSTERN_CHECK(must_end(reader, "SMFIC_CONNECT"));
  return connection;
}

Result<std::string_view> parse_string(ByteView payload, std::string_view field) {
  ByteReader reader(payload);
  POSTERN_TRY(const std::string_view text, read_string(reader, field));
  POSTERN_CHECK(must_end(reader, field));
  return text;
}

Result<Path> parse_path(ByteView payload) {
  ByteReader reader(payload);
  Path path;
  POSTERN_TRY(path.path, read_string(reader, "path"));
  while (!reader.at_end()) {
    if (path.args.size() >= kMaxStrings) return fail(ErrorCode::TooLarge, "more than " + std::to_string(kMaxStrings), "args");
    POSTERN_TRY(const std::string_view arg, read_string(reader, "args"));
    path.args.emplace_back(arg);
  }
  return path;
}

Result<std::pair<std::string_view, std::string_view>> parse_header(ByteView payload) {
  ByteReader reader(payload);
  POSTERN_TRY(const std::string_view name, read_string(reader, "name"));
  POSTERN_TRY(const std::string_view value, read_string(reader, "value"));
  POSTERN_CHECK(must_end(reader, "SMFIC_HEADER"));
  return std::pair(name, value);
}

Result<MacroPacket> parse_macros(ByteView payload, std::size_t most) {
  ByteReader reader(payload);
  MacroPacket packet;
  POSTERN_TRY(packet.command, reader.read_u8("command"));
  while (!reader.at_end()) {
    POSTERN_TRY(const std::string_view name, read_string(reader, "macro"));
    POSTERN_TRY(const std::string_view value, read_string(reader, "macro"));
    packet.more = packet.macros.size() >= most;
    if (!packet.more) packet.macros.emplace_back(name, value);
  }
  return packet;
}

Status parse_empty(ByteView payload) { return must_end(ByteReader(payload), "payload"); }

void append_packet(std::string& out, Response response, std::string_view payload) {
  append_u32(out, static_cast<std::uint32_t>(payload.size() + 1));
  out.push_back(static_cast<char>(response));
  out.append(payload);
}

void append_strings(std::string& out, Response response, std::initializer_list<std::string_view> strings) {
  std::string payload;
  for (const std::string_view each : strings) payload.append(each).push_back('\0');
  append_packet(out, response, payload);
}

void append_negotiation(std::string& out, const Negotiation& answer) {
  std::string payload;
  for (const std::uint32_t each : {answer.version, answer.actions, answer.protocol}) append_u32(payload, each);
  append_packet(out, Response::Negotiate, payload);
}

void append_indexed(std::string& out, Response response, std::uint32_t index, std::string_view name, std::string_view value) {
  std::string payload;
  append_u32(payload, index);
  payload.append(name).push_back('\0');
  payload.append(value).push_back('\0');
  append_packet(out, response, payload);
}

void append_body(std::string& out, std::string_view body) {
  out.reserve(out.size() + body.size() + (body.size() / kChunkBytes + 1) * (kLengthBytes + 1));
  for (; !body.empty(); body.remove_prefix(std::min(body.size(), kChunkBytes)))
    append_packet(out, Response::ReplaceBody, body.substr(0, kChunkBytes));
}

}  // namespace postern::milter
