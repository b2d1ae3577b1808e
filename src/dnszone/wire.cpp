#include "dnszone/wire.hpp"

#include <algorithm>
#include <array>

#include "base/cursor.hpp"
#include "base/text.hpp"
#include "dns/name.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kLongestName = 255;  // RFC 1035 2.3.4, on the wire
constexpr int kMostJumps = 127;            // a name has no more labels than that

constexpr std::array<std::pair<Rcode, std::string_view>, 15> kRcodes = {{
    {Rcode::NoError, "NOERROR"},
    {Rcode::FormErr, "FORMERR"},
    {Rcode::ServFail, "SERVFAIL"},
    {Rcode::NxDomain, "NXDOMAIN"},
    {Rcode::NotImp, "NOTIMP"},
    {Rcode::Refused, "REFUSED"},
    {Rcode::YxDomain, "YXDOMAIN"},
    {Rcode::YxRrset, "YXRRSET"},
    {Rcode::NxRrset, "NXRRSET"},
    {Rcode::NotAuth, "NOTAUTH"},
    {Rcode::NotZone, "NOTZONE"},
    {Rcode::BadSig, "BADSIG"},
    {Rcode::BadKey, "BADKEY"},
    {Rcode::BadTime, "BADTIME"},
    {Rcode::BadTrunc, "BADTRUNC"},
}};

tl::unexpected<Error> malformed(const char* what, const char* field) { return fail(ErrorCode::BadInput, what, field); }

/// A name as it was read: text for comparing, and the wire form with the case it had.
struct Name {
  std::string text;
  Bytes wire;
};

void append_label(Name& out, ByteView label) {
  if (!out.text.empty()) out.text += '.';
  for (const Byte octet : label) {
    const char c = ascii_lower(static_cast<char>(octet));
    if (octet > 0x20 && octet < 0x7F && c != '.' && c != '\\') {
      out.text += c;
    } else {
      out.text += '\\';
      for (const int power : {100, 10, 1}) out.text += static_cast<char>('0' + octet / power % 10);
    }
  }
  out.wire.push_back(static_cast<Byte>(label.size()));
  append(out.wire, label);
}

class Reader {
 public:
  explicit Reader(ByteView message) : m_message(message) {}

  [[nodiscard]] std::size_t at() const noexcept { return m_at; }
  [[nodiscard]] bool at_end() const noexcept { return m_at == m_message.size(); }

  Result<std::uint64_t> number(std::size_t width, const char* field) {
    ByteReader in(m_message.subspan(m_at));
    POSTERN_TRY(const std::uint64_t value, in.read_uint(width, field));
    m_at += width;
    return value;
  }

  Result<Name> name(const char* field);
  Result<WireRecord> question();
  Result<WireRecord> record();

 private:
  Result<Bytes> rdata(std::uint16_t type, std::size_t size);

  ByteView m_message;
  std::size_t m_at = 0;
};

/// RFC 1035 4.1.4. Every pointer must lead before the place where the labels that it ends began, so that a name ends.
Result<Name> Reader::name(const char* field) {
  Name out;
  std::size_t at = m_at, begin = m_at;
  int jumps = 0;
  for (;;) {
    if (at >= m_message.size()) return malformed("ends too early", field);
    const Byte size = m_message[at];
    if (size >= 0xC0) {
      if (at + 2 > m_message.size()) return malformed("ends too early", field);
      const std::size_t target = (size & 0x3FU) << 8 | m_message[at + 1];
      if (target < kHeaderSize || target >= begin || jumps == kMostJumps)
        return malformed("has a compression pointer that does not lead backwards", field);
      if (jumps++ == 0) m_at = at + 2;
      at = begin = target;
      continue;
    }
    if (size > 63) return malformed("has a label of an unknown kind", field);
    if (size == 0) break;
    if (at + 1 + size > m_message.size()) return malformed("ends too early", field);
    if (out.wire.size() + size + 2 > kLongestName) return malformed("is longer than 255 octets", field);
    append_label(out, m_message.subspan(at + 1, size));
    at += 1U + size;
  }
  if (jumps == 0) m_at = at + 1;
  out.wire.push_back(0);
  return out;
}

Result<WireRecord> Reader::question() {
  WireRecord out;
  out.begin = m_at;
  POSTERN_TRY(Name owner, name("question name"));
  out.name = std::move(owner.text);
  POSTERN_TRY(const std::uint64_t type, number(2, "question type"));
  POSTERN_TRY(const std::uint64_t record_class, number(2, "question class"));
  out.type = static_cast<std::uint16_t>(type);
  out.record_class = static_cast<std::uint16_t>(record_class);
  return out;
}

