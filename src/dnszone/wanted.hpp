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

enum class DkimUse {
  Signs,
  Next,       ///< Signs when DNS has it.
  Former,     ///< Signed; mail that it signed is under way.
  Withdrawn,  ///< Signed long ago; is to leave DNS.
};

/// A DKIM key record that stands, has to stand, or must not stand any longer in DNS.
struct DkimFact {
  std::string name;   ///< "ed-v2._domainkey.example.org"
  std::string value;  ///< The TXT record; empty: it is not known here, only that a selector signs under this name.
  DkimUse use = DkimUse::Signs;
  std::string at = {};  ///< Where a CNAME under `name` leads, to the record itself; empty: it stands under `name`.

  [[nodiscard]] const std::string& place() const noexcept { return at.empty() ? name : at; }
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

/// A CA that may issue certificates for the domain.
struct CaaChoice {
  std::string tag = "issue";  ///< Or "issuemail" (RFC 9495).
  std::string issuer;         ///< "ca.example", with parameters if need be: "ca.example; accounturi=..."; ";" means nobody.
};

/// What mail programs look for when they know an address only (RFC 6186, RFC 8314 5.1).
enum class MailService {
  Submissions,  ///< Implicit TLS, usually port 465.
  Submission,   ///< STARTTLS, usually port 587.
  Imaps,        ///< Usually port 993.
};
inline constexpr MailService kMailServices[] = {MailService::Submissions, MailService::Submission, MailService::Imaps};
[[nodiscard]] std::string_view name_of(MailService service) noexcept;  ///< "submissions"
[[nodiscard]] std::uint16_t usual_port(MailService service) noexcept;

struct ServiceFact {
  MailService service = MailService::Submissions;
  std::string host;        ///< Empty: the domain does not offer it (RFC 6186 3.4).
  std::uint16_t port = 0;  ///< 0 with an empty host.
  bool chosen = true;      ///< By the operator; else a default, which any host that DNS names satisfies.
};

/// One of the domain's people, whose keys are shown to correspondents (people.hpp).
struct PersonFact {
  std::string local_part;  ///< UTF-8, without quotes, as correspondents write it.
  Bytes openpgp;           ///< A transferable public key (RFC 9580 10.1), binary; empty: none.
  Bytes certificate;       ///< S/MIME, DER; empty: none.
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
  std::vector<dns::TlsaData> tlsa_former;   ///< Ours once; not wanted any more.
  std::optional<std::string> spf;           ///< Default "v=spf1 mx -all".
  std::optional<DmarcChoice> dmarc;         ///< Default: policy none, reports to postmaster.
  MtaStsChoice mta_sts;
  std::optional<std::vector<std::string>> tls_report_to;  ///< Default: postmaster.
  std::vector<CaaChoice> caa;                             ///< None: whatever DNS says is right.
  std::vector<ServiceFact> services;                      ///< Of one that is not here nothing is wanted.
  std::vector<PersonFact> people;
  std::uint32_t ttl = 3600;
};

enum class RecordKind { Mx, Address, Spf, DkimAlias, Dkim, Dmarc, MtaSts, MtaStsHost, TlsReport, Tlsa, Caa, Service, OpenPgpKey, Smimea };
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
/// BadInput names the fact that is wrong: a name, an SPF record that does not parse, an id, a report address, a CA, a service. TooLarge:
/// a record of more than 65,535 octets.
[[nodiscard]] Result<WantedZone> wanted_zone(ZoneFacts facts);

/// "_25._tcp.mx.example.org" (RFC 7672 2.2.3).
[[nodiscard]] std::string tlsa_name(std::string_view hostname);

/// "_submissions._tcp.example.org" (RFC 6186 3).
[[nodiscard]] std::string service_name(MailService service, std::string_view domain);

}  // namespace postern::dnszone
