#include "acl/grant.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::acl {
namespace {

namespace json = boost::json;
using Parameters = std::map<std::string, ParameterValues, std::less<>>;

template <class T>
void keep_least(std::optional<T>& into, const std::optional<T>& from) {
  if (from && (!into || *from < *into)) into = from;
}

void add_parameters(Parameters& into, const Parameters& from) {
  for (const auto& [name, values] : from) {
    const auto [entry, is_new] = into.try_emplace(name, values);
    if (is_new) continue;
    if (values.empty() || entry->second.empty())
      entry->second.clear();
    else
      entry->second.insert(entry->second.end(), values.begin(), values.end());
  }
}

// '*' at either end stands for anything; elsewhere it is itself.
bool matches_glob(std::string_view pattern, std::string_view text) noexcept {
  if (pattern == "*") return true;
  const bool open_begin = pattern.starts_with('*');
  const bool open_end = pattern.ends_with('*');
  const std::string_view core = pattern.substr(open_begin ? 1 : 0, pattern.size() - (open_begin ? 1 : 0) - (open_end ? 1 : 0));
  if (open_begin && open_end) return text.find(core) != std::string_view::npos;
  if (open_begin) return text.ends_with(core);
  if (open_end) return text.starts_with(core);
  return text == core;
}

std::string_view view_of(const json::string& text) noexcept { return {text.data(), text.size()}; }

bool is_scalar(const json::value& value) noexcept { return value.is_string() || value.is_bool() || value.is_number(); }

// Clients may send 2048 and "2048", true and "true" alike: what counts is the text.
bool matches_value(const json::value& pattern, const json::value& value) {
  if (!is_scalar(pattern) || !is_scalar(value)) return pattern == value;
  if (pattern.is_string() && value.is_string()) return matches_glob(view_of(pattern.get_string()), view_of(value.get_string()));
  if (pattern.kind() == value.kind()) return pattern == value;
  const auto text = [](const json::value& from) {
    return from.is_string() ? std::string(view_of(from.get_string())) : json::serialize(from);
  };
  return pattern.is_string() ? matches_glob(text(pattern), text(value)) : text(pattern) == text(value);
}

bool is_among(const json::value& value, const ParameterValues& patterns) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const json::value& pattern) { return matches_value(pattern, value); });
}

// A denied value hides neither in a list nor between commas, which many fields split.
bool has_among(const json::value& value, const ParameterValues& patterns) {
  if (is_among(value, patterns)) return true;
  if (const json::array* list = value.if_array())
    return std::ranges::any_of(*list, [&](const json::value& item) { return is_among(item, patterns); });
  const json::string* text = value.if_string();
  if (text == nullptr || view_of(*text).find(',') == std::string_view::npos) return false;
  const std::vector<std::string_view> pieces = split(view_of(*text), ',');
  return std::ranges::any_of(pieces, [&](std::string_view piece) { return is_among(json::value(trim(piece)), patterns); });
}

const ParameterValues* find(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? nullptr : &found->second;
}

bool is_given(const json::object& data, std::string_view name) {
  const json::value* value = data.if_contains(name);
  return value != nullptr && !value->is_null();  // null is as good as absent to every reader of fields
}

}  // namespace

void Grant::add(const Rule& rule) {
  if (has(capabilities, Capability::Deny)) return;
  if (has(rule.capabilities, Capability::Deny)) {
    *this = Grant{};
    capabilities = static_cast<Capabilities>(Capability::Deny);
    return;
  }
  capabilities |= rule.capabilities;
  add_parameters(allowed, rule.allowed_parameters);
  add_parameters(denied, rule.denied_parameters);
  for (const std::string& name : rule.required_parameters)
    if (std::ranges::find(required, name) == required.end()) required.push_back(name);
  keep_least(min_wrapping_ttl, rule.min_wrapping_ttl);
  keep_least(max_wrapping_ttl, rule.max_wrapping_ttl);
  keep_least(pagination_limit, rule.pagination_limit);
}

bool Grant::permits_wrapping(std::optional<std::chrono::seconds> wrap_ttl) const noexcept {
  if (!min_wrapping_ttl && !max_wrapping_ttl) return true;
  if (!wrap_ttl) return false;
  return (!min_wrapping_ttl || *wrap_ttl >= *min_wrapping_ttl) && (!max_wrapping_ttl || *wrap_ttl <= *max_wrapping_ttl);
}

bool Grant::permits_parameters(const json::object* parameters) const {
  if (allowed.empty() && denied.empty() && required.empty()) return true;
  if (parameters == nullptr || parameters->empty()) return required.empty();
  const auto given = [&](const std::string& name) { return is_given(*parameters, name); };
  if (!std::ranges::all_of(required, given)) return false;
  if (denied.contains("*")) return false;
  const ParameterValues* others = find(allowed, "*");
  for (const auto& [key, value] : *parameters) {
    const std::string name = to_lower({key.data(), key.size()});
    const ParameterValues* forbidden = find(denied, name);
    if (forbidden != nullptr && has_among(value, *forbidden)) return false;
    if (allowed.empty()) continue;
    const ParameterValues* permitted = find(allowed, name);
    if (permitted == nullptr) permitted = others;
    if (permitted == nullptr || !is_among(value, *permitted)) return false;
  }
  return true;
}

}  // namespace postern::acl