/// RFC 3597 4: compressed names are found in the types of RFC 1035, and what older servers say of SRV.
struct NamesInside {
  std::size_t before = 0;  ///< Octets in front of the names.
  std::size_t names = 0;
};
NamesInside names_inside(std::uint16_t type) {
  switch (static_cast<RecordType>(type)) {
    case RecordType::Ns:
    case RecordType::Cname:
    case RecordType::Ptr: return {0, 1};
    case RecordType::Mx: return {2, 1};
    case RecordType::Soa: return {0, 2};
    case RecordType::Srv: return {6, 1};
    default: return {};
  }
}

Result<Bytes> Reader::rdata(std::uint16_t type, std::size_t size) {
  if (m_message.size() - m_at < size) return malformed("ends too early", "RDATA");
  const std::size_t end = m_at + size;
  const NamesInside inside = names_inside(type);
  Bytes out;
  if (inside.names > 0 && size >= inside.before) {  // without data it is a deletion of RFC 2136
    append(out, m_message.subspan(m_at, inside.before));
    m_at += inside.before;
    for (std::size_t i = 0; i < inside.names && size > inside.before; ++i) {
      POSTERN_TRY(const Name target, name("RDATA"));
      append(out, target.wire);
    }
    if (m_at > end) return malformed("has a name that is longer than it", "RDATA");
  }
  append(out, m_message.subspan(m_at, end - m_at));
  m_at = end;
  return out;
}

Result<WireRecord> Reader::record() {
  POSTERN_TRY(WireRecord out, question());
  POSTERN_TRY(const std::uint64_t ttl, number(4, "TTL"));
  out.ttl = static_cast<std::uint32_t>(ttl);
  POSTERN_TRY(const std::uint64_t size, number(2, "RDLENGTH"));
  POSTERN_TRY(out.rdata, rdata(out.type, size));
  return out;
}

Status write_question(ByteWriter& out, const WireRecord& question) {
  // An octet that was read as \DDD would be written as four.
  if (question.name.find('\\') != std::string::npos) return fail(ErrorCode::BadInput, "is no name of ours", printable(question.name));
  POSTERN_TRY(const Bytes name, dns::encode_name(question.name));
  out.write_bytes(name).write_u16(question.type).write_u16(question.record_class);
  return {};
}

Status write_record(ByteWriter& out, const WireRecord& record) {
  POSTERN_CHECK(write_question(out, record));
  if (record.rdata.size() > 0xFFFF) return fail(ErrorCode::TooLarge, "a record holds at most 65,535 octets", record.name);
  out.write_u32(record.ttl).write_u16(static_cast<std::uint16_t>(record.rdata.size())).write_bytes(record.rdata);
  return {};
}

/// A response to our question: the same id, the same question (RFC 5452 9.1), whole.
Result<Message> response_to(ByteView bytes, std::string_view name, RecordType type, std::uint16_t id) {
  POSTERN_TRY(Message message, parse_message(bytes));
  if (!message.is_response() || message.id != id || message.opcode() != Opcode::Query)
    return malformed("is not an answer to the question that was sent", "response");
  const bool asked = message.questions.size() == 1 && message.questions[0].name == to_lower(name) &&
                     message.questions[0].type == static_cast<std::uint16_t>(type);
  if (!asked && message.rcode() == Rcode::NoError) return malformed("answers another question", "response");
  if (message.is_truncated()) return malformed("is cut off, over TCP", "response");
  return message;
}

const WireRecord* find_record(const std::vector<WireRecord>& records, const std::string& name, RecordType type) {
  const auto found = std::ranges::find_if(records, [&](const WireRecord& r) {
    return r.record_class == kClassIn && r.name == name && r.type == static_cast<std::uint16_t>(type);
  });
  return found == records.end() ? nullptr : &*found;
}

/// Where the CNAMEs of the message lead from `name`; each is used once, so that a loop ends.
std::string follow_aliases(const Message& message, std::string name) {
  for (std::size_t i = 0; i < message.answers.size(); ++i) {
    const WireRecord* alias = find_record(message.answers, name, RecordType::Cname);
    const auto target = alias == nullptr ? Result<dns::RecordData>(fail(Error{})) : dns::decode_rdata(RecordType::Cname, alias->rdata);
    if (!target) break;
    name = std::get<dns::NameData>(*target).name;
  }
  return name;
}

