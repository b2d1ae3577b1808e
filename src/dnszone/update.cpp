#include "dnszone/update.hpp"

#include <cstdlib>

#include "dns/name.hpp"

namespace postern::dnszone {
namespace {

constexpr std::uint16_t kUpdateFlags = static_cast<std::uint16_t>(static_cast<unsigned>(Opcode::Update) << 11);

struct Fault {
  ErrorCode code;
  std::string what;
};

Result<WireRecord> wire_record(const std::string& zone, const std::string& name, dns::RecordType type, std::uint16_t record_class,
                               std::uint32_t ttl) {
  // RFC 2136 3.2, 3.4.1: a name outside the zone is answered with NOTZONE; say so before anything is sent.
  if (!dns::is_same_or_below(name, zone)) return fail(ErrorCode::BadInput, "is not in the zone " + zone, name);
  return WireRecord{.name = name, .type = static_cast<std::uint16_t>(type), .record_class = record_class, .ttl = ttl, .rdata = {}};
}

/// RFC 2136 2.4.2 (the RRset has these values) and 2.4.3 (it does not exist).
Status add_expectation(const std::string& zone, const Expectation& expected, std::vector<WireRecord>& out) {
  if (expected.values.empty()) {
    POSTERN_TRY(WireRecord absent, wire_record(zone, expected.name, expected.type, kClassNone, 0));
    out.push_back(std::move(absent));
  }
  for (const dns::RecordData& value : expected.values) {
    POSTERN_TRY(WireRecord present, wire_record(zone, expected.name, expected.type, kClassIn, 0));
    POSTERN_TRY(present.rdata, dns::encode_rdata(value));
    out.push_back(std::move(present));
  }
  return {};
}

/// RFC 2136 2.5.1 (add) and 2.5.4 (delete one record).
Status add_change(const std::string& zone, const dns::Record& record, bool removal, std::vector<WireRecord>& out) {
  POSTERN_TRY(WireRecord change, wire_record(zone, record.name, record.type, removal ? kClassNone : kClassIn, removal ? 0 : record.ttl));
  POSTERN_TRY(change.rdata, dns::encode_rdata(record.data));
  out.push_back(std::move(change));
  return {};
}

std::string clocks_apart(const TsigVerdict& verdict, WallTime now) {
  std::string out = "BADTIME: the server's clock and ours are too far apart";
  if (verdict.server_time) {
    const std::int64_t by = verdict.server_time->count() - unix_seconds(now);
    out += " (the server's is " + std::to_string(std::abs(by)) + " seconds " + (by > 0 ? "ahead)" : "behind)");
  }
  return out + "; set the clock that is wrong, then publish again";
}

/// RFC 8945 5.3.2, 5.4.
Fault tsig_fault(const TsigVerdict& verdict, const TsigKey& key, WallTime now) {
  const std::string algorithm(name_of(key.algorithm));
  switch (verdict.error) {
    case Rcode::BadKey:
      return {ErrorCode::Denied,
              "BADKEY: the server has no key " + key.name + " with " + algorithm +
                  ", or lets it do nothing in this zone; put the key of this "
                  "file into its configuration, with the same name and algorithm, allow it to update the zone, and reload"};
    case Rcode::BadSig:
      return {ErrorCode::Denied,
              "BADSIG: the server has another secret under the name " + key.name + "; copy the key file from the server again"};
    case Rcode::BadTime: return {ErrorCode::Denied, clocks_apart(verdict, now)};
    default: return {ErrorCode::Denied, name_of(verdict.error) + ": the server did not accept the signature; see its log"};
  }
}

/// RFC 2136 2.2, 3.
Fault rcode_fault(Rcode code, const std::string& zone, const TsigKey& key) {
  switch (code) {
    case Rcode::Refused:
      return {ErrorCode::Denied, "REFUSED: the server does not let the key " + key.name + " change these names of " + zone +
                                     "; allow it there (BIND: update-policy or allow-update, Knot: acl with action update)"};
    case Rcode::NotAuth:
      return {ErrorCode::Denied, "NOTAUTH: the server is not the primary of a zone " + zone +
                                     ", or the key is not for it; give the primary with --server and the zone's own name with --zone"};
    case Rcode::NotZone: return {ErrorCode::BadInput, "NOTZONE: a name is not in the zone " + zone + "; give the right one with --zone"};
    case Rcode::YxDomain:
    case Rcode::YxRrset:
    case Rcode::NxRrset:
    case Rcode::NxDomain: return {ErrorCode::Conflict, name_of(code) + ": the zone was changed meanwhile, nothing was done; publish again"};
    case Rcode::FormErr: return {ErrorCode::BadInput, "FORMERR: the server does not understand the update; see its log"};
    case Rcode::NotImp: return {ErrorCode::Unsupported, "NOTIMP: the server does not do dynamic updates (RFC 2136); ask its primary"};
    case Rcode::ServFail:
      return {ErrorCode::Unavailable,
              "SERVFAIL: the server could not do it (a zone that is frozen, or a file it may not write?); see its log"};
    default: return {ErrorCode::Unavailable, "the server answers " + name_of(code) + "; see its log"};
  }
}

Status check_is_response(const Message& message, const Message& request) {
  if (message.is_response() && message.opcode() == Opcode::Update && message.id == request.id) return {};
  return fail(ErrorCode::BadInput, "the server's answer is not one to our update; is this a DNS server?", "response");
}

}  // namespace

Result<Bytes> encode_update(const Update& update, std::uint16_t id) {
  POSTERN_TRY(const std::string zone, dns::normalize_name(update.zone));
  Message out;
  out.id = id;
  out.flags = kUpdateFlags;
  // RFC 2136 2.3: the zone section is one SOA question.
  out.questions.push_back({.name = zone, .type = static_cast<std::uint16_t>(dns::RecordType::Soa), .rdata = {}});
  for (const Expectation& expected : update.expected) POSTERN_CHECK(add_expectation(zone, expected, out.answers));
  for (const dns::Record& record : update.remove) POSTERN_CHECK(add_change(zone, record, true, out.authority));
  for (const dns::Record& record : update.add) POSTERN_CHECK(add_change(zone, record, false, out.authority));
  return encode_message(out);
}

Status read_update_response(ByteView response, const SignedMessage& request, const TsigKey& key, std::string_view zone, WallTime now) {
  POSTERN_TRY(const Message message, parse_message(response));
  POSTERN_TRY(const Message sent, parse_message(request.bytes));
  POSTERN_CHECK(check_is_response(message, sent));
  POSTERN_TRY(const TsigVerdict verdict, tsig_verify(response, key, request.mac, now));
  const std::string unproven = verdict.verified ? "" : " (the answer is not signed)";
  if (verdict.error != Rcode::NoError) {
    Fault fault = tsig_fault(verdict, key, now);
    return fail(fault.code, fault.what + unproven);
  }
  if (message.rcode() != Rcode::NoError) {
    Fault fault = rcode_fault(message.rcode(), std::string(zone), key);
    return fail(fault.code, fault.what + unproven);
  }
  // RFC 8945 5.3: a server that checked our signature signs its answer.
  if (!verdict.verified)
    return fail(ErrorCode::IntegrityFailed, "the server says done, but does not sign it; check the zone, and why the key is not asked for");
  return {};
}

}  // namespace postern::dnszone
