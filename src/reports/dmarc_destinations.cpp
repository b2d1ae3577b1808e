#include "reports/dmarc_destinations.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"

namespace postern {
namespace {

constexpr std::size_t kMostUris = 16;
constexpr std::size_t kMostTags = 64;

/// A record of the receiving domain: v=DMARC1 in front (4, step 6), and perhaps URIs in place of ours.
struct Permission {
  std::vector<std::string> uris;
};

std::optional<Permission> parse_permission(std::string_view text, std::string_view tag) {
  const auto tags = split(text, ';');
  const auto named = [](std::string_view one) {
    const auto equals = std::min(one.find('='), one.size());
    return std::pair(trim(one.substr(0, equals)), equals < one.size() ? trim(one.substr(equals + 1)) : std::string_view());
  };
  const auto [first, version] = named(tags.front());
  if (!iequals(first, "v") || version != "DMARC1") return std::nullopt;
  Permission out;
  for (std::size_t i = 1; i < std::min(tags.size(), kMostTags); ++i) {
    const auto [name, value] = named(tags[i]);
    if (!iequals(name, tag)) continue;
    for (const std::string_view uri : split(value, ',')) {
      if (!trim(uri).empty() && out.uris.size() < kMostUris) out.uris.emplace_back(trim(uri));
    }
    break;  // the first counts
  }
  return out;
}

class Destinations {
 public:
  Destinations(std::string_view policy_domain, DmarcReportKind kind, DnsPort& dns, const PublicSuffixList* suffixes)
      : m_domain(policy_domain), m_tag(kind == DmarcReportKind::Aggregate ? "rua" : "ruf"), m_dns(dns), m_suffixes(suffixes) {}

  DmarcDestination judge(const std::string& uri) {
    DmarcDestination out{.uri = uri, .usable = false, .try_later = false, .targets = {}, .reason = {}};
    const auto parsed = parse_dmarc_report_uri(uri);
    if (!parsed) {
      out.reason = parsed.error().what;
      return out;
    }
    const auto same = is_same_organization(parsed->host);
    Status done = same ? Status() : Status(fail(same.error()));
    if (done && *same) out.targets.push_back(*parsed);
    if (done && !*same) done = ask(*parsed, out);
    out.usable = done.has_value();
    if (done) return out;
    out.targets.clear();
    out.reason = done.error().what;
    out.try_later = done.error().code == ErrorCode::Unavailable;
    return out;
  }

 private:
  /// 4: of the same organizational domain, nobody has to be asked.
  Result<bool> is_same_organization(const std::string& host) {
    if (host == m_domain) return true;
    if (m_organization.empty()) {
      POSTERN_TRY(m_organization, dmarc_organizational_domain(m_domain, m_dns, m_suffixes));
    }
    if (!dns::is_same_or_below(host, m_organization)) return false;
    POSTERN_TRY(const std::string theirs, dmarc_organizational_domain(host, m_dns, m_suffixes));
    return theirs == m_organization;
  }

  /// 4, steps 2 to 9.
  Status ask(const DmarcReportUri& uri, DmarcDestination& out) {
    const std::string name = m_domain + "._report._dmarc." + uri.host;
    const auto answer = m_dns.query(name, dns::RecordType::Txt);
    if (!answer) return fail(ErrorCode::Denied, "the name that would permit it is longer than DNS allows");
    if (answer->is_temporary_failure()) return fail(ErrorCode::Unavailable, "DNS could not be asked for " + name + " TXT");
    bool permitted = false;
    for (const auto& text : answer->all<dns::TxtData>()) {
      const auto permission = parse_permission(text.joined(), m_tag);
      if (!permission) continue;
      permitted = true;
      if (out.targets.empty()) POSTERN_CHECK(replace(*permission, uri.host, out));
    }
    if (!permitted) return fail(ErrorCode::Denied, uri.host + " does not say that it takes them: no record v=DMARC1 at " + name);
    if (out.targets.empty()) out.targets.push_back(uri);
    return {};
  }

  /// Step 9: other URIs must be of the same host, or else nothing is sent at all. What is no URI that we can use replaces nothing.
  static Status replace(const Permission& permission, const std::string& host, DmarcDestination& out) {
    for (const auto& uri : permission.uris) {
      auto other = parse_dmarc_report_uri(uri);
      if (!other) continue;
      if (other->host != host) return fail(ErrorCode::Denied, host + " sends its reports on to another domain, which it may not");
      out.targets.push_back(*std::move(other));
    }
    return {};
  }

  std::string m_domain, m_organization;
  std::string_view m_tag;
  DnsPort& m_dns;
  const PublicSuffixList* m_suffixes;
};

}  // namespace

std::vector<DmarcDestination> dmarc_destinations(std::string_view policy_domain, std::span<const std::string> uris, DmarcReportKind kind,
                                                 DnsPort& dns, const PublicSuffixList* suffixes) {
  Destinations destinations(policy_domain, kind, dns, suffixes);
  std::vector<DmarcDestination> out;
  for (const std::string& uri : uris.first(std::min(uris.size(), kMostUris))) out.push_back(destinations.judge(uri));
  return out;
}

}  // namespace postern