dns::AnswerStatus status_of(Rcode code) {
  if (code == Rcode::NoError) return dns::AnswerStatus::NoData;
  return code == Rcode::NxDomain ? dns::AnswerStatus::NxDomain : dns::AnswerStatus::ServFail;
}

}  // namespace

std::string name_of(Rcode code) {
  const auto found = std::ranges::find_if(kRcodes, [code](const auto& entry) { return entry.first == code; });
  return found == kRcodes.end() ? "RCODE " + std::to_string(static_cast<unsigned>(code)) : std::string(found->second);
}

Result<Message> parse_message(ByteView bytes) {
  if (bytes.size() > kMessageLimit) return fail(ErrorCode::TooLarge, "is longer than 65,535 octets", "message");
  if (bytes.size() < kHeaderSize) return malformed("ends too early", "header");
  Reader in(bytes);
  Message out;
  std::array<std::uint16_t, 6> header{};
  for (std::uint16_t& field : header) {
    POSTERN_TRY(const std::uint64_t value, in.number(2, "header"));
    field = static_cast<std::uint16_t>(value);
  }
  out.id = header[0];
  out.flags = header[1];
  if (std::size_t{0} + header[2] + header[3] + header[4] + header[5] > kRecordLimit)
    return fail(ErrorCode::TooLarge, "has more than " + std::to_string(kRecordLimit) + " records", "message");
  for (std::size_t i = 0; i < header[2]; ++i) {
    POSTERN_TRY(WireRecord question, in.question());
    out.questions.push_back(std::move(question));
  }
  std::size_t section = 3;
  for (auto* records : {&out.answers, &out.authority, &out.additional}) {
    for (std::size_t i = 0; i < header[section]; ++i) {
      POSTERN_TRY(WireRecord record, in.record());
      records->push_back(std::move(record));
    }
    ++section;
  }
  if (!in.at_end()) return malformed("has bytes behind its end", "message");
  return out;
}

Result<Bytes> encode_message(const Message& message) {
  ByteWriter out;
  out.write_u16(message.id).write_u16(message.flags);
  for (const auto* records : {&message.questions, &message.answers, &message.authority, &message.additional}) {
    if (records->size() > kRecordLimit) return fail(ErrorCode::TooLarge, "more records than one message may hold", "message");
    out.write_u16(static_cast<std::uint16_t>(records->size()));
  }
  for (const WireRecord& question : message.questions) POSTERN_CHECK(write_question(out, question));
  for (const auto* records : {&message.answers, &message.authority, &message.additional}) {
    for (const WireRecord& record : *records) POSTERN_CHECK(write_record(out, record));
  }
  if (out.bytes().size() > kMessageLimit) return fail(ErrorCode::TooLarge, "more than one DNS message holds (65,535 octets)", "message");
  return std::move(out).take();
}

Result<Bytes> encode_query(std::string_view name, RecordType type, std::uint16_t id) {
  Message message;
  message.id = id;
  message.questions.push_back({.name = std::string(name), .type = static_cast<std::uint16_t>(type), .rdata = {}});
  return encode_message(message);
}

Result<dns::Answer> read_answer(ByteView response, std::string_view name, RecordType type, std::uint16_t id) {
  POSTERN_TRY(const Message message, response_to(response, name, type, id));
  dns::Answer out;
  out.status = status_of(message.rcode());
  out.canonical_name = type == RecordType::Cname ? to_lower(name) : follow_aliases(message, to_lower(name));
  for (const WireRecord& record : message.answers) {
    if (record.record_class != kClassIn || record.name != out.canonical_name || record.type != static_cast<std::uint16_t>(type)) continue;
    POSTERN_TRY(dns::RecordData data, dns::decode_rdata(type, record.rdata));
    out.records.push_back({record.name, type, record.ttl, std::move(data)});
  }
  if (!out.records.empty()) out.status = dns::AnswerStatus::NoError;
  return out;
}

Result<std::string> read_zone(ByteView response, std::string_view name, std::uint16_t id) {
  POSTERN_TRY(const Message message, response_to(response, name, RecordType::Soa, id));
  const std::string asked = to_lower(name);
  for (const auto* records : {&message.answers, &message.authority}) {
    for (const WireRecord& record : *records) {
      if (record.type == static_cast<std::uint16_t>(RecordType::Soa) && dns::is_same_or_below(asked, record.name)) return record.name;
    }
  }
  return fail(ErrorCode::NotFound, "the server answers " + name_of(message.rcode()) + " and shows no zone that " + asked + " is in");
}

}  // namespace postern::dnszone
