// The keys of people: OPENPGPKEY and SMIMEA. Whatever else stands under such a name may be the person's own, and stays.
#include <algorithm>

#include "dnszone/comparing.hpp"
#include "dnszone/people.hpp"
#include "pki/certificate.hpp"

namespace postern::dnszone {
namespace {

using dns::OpaqueData;
using dns::TlsaData;

/// How a record of DNS stands to the one that is wanted.
enum class Kinship { Same, Former, Stranger };

Kinship kinship_of_key(const dns::RecordData& wanted, const dns::RecordData& found) {
  const auto *ours = std::get_if<OpaqueData>(&wanted), *theirs = std::get_if<OpaqueData>(&found);
  if (ours == nullptr || theirs == nullptr) return Kinship::Stranger;
  if (ours->data == theirs->data) return Kinship::Same;
  const auto a = primary_key_packet(ours->data), b = primary_key_packet(theirs->data);
  return a && b && std::ranges::equal(*a, *b) ? Kinship::Former : Kinship::Stranger;
}

/// Of the same key, or issued by the same CA for the same person.
bool is_replaced(const Certificate& ours, const Certificate& theirs) {
  if (ours.spki_fingerprint() == theirs.spki_fingerprint()) return true;
  const auto addresses = ours.emails();
  return ours.issuer() == theirs.issuer() && !addresses.empty() && theirs.has_email(addresses.front());
}

/// RFC 8162 2: a digest only vouches for a certificate that the sender has already, so only "3 0 0" will do.
Kinship kinship_of_certificate(const dns::RecordData& wanted, const dns::RecordData& found) {
  const auto *ours = std::get_if<TlsaData>(&wanted), *theirs = std::get_if<TlsaData>(&found);
  if (ours == nullptr || theirs == nullptr || theirs->usage != 3 || theirs->selector != 0 || theirs->matching != 0)
    return Kinship::Stranger;
  if (ours->data == theirs->data) return Kinship::Same;
  const auto a = Certificate::from_der(ours->data), b = Certificate::from_der(theirs->data);
  return a && b && is_replaced(*a, *b) ? Kinship::Former : Kinship::Stranger;
}

Kinship kinship_of(const WantedRecord& wanted, const dns::Record& found) {
  return wanted.kind == RecordKind::Smimea ? kinship_of_certificate(wanted.record.data, found.data)
                                           : kinship_of_key(wanted.record.data, found.data);
}

struct PersonView {
  std::vector<dns::Record> former;
  bool has_same = false, has_strangers = false;
};

PersonView view_of(const WantedRecord& wanted, const dns::Answer& answer) {
  PersonView out;
  for (const dns::Record& record : answer.records) {
    const Kinship kinship = kinship_of(wanted, record);
    if (kinship == Kinship::Former) out.former.push_back(record);
    out.has_same = out.has_same || kinship == Kinship::Same;
    out.has_strangers = out.has_strangers || kinship == Kinship::Stranger;
  }
  return out;
}

Finding present(const Comparing& c, const WantedRecord& wanted, const dns::Answer& answer, const PersonView& found) {
  if (!c.is_authoritative() && !answer.secure)
    return finding_of(wanted, Standing::Insecure, true,
                      wanted.kind == RecordKind::Smimea ? "the zone is not signed with DNSSEC, so nobody may use the record (RFC 8162)"
                                                        : "the zone is not signed with DNSSEC, so nobody may use the record (RFC 7929)");
  return finding_of(wanted, Standing::Ok, false,
                    found.has_strangers ? "another record stands beside it; remove it unless it is the person's own" : "");
}

Finding judge_person(const Comparing& c, const WantedRecord& wanted, const dns::Answer& answer) {
  const std::string& name = wanted.record.name;
  if (answer.is_temporary_failure()) return finding_of(wanted, Standing::Unreachable, true, unreachable_text(answer, name));
  const PersonView found = view_of(wanted, answer);
  if (found.has_same && found.former.empty()) return present(c, wanted, answer, found);
  Finding out = finding_of(wanted, answer.records.empty() ? Standing::Missing : Standing::Differs, true,
                           answer.records.empty()  ? "correspondents do not find the key; publish it"
                           : !found.former.empty() ? "a former state of the key or certificate is there; publish it"
                                                   : "correspondents find another key, which is not here; publish it");
  if (is_delegated(answer, name)) {
    out.message += "; " + delegation_text(answer);
    return out;
  }
  out.remove = found.former;
  if (!found.has_same) out.add.push_back(wanted.record);
  return out;
}

/// Keys are long.
std::string shortened(const std::string& text) {
  constexpr std::size_t kShown = 64;
  return text.size() > kShown ? text.substr(0, kShown) + "..." : text;
}

}  // namespace

void compare_people(const Comparing& c) {
  for (const RecordKind kind : {RecordKind::OpenPgpKey, RecordKind::Smimea}) {
    for (const WantedRecord* wanted : c.of(kind)) {
      const dns::Answer answer = c.ask(wanted->record.name, wanted->record.type);
      Finding out = judge_person(c, *wanted, answer);
      out.wanted = shortened(out.wanted);
      for (const std::string& text : texts_of(answer.records)) out.found.push_back(shortened(text));
      c.out.push_back(std::move(out));
    }
  }
}

}  // namespace postern::dnszone
