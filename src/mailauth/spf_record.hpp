// An SPF record as values: the grammar of RFC 7208 12, read whole before anything is evaluated (4.6: a syntax error anywhere in the record
// is a permerror, even behind a mechanism that would have matched).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/ip_address.hpp"

namespace postern {

enum class SpfQualifier { Pass, Fail, SoftFail, Neutral };  ///< + - ~ ?

enum class SpfMechanismKind { All, Include, A, Mx, Ptr, Ip4, Ip6, Exists };
[[nodiscard]] std::string_view name_of(SpfMechanismKind kind) noexcept;

struct SpfMechanism {
  SpfQualifier qualifier = SpfQualifier::Pass;
  SpfMechanismKind kind = SpfMechanismKind::All;
  std::string domain;      ///< domain-spec, not expanded; empty: the current domain.
  dns::IpAddress network;  ///< Of ip4 and ip6.
  unsigned prefix4 = 32, prefix6 = 128;
  std::string text;  ///< As written, for reports.
};

struct SpfRecord {
  std::vector<SpfMechanism> mechanisms;
  std::optional<std::string> redirect, explanation;  ///< domain-spec
};

/// Whether a TXT record is an SPF record at all (4.5: "v=spf1", then a space or the end).
[[nodiscard]] bool is_spf_record(std::string_view text) noexcept;

/// `text` of such a record. BadInput names the term. At most 64 KiB, which no DNS answer exceeds.
[[nodiscard]] Result<SpfRecord> parse_spf_record(std::string_view text);

}  // namespace postern
