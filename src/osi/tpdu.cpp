#include "osi/tpdu.hpp"

#include <algorithm>
#include <array>

#include "base/cursor.hpp"

namespace postern::osi {

namespace {

constexpr Byte kCr = 0xE0, kCc = 0xD0, kDr = 0x80, kDt = 0xF0, kEr = 0x70;
constexpr Byte kTpduSize = 0xC0, kCalling = 0xC1, kCalled = 0xC2, kAlternatives = 0xC7, kInformation = 0xE0, kInvalid = 0xC1;
constexpr Byte kEndOfTsdu = 0x80;
constexpr std::size_t kMaxTsapId = 32, kMaxInformation = 128, kMaxInvalid = 128;

template <class Code>
struct Meaning {
  Code code;
  std::string_view text;
};
constexpr std::array<Meaning<DisconnectReason>, 13> kDisconnectReasons = {{
    {DisconnectReason::Unspecified, "no reason given"},
    {DisconnectReason::Congestion, "congestion at this TSAP"},
    {DisconnectReason::NotAttached, "no session entity is attached to this TSAP: is the called T-selector right?"},
    {DisconnectReason::AddressUnknown, "address unknown: is the called T-selector right?"},
    {DisconnectReason::NormalDisconnect, "normal disconnect by the session entity"},
    {DisconnectReason::RemoteCongestion, "the remote transport entity was congested when the connection was asked for"},
    {DisconnectReason::NegotiationFailed, "connection negotiation failed: none of the proposed classes is supported"},
    {DisconnectReason::DuplicateReference, "duplicate source reference"},
    {DisconnectReason::MismatchedReferences, "mismatched references"},
    {DisconnectReason::ProtocolError, "protocol error"},
    {DisconnectReason::ReferenceOverflow, "reference overflow"},
    {DisconnectReason::RefusedOnNetworkConnection, "connection request refused on this network connection"},
    {DisconnectReason::HeaderLengthInvalid, "header or parameter length invalid"},
}};
constexpr std::array<Meaning<RejectCause>, 4> kRejectCauses = {{
    {RejectCause::Unspecified, "no reason given"},
    {RejectCause::InvalidParameterCode, "invalid parameter code"},
    {RejectCause::InvalidTpduType, "invalid TPDU type"},
    {RejectCause::InvalidParameterValue, "invalid parameter value"},
}};

template <class Code, std::size_t N>
std::string describe_in(const std::array<Meaning<Code>, N>& meanings, Code code) {
  for (const auto& meaning : meanings)
    if (meaning.code == code) return std::string(meaning.text);
  return "code " + std::to_string(static_cast<unsigned>(code));
}

// --- writing

void put(ByteWriter& out, Byte code, const std::optional<Bytes>& value, std::size_t most) {
  if (!value) return;
  const std::size_t size = std::min(value->size(), most);
  out.write_u8(code).write_u8(static_cast<Byte>(size)).write_bytes(ByteView(*value).first(size));
}

Byte size_code(std::size_t octets) {  // X.224 13.3.4 b: the power of two
  Byte code = 7;
  while (code < 13 && (std::size_t{2} << code) <= octets) ++code;
  return code;
}

void put_size(ByteWriter& out, const std::optional<std::size_t>& octets) {
  if (octets) out.write_u8(kTpduSize).write_u8(1).write_u8(size_code(*octets));
}

void put(ByteWriter& out, const ConnectionRequest& tpdu) {
  out.write_u8(kCr).write_u16(0).write_u16(tpdu.source).write_u8(0);
  put(out, kCalling, tpdu.calling, kMaxTsapId);
  put(out, kCalled, tpdu.called, kMaxTsapId);
  put_size(out, tpdu.tpdu_size);
}
void put(ByteWriter& out, const ConnectionConfirm& tpdu) {
  out.write_u8(kCc).write_u16(tpdu.destination).write_u16(tpdu.source).write_u8(static_cast<Byte>(tpdu.transport_class << 4));
  put(out, kCalling, tpdu.calling, kMaxTsapId);
  put(out, kCalled, tpdu.called, kMaxTsapId);
  put_size(out, tpdu.tpdu_size);
}
void put(ByteWriter& out, const DisconnectRequest& tpdu) {
  out.write_u8(kDr).write_u16(tpdu.destination).write_u16(tpdu.source).write_u8(static_cast<Byte>(tpdu.reason));
  if (!tpdu.information.empty()) put(out, kInformation, tpdu.information, kMaxInformation);
}
void put(ByteWriter& out, const DataTpdu& tpdu) { out.write_u8(kDt).write_u8(tpdu.end_of_tsdu ? kEndOfTsdu : 0); }
void put(ByteWriter& out, const ErrorTpdu& tpdu) {
  out.write_u8(kEr).write_u16(tpdu.destination).write_u8(static_cast<Byte>(tpdu.cause));
  put(out, kInvalid, tpdu.invalid, kMaxInvalid);
}

// --- reading

using Wrong = std::optional<TpduError>;

TpduError value_error(std::size_t offset, std::string what) { return {RejectCause::InvalidParameterValue, offset, std::move(what)}; }

struct Header {
  ByteView octets;       // The whole TPDU.
  std::size_t end;       // Of the header.
  std::size_t variable;  // Where the variable part begins.
  bool ignore_unknown;   // X.224 13.2.3: in a CR
};

// X.224 13.2.3: code, length, value. `take` stores a parameter and says what is wrong with it; it returns nullopt for what it does not
// know.
template <class Take>
Wrong read_parameters(const Header& header, Take take) {
  for (std::size_t at = header.variable; at < header.end;) {
    if (header.end - at < 2) return value_error(at, "a parameter ends before its length");
    const Byte code = header.octets[at];
    const std::size_t length = header.octets[at + 1];
    if (length > header.end - at - 2) return value_error(at + 1, "a parameter is longer than the header");
    const std::optional<std::string> wrong = take(code, header.octets.subspan(at + 2, length));
    if (wrong == "unknown") {
      if (!header.ignore_unknown)
        return TpduError{RejectCause::InvalidParameterCode, at, "parameter " + hex_encode({&code, 1}) + " is not defined here"};
    } else if (wrong) {
      return value_error(at + 2, *wrong);
    }
    at += 2 + length;
  }
  return std::nullopt;
}

std::optional<std::string> take_tsap_id(std::optional<Bytes>& into, ByteView value) {
  if (value.size() > kMaxTsapId) return "a TSAP-ID of more than 32 octets";
  into.emplace(value.begin(), value.end());
  return std::nullopt;
}

std::optional<std::string> take_size(std::optional<std::size_t>& into, ByteView value) {
  if (value.size() != 1 || value[0] < 7 || value[0] > 13) return "a TPDU size that is no power of two from 128 to 8192 (X.224 13.3.4)";
  into = std::size_t{1} << value[0];
  return std::nullopt;
}

// Defined for CR and CC (X.224 13.3.4, 13.4.4), and without meaning in class 0.
bool is_foreign(Byte code) {
  constexpr std::array<Byte, 13> kForeign = {0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8B, 0xF0, 0xF2};
  return std::ranges::find(kForeign, code) != kForeign.end();
}

template <class Connection>
std::optional<std::string> take_connection(Connection& tpdu, Byte code, ByteView value) {
  if (code == kCalling) return take_tsap_id(tpdu.calling, value);
  if (code == kCalled) return take_tsap_id(tpdu.called, value);
  if (code == kTpduSize) return take_size(tpdu.tpdu_size, value);
  if (is_foreign(code)) return std::nullopt;
  return "unknown";
}

std::uint16_t u16_at(ByteView octets, std::size_t at) { return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]); }

