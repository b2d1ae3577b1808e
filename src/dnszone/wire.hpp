// DNS messages (RFC 1035 4) as far as talking to one server over TCP needs them: a question, an answer, and what updates are made of.
//
// Read: names may be compressed; they come out whole, in lower case as text and as they were written inside RDATA. A pointer must lead
// backwards, a name has at most 255 octets (RFC 1035 2.3.4), a message at most kMessageLimit octets and kRecordLimit records, so that every
// message of a hostile server is read in bounded time. Written: never compressed. Total; no I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dns/rdata.hpp"
#include "dns/record.hpp"

namespace postern::dnszone {

inline constexpr std::size_t kMessageLimit = 65535;  ///< RFC 1035 4.2.2: the length before a message over TCP has two octets.
inline constexpr std::size_t kRecordLimit = 8192;    ///< Of one message, all sections together.

/// RFC 1035 4.1.1, RFC 2136 2.2, RFC 8945 3.
enum class Rcode : std::uint16_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  YxDomain = 6,
  YxRrset = 7,
  NxRrset = 8,
  NotAuth = 9,
  NotZone = 10,
  BadSig = 16,
  BadKey = 17,
  BadTime = 18,
  BadTrunc = 22,
};
[[nodiscard]] std::string name_of(Rcode code);  ///< "NOTAUTH"; "RCODE 23" for those without a name here.

enum class Opcode : std::uint8_t { Query = 0, Update = 5 };

/// RFC 1035 3.2.4 and RFC 2136 2.4: what the class field of a record says.
enum RecordClass : std::uint16_t { kClassIn = 1, kClassNone = 254, kClassAny = 255 };

/// A record as it stands in a message; RDATA without compression.
struct WireRecord {
  std::string name;  ///< Lower case; empty: the root. Octets that no name of ours has are written \DDD (RFC 1035 5.1).
  std::uint16_t type = 0;
  std::uint16_t record_class = kClassIn;
  std::uint32_t ttl = 0;
  Bytes rdata;
  std::size_t begin = 0;  ///< Where it begins in the message.
};

struct Message {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::vector<WireRecord> questions;  ///< Name, type and class only.
  std::vector<WireRecord> answers, authority, additional;

  [[nodiscard]] bool is_response() const noexcept { return (flags & 0x8000) != 0; }
  [[nodiscard]] bool is_truncated() const noexcept { return (flags & 0x0200) != 0; }
  [[nodiscard]] Opcode opcode() const noexcept { return static_cast<Opcode>(flags >> 11 & 0xF); }
  [[nodiscard]] Rcode rcode() const noexcept { return static_cast<Rcode>(flags & 0xF); }
};

/// BadInput names the part that is wrong; bytes behind the last record are wrong too. TooLarge over the limits.
[[nodiscard]] Result<Message> parse_message(ByteView bytes);

/// The inverse, for what we send. BadInput for a name that no name of ours is (dns/rdata.hpp, and those with \DDD). TooLarge over
/// kMessageLimit.
[[nodiscard]] Result<Bytes> encode_message(const Message& message);

/// One question (RFC 1035 4.1.2), without recursion: it is for a server of the zone itself. BadInput for a name that is none.
[[nodiscard]] Result<Bytes> encode_query(std::string_view name, dns::RecordType type, std::uint16_t id);

/// What a response to that question says. CNAMEs are followed inside the message; where they lead out of it, the answer has a
/// canonical_name and no records (NoData), and the caller asks there. SERVFAIL, REFUSED and the like are ServFail. Never `secure`: nothing
/// was validated. BadInput when it is no response to this question.
[[nodiscard]] Result<dns::Answer> read_answer(ByteView response, std::string_view name, dns::RecordType type, std::uint16_t id);

/// The zone that a response to a SOA question at `name` shows: the owner of the SOA in its answer or authority section (RFC 2308 3).
/// NotFound when it shows none, as a server that does not have the zone answers.
[[nodiscard]] Result<std::string> read_zone(ByteView response, std::string_view name, std::uint16_t id);

}  // namespace postern::dnszone
