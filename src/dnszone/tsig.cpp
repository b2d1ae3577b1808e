#include "dnszone/tsig.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/cursor.hpp"
#include "base/text.hpp"
#include "crypto/hmac.hpp"
#include "dns/name.hpp"

namespace postern::dnszone {
namespace {

constexpr std::uint16_t kTsigType = 250;
constexpr std::size_t kAdditionalCount = 10;  // where ARCOUNT stands in the header

/// RFC 8945 4.2, the fields of the RDATA.
struct TsigData {
  std::string algorithm;
  std::uint64_t time = 0;  ///< Seconds since 1970, 48 bits.
  std::uint16_t fudge = static_cast<std::uint16_t>(kTsigFudge.count());
  Bytes mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  Bytes other;
};

HashAlgorithm hash_of(TsigAlgorithm algorithm) {
  switch (algorithm) {
    case TsigAlgorithm::HmacSha256: return HashAlgorithm::Sha256;
    case TsigAlgorithm::HmacSha384: return HashAlgorithm::Sha384;
    case TsigAlgorithm::HmacSha512: return HashAlgorithm::Sha512;
  }
  return HashAlgorithm::Sha256;
}

/// Names of keys and algorithms are digested in lower case (RFC 8945 4.3.3); ours are.
Bytes wire_name(std::string_view name) { return dns::encode_name(name).value_or(Bytes{0}); }

std::uint64_t seconds_of(WallTime time) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_seconds(time))); }

/// RFC 8945 4.3.3.
Bytes tsig_variables(const TsigKey& key, const TsigData& data) {
  ByteWriter out;
  out.write_bytes(wire_name(key.name)).write_u16(kClassAny).write_u32(0).write_bytes(wire_name(data.algorithm));
  out.write_uint(data.time, 6).write_u16(data.fudge).write_u16(data.error);
  out.write_u16(static_cast<std::uint16_t>(data.other.size())).write_bytes(data.other);
  return std::move(out).take();
}

/// RFC 8945 4.3: the request's MAC where this is a response, the message as it was before, the variables.
Bytes mac_of(const TsigKey& key, ByteView request_mac, ByteView message, const TsigData& data) {
  Hmac hmac(hash_of(key.algorithm), key.secret.view());
  if (!request_mac.empty()) {
    const auto size = static_cast<std::uint16_t>(request_mac.size());
    const Byte length[2] = {static_cast<Byte>(size >> 8), static_cast<Byte>(size & 0xFF)};
    hmac.update(length).update(request_mac);
  }
  hmac.update(message).update(tsig_variables(key, data));
  return hmac.finish();
}

Bytes encode_tsig(const TsigData& data) {
  ByteWriter out;
  out.write_bytes(wire_name(data.algorithm)).write_uint(data.time, 6).write_u16(data.fudge);
  out.write_u16(static_cast<std::uint16_t>(data.mac.size())).write_bytes(data.mac);
  out.write_u16(data.original_id).write_u16(data.error);
  out.write_u16(static_cast<std::uint16_t>(data.other.size())).write_bytes(data.other);
  return std::move(out).take();
}

Result<std::string> read_algorithm(ByteReader& in) {
  std::string out;
  for (;;) {
    POSTERN_TRY(const std::uint8_t size, in.read_u8("TSIG algorithm"));
    if (size == 0) return out;
    if (size > 63 || out.size() > 255) return fail(ErrorCode::BadInput, "is no name", "TSIG algorithm");
    POSTERN_TRY(const ByteView label, in.read_bytes(size, "TSIG algorithm"));
    out += (out.empty() ? "" : ".") + to_lower(as_text(label));
  }
}

Result<Bytes> read_sized(ByteReader& in, const char* field) {
  POSTERN_TRY(const std::uint16_t size, in.read_u16(field));
  POSTERN_TRY(const ByteView bytes, in.read_bytes(size, field));
  return Bytes(bytes.begin(), bytes.end());
}

Result<TsigData> decode_tsig(ByteView rdata) {
  ByteReader in(rdata);
  TsigData out;
  POSTERN_TRY(out.algorithm, read_algorithm(in));
  POSTERN_TRY(out.time, in.read_uint(6, "TSIG time"));
  POSTERN_TRY(out.fudge, in.read_u16("TSIG fudge"));
  POSTERN_TRY(out.mac, read_sized(in, "TSIG MAC"));
  POSTERN_TRY(out.original_id, in.read_u16("TSIG original id"));
  POSTERN_TRY(out.error, in.read_u16("TSIG error"));
  POSTERN_TRY(out.other, read_sized(in, "TSIG other data"));
  if (!in.at_end()) return fail(ErrorCode::BadInput, "has bytes behind its end", "TSIG");
  return out;
}

/// RFC 8945 5.2: one, and the last of the additional section. Null: there is none.
Result<const WireRecord*> find_tsig(const Message& message) {
  const auto is_tsig = [](const WireRecord& r) { return r.type == kTsigType; };
  const std::size_t elsewhere =
      static_cast<std::size_t>(std::ranges::count_if(message.answers, is_tsig) + std::ranges::count_if(message.authority, is_tsig));
  const auto count = static_cast<std::size_t>(std::ranges::count_if(message.additional, is_tsig));
  if (count + elsewhere == 0) return nullptr;
  if (elsewhere > 0 || count > 1 || !is_tsig(message.additional.back()))
    return fail(ErrorCode::BadInput, "stands twice, or not at the end of the message", "TSIG");
  return &message.additional.back();
}