using Read = tl::expected<Tpdu, TpduError>;

Read read_request(Header header) {
  const ByteView octets = header.octets;
  if (u16_at(octets, 2) != 0) return tl::unexpected(value_error(2, "the destination reference of a CR is not zero (X.224 13.3.3)"));
  ConnectionRequest tpdu;
  tpdu.source = u16_at(octets, 4);
  tpdu.classes = static_cast<std::uint8_t>(1U << std::min(octets[6] >> 4, 7));
  header.variable = 7;
  header.ignore_unknown = true;
  const Wrong wrong = read_parameters(header, [&](Byte code, ByteView value) {
    if (code != kAlternatives) return take_connection(tpdu, code, value);
    for (const Byte each : value) tpdu.classes = static_cast<std::uint8_t>(tpdu.classes | 1U << std::min(each >> 4, 7));
    return std::optional<std::string>();
  });
  if (wrong) return tl::unexpected(*wrong);
  return tpdu;
}

Read read_confirm(Header header) {
  ConnectionConfirm tpdu;
  tpdu.destination = u16_at(header.octets, 2);
  tpdu.source = u16_at(header.octets, 4);
  tpdu.transport_class = header.octets[6] >> 4;
  header.variable = 7;
  const Wrong wrong = read_parameters(header, [&](Byte code, ByteView value) { return take_connection(tpdu, code, value); });
  if (wrong) return tl::unexpected(*wrong);
  return tpdu;
}

