// Dynamic updates (RFC 2136), signed (RFC 8945): from records to add and remove to the bytes of one request, and from the bytes of its
// response to "done" or a sentence that says what to do. No I/O.
//
// A removal names its record with its value (RFC 2136 2.5.4), so that nothing else of the RRset goes; no request of ours deletes an RRset
// or a name as a whole. What was read before may have changed since: an Expectation makes the server do all or nothing (RFC 2136 2.4, 3.2).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dns/record.hpp"
#include "dnszone/tsig.hpp"

namespace postern::dnszone {

/// An RRset as it must still be: these values and no others; none: there is no such RRset.
struct Expectation {
  std::string name;
  dns::RecordType type = dns::RecordType::Txt;
  std::vector<dns::RecordData> values;
};

struct Update {
  std::string zone;
  std::vector<Expectation> expected;
  std::vector<dns::Record> remove;  ///< TTLs do not count.
  std::vector<dns::Record> add;     ///< After the removals.
};

/// The request, not yet signed. BadInput: a name outside the zone, data that cannot be written. TooLarge over kMessageLimit.
[[nodiscard]] Result<Bytes> encode_update(const Update& update, std::uint16_t id);

/// The response to a request that tsig_sign() made. Done only when the server says NOERROR under the key; otherwise an error:
///   Denied           NOTAUTH, REFUSED, BADKEY, BADSIG, BADTIME
///   Conflict         an expectation does not hold any more (YXDOMAIN, YXRRSET, NXRRSET, NXDOMAIN)
///   BadInput         FORMERR, NOTZONE, or bytes that are no response to the request
///   Unsupported      NOTIMP
///   Unavailable      SERVFAIL and everything else
///   IntegrityFailed  not signed with the key; whether the update was done is not known
[[nodiscard]] Status read_update_response(ByteView response, const SignedMessage& request, const TsigKey& key, std::string_view zone,
                                          WallTime now);

}  // namespace postern::dnszone
