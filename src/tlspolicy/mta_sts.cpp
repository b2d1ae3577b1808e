#include "tlspolicy/mta_sts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "dns/name.hpp"

namespace postern {
namespace {

constexpr std::string_view kVersion = "v=STSv1";
constexpr std::size_t kIdLimit = 32;
constexpr std::size_t kNameLimit = 32;
constexpr std::size_t kMaxAgeDigits = 10;

std::string_view trim_wsp(std::string_view text) {
  while (!text.empty() && is_wsp(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_wsp(text.back())) text.remove_suffix(1);
  return text;
}

// RFC 8461 3.1: "v=STSv1", then a delimiter; case counts
bool is_sts(std::string_view record) {
  if (!record.starts_with(kVersion)) return false;
  record = trim_wsp(record.substr(kVersion.size()));
  return record.starts_with(';');
}

bool is_id(std::string_view id) { return !id.empty() && id.size() <= kIdLimit && std::ranges::all_of(id, is_alnum); }

// RFC 8461 3.2: sts-policy-ext-name, and the names of the fields that we know
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameLimit && is_alnum(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; });
}

// RFC 8461 3.2: field values are printable characters of ASCII or UTF-8, with single blanks between
bool is_text(std::string_view value) {
  return is_utf8(value) && std::ranges::none_of(value, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
}

Error bad(std::string_view field, std::string_view what) { return {ErrorCode::BadInput, std::string(what), std::string(field)}; }

Result<MtaStsMode> read_mode(std::string_view value) {
  for (const MtaStsMode mode : {MtaStsMode::None, MtaStsMode::Testing, MtaStsMode::Enforce}) {
    if (value == name_of(mode)) return mode;
  }
  return fail(bad("mode", "is none of enforce, testing and none"));
}

Result<std::chrono::seconds> read_max_age(std::string_view value) {
  std::int64_t seconds = 0;
  if (value.empty() || value.size() > kMaxAgeDigits || !std::ranges::all_of(value, is_digit))
    return fail(bad("max_age", "is 1 to 10 digits"));
  std::from_chars(value.data(), value.data() + value.size(), seconds);
  return std::min(std::chrono::seconds(seconds), kMtaStsMaxAgeLimit);
}

// RFC 8461 3.2: mx is a domain or "*." and a domain; a star anywhere else means nothing
Result<std::string> read_mx(std::string_view value) {
  const bool wildcard = value.starts_with("*.");
  const std::string_view domain = wildcard ? value.substr(2) : value;
  auto name = dns::normalize_name(domain);
  const auto is_host = [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; };
  if (!name || name->empty() || !std::ranges::all_of(*name, is_host)) return fail(bad("mx", "is a host name, or *. and a domain"));
  return (wildcard ? "*." : "") + *name;
}

struct Reader {
  bool version = false;
  std::optional<MtaStsMode> mode = {};
  std::optional<std::chrono::seconds> max_age = {};
  std::vector<std::string> mx = {};

  Status field(std::string_view name, std::string_view value) {
    if (name == "version" && !version) {
      if (value != "STSv1") return fail(bad("version", "is not STSv1"));
      version = true;
    } else if (name == "mode" && !mode) {
      POSTERN_TRY(mode, read_mode(value));
    } else if (name == "max_age" && !max_age) {
      POSTERN_TRY(max_age, read_max_age(value));
    } else if (name == "mx") {
      POSTERN_TRY(std::string host, read_mx(value));
      mx.push_back(std::move(host));
    }
    return {};
  }

  Status line(std::string_view text) {
    text = trim_wsp(text);
    if (text.empty()) return {};
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_field_name(text.substr(0, colon)) || !is_text(text))
      return fail(bad("policy", "has a line that is not \"name: value\""));
    return field(text.substr(0, colon), trim_wsp(text.substr(colon + 1)));
  }

  // RFC 8461 3.2: version, mode and max_age must be there, and an mx unless the mode is none
  Result<MtaStsPolicy> done() && {
    if (!version) return fail(bad("version", "is missing"));
    if (!mode) return fail(bad("mode", "is missing"));
    if (!max_age) return fail(bad("max_age", "is missing"));
    if (mx.empty() && *mode != MtaStsMode::None) return fail(bad("mx", "is missing"));
    return MtaStsPolicy{*mode, *max_age, std::move(mx)};
  }
};

}  // namespace

std::string_view name_of(MtaStsMode mode) noexcept {
  switch (mode) {
    case MtaStsMode::None: return "none";
    case MtaStsMode::Testing: return "testing";
    case MtaStsMode::Enforce: break;
  }
  return "enforce";
}

std::string write_mta_sts_policy(const MtaStsPolicy& policy) {
  std::string out = "version: STSv1\r\nmode: " + std::string(name_of(policy.mode)) + "\r\n";
  for (const auto& mx : policy.mx) out += "mx: " + mx + "\r\n";
  return out + "max_age: " + std::to_string(policy.max_age.count()) + "\r\n";
}

std::string mta_sts_id_of(std::string_view policy_text) {
  constexpr std::size_t kBytes = 16;
  const Sha256 digest = sha256(as_bytes(policy_text));
  return hex_encode(ByteView(digest).first(kBytes));
}

Result<std::string> mta_sts_id(std::span<const std::string> records) {
  if (std::ranges::count_if(records, is_sts) != 1) return fail(ErrorCode::NotFound, "there is not exactly one record with v=STSv1", "TXT");
  const auto fields = split(*std::ranges::find_if(records, is_sts), ';');
  for (const std::string_view field : std::span(fields).subspan(1)) {
    const std::string_view text = trim_wsp(field);
    if (!text.starts_with("id=")) continue;
    if (is_id(text.substr(3))) return std::string(text.substr(3));
    break;
  }
  return fail(bad("id", "is 1 to 32 letters and digits"));
}

// RFC 8461 4.1: "*." stands for exactly one label
bool MtaStsPolicy::allows(std::string_view host) const {
  const auto name = dns::normalize_name(host);
  if (!name || name->empty()) return false;
  const std::size_t dot = name->find('.');
  const std::string above = dot == std::string::npos ? "" : "*" + name->substr(dot);
  return std::ranges::any_of(mx, [&](const std::string& pattern) { return pattern == *name || pattern == above; });
}

Result<MtaStsPolicy> parse_mta_sts_policy(std::string_view text) {
  if (text.size() > kMtaStsPolicyLimit) return fail(ErrorCode::TooLarge, "is over 64 KiB", "policy");
  const auto lines = split(text, '\n');
  if (lines.size() > kMtaStsLineLimit) return fail(ErrorCode::TooLarge, "has over 1000 lines", "policy");
  Reader reader;
  for (std::string_view line : lines) {
    if (line.ends_with('\r')) line.remove_suffix(1);  // RFC 8461 3.2: LF or CRLF
    POSTERN_CHECK(reader.line(line));
  }
  return std::move(reader).done();
}

}  // namespace postern
