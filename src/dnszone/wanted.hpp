// The complete set of DNS records with which a domain's mail works: from facts to records, each with the reason why it is there. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/record.hpp"
#include "mailauth/dmarc.hpp"
#include "tlspolicy/mta_sts.hpp"

namespace postern::dnszone {

/// A DKIM key record that stands, or has to stand, in DNS.
struct DkimFact {
  std::string name;    ///< "ed-v2._domainkey.example.org"
  std::string value;   ///< The TXT record; empty: it is not known here, only that a selector signs under this name.
  bool active = true;  ///< Signs now; else it signs as soon as DNS has it.
};

struct DmarcChoice {
  DmarcPolicy policy = DmarcPolicy::None;
  std::vector<std::string> report_to;  ///< "mailto:reports@example.org"
};

struct MtaStsChoice {
  MtaStsMode mode = MtaStsMode::None;  ///< None: no records. DNS does not show the mode, the policy file does (RFC 8461 3.2).
  std::string id;                      ///< 1 to 32 letters and digits (RFC 8461 3.1).
  bool id_chosen = false;              ///< Else any id that DNS has is as good.
};

/// What is known and what was chosen. What was not chosen has a default here, and is satisfied by whatever valid record DNS has.
struct ZoneFacts {
  std::string domain;
  std::string hostname;                   ///< Of the MX.
  std::vector<dns::IpAddress> addresses;  ///< Of the MX; empty: DNS is asked for them.
  std::uint16_t preference = 10;
  std::vector<DkimFact> dkim;
  std::vector<dns::TlsaData> tlsa_current;  ///< Of the key that the MX shows now.
  std::vector<dns::TlsaData> tlsa_next;     ///< Of the one that comes next, published before it (RFC 7671 8.1).
  std::optional<std::string> spf;           ///< Default "v=spf1 mx -all".
  std::optional<DmarcChoice> dmarc;         ///< Default: policy none, reports to postmaster.
  MtaStsChoice mta_sts;
  std::optional<std::vector<std::string>> tls_report_to;  ///< Default: postmaster.
  std::uint32_t ttl = 3600;
};

enum class RecordKind { Mx, Address, Spf, Dkim, Dmarc, MtaSts, MtaStsHost, TlsReport, Tlsa };
[[nodiscard]] std::string_view name_of(RecordKind kind) noexcept;  ///< "mta-sts-host"

struct WantedRecord {
  RecordKind kind = RecordKind::Mx;
  dns::Record record;
  bool chosen = true;  ///< By a fact or by the operator; else it is a default.
  std::string why;     ///< One sentence with the clause.
};

struct WantedZone {
  ZoneFacts facts;                    ///< Names normalized.
  std::vector<WantedRecord> records;  ///< In the order of RecordKind.
};
/// BadInput names the fact that is wrong: a name, an SPF record that does not parse, an id, a report address.
[[nodiscard]] Result<WantedZone> wanted_zone(ZoneFacts facts);

/// "_25._tcp.mx.example.org" (RFC 7672 2.2.3).
[[nodiscard]] std::string tlsa_name(std::string_view hostname);

}  // namespace postern::dnszone
