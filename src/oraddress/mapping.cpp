#include "oraddress/mapping.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "oraddress/compare.hpp"

namespace postern::oraddress {

namespace {

constexpr std::size_t kMaxFileSize = 4 * 1024 * 1024;
constexpr std::size_t kMaxLines = 100'000;
constexpr std::size_t kFirstUnit = 4;

tl::unexpected<Error> wrong(std::string what) { return fail(ErrorCode::BadInput, std::move(what)); }

/// Pieces between dots that no backslash takes the meaning from.
std::vector<std::string> dotted_parts(std::string_view text) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      out.back() += text[++i];
    else if (text[i] == '.')
      out.emplace_back();
    else
      out.back() += text[i];
  }
  return out;
}

/// The level of a keyword; OU is the next unit.
std::optional<std::size_t> level_of(std::string_view keyword, std::size_t reached) {
  if (iequals(keyword, "OU")) return std::max(reached, kFirstUnit);
  const auto found = keyword_named(keyword);
  if (!found) return std::nullopt;
  const auto* place = std::ranges::find(kLevelKeywords, *found);
  if (place == std::end(kLevelKeywords)) return std::nullopt;
  return static_cast<std::size_t>(place - std::begin(kLevelKeywords));
}

bool is_domain(std::string_view text) {
  const auto good = [](std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
  };
  return text.size() <= 253 && std::ranges::all_of(split(text, '.'), good);
}

std::string escaped_level(std::string_view value) {
  std::string out;
  for (const char c : value) out += c == '.' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return out;
}

}  // namespace

Attributes attributes_of(const Levels& levels) {
  Attributes out;
  for (std::size_t i = 0; i < levels.size(); ++i)
    if (levels[i]) out.push_back({kLevelKeywords[i], Form::Printable, {}, *levels[i]});
  return out;
}

Result<Levels> parse_levels(std::string_view text) {
  std::vector<std::string> parts = dotted_parts(text);
  std::ranges::reverse(parts);
  Levels out;
  for (const std::string& part : parts) {
    const std::size_t dollar = part.find('$');
    if (dollar == std::string::npos) return wrong("'" + printable(part, 40) + "' is not KEYWORD$value");
    const std::string_view keyword = trim(std::string_view(part).substr(0, dollar));
    const auto level = level_of(keyword, out.size());
    if (!level) return wrong("'" + printable(keyword, 40) + "' is not one of C, ADMD, PRMD, O and OU");
    if (*level < out.size() || *level >= std::size(kLevelKeywords))
      return wrong("'" + printable(part, 40) + "' is out of order; the country is last, at most four OU first");
    out.resize(*level);
    std::string value = part.substr(dollar + 1);
    if (!is_printable(value) && value != "@") return wrong("'" + printable(value, 40) + "' has characters outside PrintableString");
    if (value.empty() && *level != 1) return wrong("the value of " + std::string(keyword) + " is empty; write @ for an absent attribute");
    if (value.empty()) value = " ";  // X.402 18.3.1
    out.push_back(value == "@" ? std::nullopt : std::optional(std::move(value)));
  }
  if (!out[0]) return wrong("the country is missing");
  return out;
}

std::string text_of(const Levels& levels) {
  std::string out;
  for (std::size_t i = levels.size(); i-- > 0;) {
    if (!out.empty()) out += '.';
    out += i >= kFirstUnit ? "OU" : std::string(row_of(kLevelKeywords[i]).full);
    out += "$" + (levels[i] ? escaped_level(*levels[i]) : "@");
  }
  return out;
}

Levels folded(const Levels& levels) {
  Levels out = levels;
  for (auto& level : out)
    if (level) level = folded(*level);
  if (!out.empty() && out[0])
    if (const std::string_view alpha = country_of_dcc(*out[0]); !alpha.empty()) out[0] = to_lower(alpha);
  return out;
}

Status Mapping::add_domain(Domains& into, std::string_view domain, std::string_view levels) {
  if (!is_domain(domain)) return wrong("'" + printable(domain, 60) + "' is no domain name");
  POSTERN_TRY(Levels parsed, parse_levels(levels));
  if (!into.emplace(to_lower(domain), std::move(parsed)).second) return wrong("the domain has an entry already");
  return {};
}

Status Mapping::add_line(std::string_view line) {
  std::vector<std::string_view> fields = split(line, '#');
  if (fields.size() < 3 || !trim(fields.back()).empty()) return wrong("a line is left#right#");
  fields.pop_back();
  if (fields.size() == 3 && iequals(fields[0], "gateway")) return add_domain(m_gateways, trim(fields[1]), fields[2]);
  if (fields.size() == 3 && iequals(fields[0], "local")) {
    if (m_local_levels) return wrong("this gateway is given twice");
    Domains one;
    POSTERN_CHECK(add_domain(one, trim(fields[1]), fields[2]));
    return set_local(one.begin()->first, one.begin()->second), Status{};
  }
  if (fields.size() != 2) return wrong("a line is left#right#");
  if (fields[0].find('$') == std::string_view::npos) return add_domain(m_to_levels, trim(fields[0]), fields[1]);
  POSTERN_TRY(const Levels levels, parse_levels(fields[0]));
  const std::string_view domain = trim(fields[1]);
  if (!is_domain(domain)) return wrong("'" + printable(domain, 60) + "' is no domain name");
  if (!m_to_domain.emplace(folded(levels), to_lower(domain)).second) return wrong("the O/R address has an entry already");
  return {};
}

Result<Mapping> Mapping::parse(std::string_view file) {
  if (file.size() > kMaxFileSize) return fail(ErrorCode::TooLarge, "a mapping file is at most 4 MiB");
  Mapping out;
  std::size_t number = 0;
  for (std::string_view line : split(file, '\n')) {
    if (++number > kMaxLines) return fail(ErrorCode::TooLarge, "a mapping file has at most 100,000 lines");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty() || line.starts_with('#')) continue;
    if (const auto added = out.add_line(line); !added)
      return fail(added.error().code, "line " + std::to_string(number) + ": " + added.error().what, "mapping");
  }
  return out;
}

void Mapping::set_local(std::string domain, Levels address) {
  m_local_domain = to_lower(domain);
  m_local_levels = std::move(address);
}

std::optional<Mapping::ToDomain> Mapping::domain_for(const Levels& address) const {
  Levels key = folded(address);
  for (; !key.empty(); key.pop_back()) {
    const auto found = m_to_domain.find(key);
    if (found != m_to_domain.end()) return ToDomain{found->second, key.size()};
  }
  return std::nullopt;
}

std::optional<Mapping::ToLevels> Mapping::longest(const Domains& in, std::string_view domain) {
  const std::string lower = to_lower(domain);
  std::string_view suffix = lower;
  for (;;) {
    if (const auto found = in.find(suffix); found != in.end()) {
      const std::size_t before = lower.size() - suffix.size();
      return ToLevels{&found->second, domain.substr(0, before == 0 ? 0 : before - 1)};
    }
    const std::size_t dot = suffix.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    suffix.remove_prefix(dot + 1);
  }
}
std::optional<Mapping::ToLevels> Mapping::levels_for(std::string_view domain) const { return longest(m_to_levels, domain); }

const Levels* Mapping::gateway_for(std::string_view domain) const {
  if (const auto found = longest(m_gateways, domain)) return found->levels;
  return m_local_levels ? &*m_local_levels : nullptr;
}

}  // namespace postern::oraddress