Read read_disconnect(Header header) {
  DisconnectRequest tpdu;
  tpdu.destination = u16_at(header.octets, 2);
  tpdu.source = u16_at(header.octets, 4);
  tpdu.reason = static_cast<DisconnectReason>(header.octets[6]);
  header.variable = 7;
  const Wrong wrong = read_parameters(header, [&](Byte code, ByteView value) -> std::optional<std::string> {
    if (code != kInformation) return code == 0xC3 ? std::nullopt : std::optional<std::string>("unknown");
    tpdu.information.assign(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(std::min(value.size(), kMaxInformation)));
    return std::nullopt;
  });
  if (wrong) return tl::unexpected(*wrong);
  return tpdu;
}

Read read_data(Header header) {
  // X.224 13.7.3: in class 0 the header is these two octets and nothing else; NR is zero.
  if (header.end != kDataTpduHeader) return tl::unexpected(value_error(0, "a DT whose header is not that of class 0 (X.224 13.7.1)"));
  return DataTpdu{(header.octets[2] & kEndOfTsdu) != 0, header.octets.subspan(kDataTpduHeader)};
}

Read read_error(Header header) {
  ErrorTpdu tpdu;
  tpdu.destination = u16_at(header.octets, 2);
  tpdu.cause = static_cast<RejectCause>(header.octets[4]);
  header.variable = 5;
  const Wrong wrong = read_parameters(header, [&](Byte code, ByteView value) -> std::optional<std::string> {
    if (code != kInvalid) return code == 0xC3 ? std::nullopt : std::optional<std::string>("unknown");
    tpdu.invalid.assign(value.begin(), value.end());
    return std::nullopt;
  });
  if (wrong) return tl::unexpected(*wrong);
  return tpdu;
}

struct Type {
  Byte code;
  Byte mask;  // CR and CC carry a credit in the lower half, which class 0 does not use.
  std::size_t fixed;
  Read (*read)(Header);
};
constexpr Type kTypes[] = {{kCr, 0xF0, 7, read_request},
                           {kCc, 0xF0, 7, read_confirm},
                           {kDr, 0xFF, 7, read_disconnect},
                           {kDt, 0xFE, 3, read_data},
                           {kEr, 0xFF, 5, read_error}};

}  // namespace

std::string describe(DisconnectReason reason) { return describe_in(kDisconnectReasons, reason); }
std::string describe(RejectCause cause) { return describe_in(kRejectCauses, cause); }

void write_tpdu(Bytes& out, const Tpdu& tpdu) {
  ByteWriter header;
  std::visit([&](const auto& each) { put(header, each); }, tpdu);
  out.push_back(static_cast<Byte>(header.bytes().size()));
  append(out, header.bytes());
  if (const auto* data = std::get_if<DataTpdu>(&tpdu)) append(out, data->data);
}

tl::expected<Tpdu, TpduError> read_tpdu(ByteView octets) {
  if (octets.size() < 2) return tl::unexpected(TpduError{RejectCause::InvalidTpduType, 0, "a TPDU of less than two octets"});
  const std::size_t end = std::size_t{octets[0]} + 1;
  if (octets[0] == 255 || end > octets.size())  // X.224 13.2.1
    return tl::unexpected(value_error(0, "the length indicator says more octets than are there"));
  for (const Type& type : kTypes) {
    if ((octets[1] & type.mask) != type.code) continue;
    if (end < type.fixed) return tl::unexpected(value_error(0, "the header is shorter than the fixed part of this TPDU"));
    return type.read({octets, end, type.fixed, false});
  }
  return tl::unexpected(
      TpduError{RejectCause::InvalidTpduType, 1, "TPDU type " + hex_encode(octets.subspan(1, 1)) + " is not one of class 0 (X.224 13.1)"});
}

}  // namespace postern::osi
