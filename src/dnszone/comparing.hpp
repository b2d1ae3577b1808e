// What the parts of compare() share. Internal to dnszone/.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dnszone/compare.hpp"

namespace postern::dnszone {

struct Comparing {
  const ZoneFacts& facts;
  const std::vector<WantedRecord>& records;
  DnsPort& dns;
  const CompareOptions& options;
  std::vector<Finding>& out;

  [[nodiscard]] bool is_authoritative() const noexcept { return !options.zone.empty(); }
  /// Whether the name is looked at at all.
  [[nodiscard]] bool is_in_scope(std::string_view name) const;
  [[nodiscard]] std::vector<const WantedRecord*> of(RecordKind kind) const;
  /// What is no question is a ServFail.
  [[nodiscard]] dns::Answer ask(const std::string& name, dns::RecordType type) const;
};

[[nodiscard]] Finding finding_of(const WantedRecord& wanted, Standing standing, bool fatal, std::string message);
/// The data of records, as a zone file has it.
[[nodiscard]] std::vector<std::string> texts_of(std::span<const dns::Record> records);
/// The finding about a name of which nothing special is wanted.
[[nodiscard]] Finding plain_finding(RecordKind kind, std::string name, dns::RecordType type);
[[nodiscard]] std::string unreachable_text(const dns::Answer& answer, const std::string& name);
/// "a -> b" where the records stand under another name: they are changed there.
[[nodiscard]] bool is_delegated(const dns::Answer& answer, const std::string& name);
[[nodiscard]] std::string delegation_text(const dns::Answer& answer);

/// One policy text among the TXT records of a name, and how it is judged.
struct TxtRule {
  std::function<bool(const std::string& text)> is_one;  ///< Whether a TXT record of this name is of our kind at all.
  std::function<Finding(const WantedRecord& wanted, const std::string& text)> judge;  ///< Of the only one there is.
  std::string what;                                                                   ///< "SPF record"
  std::string none_means;                                                             ///< What happens while there is none.
};
/// Missing, Duplicate and Unreachable are the same for all of them. What publishing would replace are the texts of the kind, nothing else.
void compare_txt(const Comparing& c, const WantedRecord& wanted, const TxtRule& rule);

void compare_mx(const Comparing& c);
void compare_addresses(const Comparing& c);
void compare_spf(const Comparing& c);
void compare_dkim(const Comparing& c);
void compare_dmarc(const Comparing& c);
void compare_mta_sts(const Comparing& c);
void compare_mta_sts_host(const Comparing& c);
void compare_tls_report(const Comparing& c);
void compare_tlsa(const Comparing& c);
void compare_caa(const Comparing& c);
void compare_services(const Comparing& c);
void compare_people(const Comparing& c);

}  // namespace postern::dnszone
