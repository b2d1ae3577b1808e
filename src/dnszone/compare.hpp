// What a domain wants (wanted.hpp) against what DNS says: one finding for each record, and for each that should not be there.
//
// Asks a DnsPort that answers at once; a shell runs it over a dns::QuestionTable and again until nothing is open (dns/questions.hpp).
// Records are judged by their meaning: the order of tags, the strings a TXT record is cut into and the case of names do not matter, and
// where the operator chose nothing, any valid record will do. Total: what strangers wrote into the zone can make findings only. No I/O.
//
// Does not do: fetching the MTA-STS policy, asking the MX host for its certificate, following delegations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "dnszone/wanted.hpp"

namespace postern::dnszone {

enum class Standing {
  Ok,
  Missing,      ///< DNS does not have it.
  Differs,      ///< DNS has another one that does not do, or one whose meaning is wrong.
  Duplicate,    ///< More than one where the standard allows one, so that there is none.
  Extra,        ///< There and not ours.
  Insecure,     ///< A TLSA record outside DNSSEC, which nobody uses (RFC 7672 2.2).
  Unreachable,  ///< DNS did not answer, or the daemon was not asked: not known.
};
[[nodiscard]] std::string_view name_of(Standing standing) noexcept;  ///< "ok"

struct Finding {
  RecordKind kind = RecordKind::Mx;
  std::string name;
  dns::RecordType type = dns::RecordType::Txt;
  Standing standing = Standing::Ok;
  bool fatal = false;              ///< Mail does not work as it should, or it is not known. Else, beside Ok, a warning.
  std::string wanted;              ///< Zone-file data; empty: nothing is.
  std::vector<std::string> found;  ///< The same of what DNS has, as far as it matters.
  std::string message;             ///< What it means and what to do next; may be empty with Ok.

  // What publishing would do about it (plan.hpp). Only records that are ours to replace are here.
  std::vector<dns::Record> add;
  std::vector<dns::Record> remove;
};

struct Comparison {
  std::vector<Finding> findings;
  [[nodiscard]] bool is_right() const noexcept;  ///< No finding is fatal.
};

struct CompareOptions {
  /// Not empty: a server of this zone is asked itself. Only what is in the zone is looked at, whatever needs other zones (SPF, report
  /// addresses elsewhere) or a validating resolver (DNSSEC) is not judged.
  std::string zone;
  WallTime now{};
};

[[nodiscard]] Comparison compare(const WantedZone& wanted, DnsPort& dns, const CompareOptions& options = {});

}  // namespace postern::dnszone