/// RFC 8945 4.3.2: the message as it was signed: without the TSIG record, with the original id.
Bytes message_before(ByteView response, const WireRecord& tsig, const TsigData& data) {
  Bytes out(response.begin(), response.begin() + static_cast<std::ptrdiff_t>(tsig.begin));
  const unsigned count = (out[kAdditionalCount] << 8U | out[kAdditionalCount + 1]) - 1U;
  out[0] = static_cast<Byte>(data.original_id >> 8);
  out[1] = static_cast<Byte>(data.original_id & 0xFF);
  out[kAdditionalCount] = static_cast<Byte>(count >> 8);
  out[kAdditionalCount + 1] = static_cast<Byte>(count & 0xFF);
  return out;
}

tl::unexpected<Error> untrusted(std::string what) { return fail(ErrorCode::IntegrityFailed, std::move(what), "TSIG"); }

/// RFC 8945 5.4; a shortened MAC (5.2.2.1) is never taken.
Status check_mac(ByteView response, const WireRecord& record, const TsigData& data, const TsigKey& key, ByteView request_mac) {
  const Bytes expected = mac_of(key, request_mac, message_before(response, record, data), data);
  if (data.mac.size() != expected.size()) return untrusted("the response's MAC is shortened; the server must send all of it");
  if (!constant_time_equal(data.mac, expected))
    return untrusted("the response is not signed with our key: somebody else answers, or changes answers on the way");
  return {};
}

/// RFC 8945 5.2.3; not for BADTIME, whose time is that of our request (5.4.3).
Status check_time(const TsigData& data, WallTime now) {
  const auto ours = static_cast<std::int64_t>(seconds_of(now)), theirs = static_cast<std::int64_t>(data.time);
  if (std::abs(ours - theirs) <= data.fudge) return {};
  return untrusted("the response was signed " + std::to_string(std::abs(ours - theirs)) + " seconds " +
                   (theirs < ours ? "before" : "after") + " the time of this machine; set both clocks");
}

}  // namespace

std::string_view name_of(TsigAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case TsigAlgorithm::HmacSha256: return "hmac-sha256";
    case TsigAlgorithm::HmacSha384: return "hmac-sha384";
    case TsigAlgorithm::HmacSha512: return "hmac-sha512";
  }
  return "hmac-sha256";
}

/// RFC 8945 4.3.2: exactly the bytes that were digested, then the record, which counts among the additional ones.
Result<SignedMessage> tsig_sign(ByteView message, const TsigKey& key, WallTime now) {
  POSTERN_TRY(const Message parsed, parse_message(message));
  TsigData data;
  data.algorithm = name_of(key.algorithm);
  data.time = seconds_of(now);
  data.original_id = parsed.id;
  data.mac = mac_of(key, {}, message, data);
  const Bytes rdata = encode_tsig(data);
  ByteWriter out;
  out.write_bytes(message.first(kAdditionalCount)).write_u16(static_cast<std::uint16_t>(parsed.additional.size() + 1));
  out.write_bytes(message.subspan(kAdditionalCount + 2));
  out.write_bytes(wire_name(key.name)).write_u16(kTsigType).write_u16(kClassAny).write_u32(0);
  out.write_u16(static_cast<std::uint16_t>(rdata.size())).write_bytes(rdata);
  if (out.bytes().size() > kMessageLimit) return fail(ErrorCode::TooLarge, "no room for the signature in one DNS message", "TSIG");
  return SignedMessage{std::move(out).take(), std::move(data.mac)};
}

Result<TsigVerdict> tsig_verify(ByteView response, const TsigKey& key, ByteView request_mac, WallTime now) {
  POSTERN_TRY(const Message message, parse_message(response));
  POSTERN_TRY(const WireRecord* record, find_tsig(message));
  TsigVerdict out;
  if (record == nullptr) return out;
  POSTERN_TRY(const TsigData data, decode_tsig(record->rdata));
  out.error = static_cast<Rcode>(data.error);
  // RFC 8945 5.3.2: who does not have the key, or not our request's MAC, answers with an empty MAC.
  if (data.mac.empty() && (out.error == Rcode::BadKey || out.error == Rcode::BadSig)) return out;
  if (record->name != key.name || record->record_class != kClassAny || record->ttl != 0 || data.algorithm != name_of(key.algorithm))
    return untrusted("the response is signed under the key " + printable(record->name) + " (" + printable(data.algorithm) + "), not ours");
  POSTERN_CHECK(check_mac(response, *record, data, key, request_mac));
  if (out.error != Rcode::BadTime) POSTERN_CHECK(check_time(data, now));
  out.verified = true;
  ByteReader other(data.other);
  if (const auto time = other.read_uint(6, "time"); time && out.error == Rcode::BadTime)
    out.server_time = std::chrono::seconds(static_cast<std::int64_t>(*time));
  return out;
}

}  // namespace postern::dnszone
