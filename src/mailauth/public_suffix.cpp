#include "mailauth/public_suffix.hpp"

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/address.hpp"

namespace postern {
namespace {

constexpr std::size_t kLongestList = 4UL << 20;

/// The name without its first label; empty for the last.
std::string_view parent_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

Result<PublicSuffixList> PublicSuffixList::parse(std::string_view text) {
  if (text.size() > kLongestList) return fail(ErrorCode::TooLarge, "a public suffix list is not so long", "psl");
  PublicSuffixList out;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line.substr(0, line.find_first_of(" \t\r")));
    if (line.empty() || line.starts_with("//")) continue;
    Rule rule = Rule::Plain;
    if (line.starts_with('!')) rule = Rule::Exception;
    if (line.starts_with("*.")) rule = Rule::Wildcard;
    line.remove_prefix(rule == Rule::Plain ? 0 : rule == Rule::Exception ? 1 : 2);
    auto ascii = is_ascii(line) ? Result<std::string>(std::string(line)) : to_a_labels(line);
    if (!ascii) continue;
    if (const auto name = dns::normalize_name(*ascii)) {
      // Both "ck" and "*.ck" may stand there; the wildcard says more.
      auto [at, fresh] = out.m_rules.try_emplace(*name, rule);
      if (!fresh && rule != Rule::Plain) at->second = rule;
    }
  }
  if (out.m_rules.empty()) return fail(ErrorCode::BadInput, "holds no rule of a public suffix list", "psl");
  return out;
}

std::string PublicSuffixList::organizational_domain(std::string_view name) const {
  // From the whole name to its last label: the first rule that fits is the longest. Without one, the last label is the suffix ("*").
  std::string_view below;  // one label more than `at`
  for (std::string_view at = name; !at.empty(); below = at, at = parent_of(at)) {
    const auto found = m_rules.find(std::string(at));
    const bool last = parent_of(at).empty();
    if (found == m_rules.end() && !last) continue;
    const Rule rule = found == m_rules.end() ? Rule::Plain : found->second;
    if (rule == Rule::Exception) return std::string(at);  // the suffix is what stands above it
    if (rule == Rule::Plain) return std::string(below.empty() ? at : below);
    // Of a wildcard one label more belongs to the suffix.
    if (below.empty()) return std::string(at);
    const std::size_t cut = name.size() - below.size();
    if (cut == 0) return std::string(name);
    const auto dot = name.rfind('.', cut - 2);
    return std::string(dot == std::string_view::npos ? name : name.substr(dot + 1));
  }
  return std::string(name);
}

}  // namespace postern
