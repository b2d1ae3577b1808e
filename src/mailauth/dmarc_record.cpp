// The record, and names.
#include <algorithm>

#include "base/text.hpp"
#include "mailauth/dmarc.hpp"

namespace postern {
namespace {

constexpr std::size_t kMostTags = 64;
constexpr std::size_t kMostUris = 16;

std::optional<DmarcPolicy> policy_of(std::string_view text) {
  if (iequals(text, "none")) return DmarcPolicy::None;
  if (iequals(text, "quarantine")) return DmarcPolicy::Quarantine;
  if (iequals(text, "reject")) return DmarcPolicy::Reject;
  return std::nullopt;
}

std::vector<std::string> uris_of(std::string_view value) {
  std::vector<std::string> out;
  for (const std::string_view part : split(value, ',')) {
    const std::string_view uri = trim(part);
    const bool visible = std::ranges::all_of(uri, [](char c) { return c > 0x20 && c < 0x7f; });  // RFC 3986 2; they are shown to people
    if (!uri.empty() && visible && uri.find(':') != std::string_view::npos && out.size() < kMostUris) out.emplace_back(uri);
  }
  return out;
}

void read_failure_options(std::string_view value, std::vector<char>& out) {
  for (const std::string_view part : split(value, ':')) {
    const std::string_view option = trim(part);
    if (option.size() == 1 && std::string_view("01ds").find(ascii_lower(option[0])) != std::string_view::npos)
      out.push_back(ascii_lower(option[0]));
  }
}

std::optional<DmarcPolicy> read_policy(std::string_view name, std::string_view value, DmarcRecord& out) {
  const auto policy = policy_of(value);
  if (!policy && out.fault.empty()) out.fault = std::string(name) + "=" + printable(value, 32) + " is not valid";
  return policy;
}

void read_tag(std::string_view name, std::string_view value, DmarcRecord& out) {
  if (iequals(name, "sp")) out.subdomains = read_policy("sp", value, out);
  if (iequals(name, "np")) out.non_existent = read_policy("np", value, out);
  if (iequals(name, "adkim")) out.strict_dkim = iequals(value, "s");
  if (iequals(name, "aspf")) out.strict_spf = iequals(value, "s");
  if (iequals(name, "t")) out.testing = iequals(value, "y");
  if (iequals(name, "pct")) out.testing = out.testing || value == "0";  // RFC 9989 A.6: what pct=0 was used for
  if (iequals(name, "rua")) out.aggregate_to = uris_of(value);
  if (iequals(name, "ruf")) out.failure_to = uris_of(value);
  if (iequals(name, "fo")) read_failure_options(value, out.failure_options);
  if (iequals(name, "psd") && (iequals(value, "y") || iequals(value, "n"))) out.public_suffix = iequals(value, "y");
}

/// "v=DMARC1" as the first tag, exactly (4.7).
bool has_version(std::string_view tag) {
  const auto equals = tag.find('=');
  return equals != std::string_view::npos && iequals(trim(tag.substr(0, equals)), "v") && trim(tag.substr(equals + 1)) == "DMARC1";
}

}  // namespace

std::string_view name_of(DmarcPolicy policy) noexcept {
  switch (policy) {
    case DmarcPolicy::None: return "none";
    case DmarcPolicy::Quarantine: return "quarantine";
    case DmarcPolicy::Reject: return "reject";
  }
  return "none";
}

std::string_view name_of(DmarcResult result) noexcept {
  switch (result) {
    case DmarcResult::None: return "none";
    case DmarcResult::Pass: return "pass";
    case DmarcResult::Fail: return "fail";
    case DmarcResult::TempError: return "temperror";
    case DmarcResult::PermError: return "permerror";
  }
  return "permerror";
}

Result<DmarcRecord> parse_dmarc_record(std::string_view text) {
  const auto tags = split(text, ';');
  if (!has_version(tags.front())) return fail(ErrorCode::BadInput, "does not begin with v=DMARC1", "v");
  DmarcRecord out;
  std::optional<DmarcPolicy> policy;
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < std::min(tags.size(), kMostTags); ++i) {
    const auto equals = tags[i].find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = trim(tags[i].substr(0, equals)), value = trim(tags[i].substr(equals + 1));
    if (std::ranges::any_of(seen, [name](std::string_view known) { return iequals(known, name); })) continue;  // the first counts
    seen.push_back(name);
    if (iequals(name, "p")) policy = read_policy("p", value, out);
    read_tag(name, value, out);
  }
  if (!policy && out.fault.empty() && out.aggregate_to.empty()) out.fault = "p= is missing";
  if (out.fault.empty()) {
    out.policy = policy.value_or(DmarcPolicy::None);  // 4.7: RECOMMENDED
  } else {
    out.subdomains = out.non_existent = std::nullopt;
  }
  return out;
}

}  // namespace postern
