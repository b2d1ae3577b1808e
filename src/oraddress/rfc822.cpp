#include "oraddress/rfc822.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "oraddress/bounds.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/printable_encoding.hpp"

namespace postern::oraddress {

namespace {

/// RFC 2156 4.3.1: the type, and those an address too long for one value goes on in.
constexpr std::string_view kTypes[] = {"RFC-822", "RFC822C1", "RFC822C2", "RFC822C3"};

// ---- X.400 to the Internet

/// The address a domain-defined attribute holds; empty where there is none.
std::string held_address(const Attributes& attributes) {
  std::string out;
  for (const std::string_view type : kTypes) {
    const auto found = std::ranges::find_if(
        attributes, [&](const Attribute& each) { return each.keyword == Keyword::Dda && iequals(trim(each.type), type); });
    if (found == attributes.end()) break;
    out += found->utf8();
  }
  return out;
}

bool is_level(Keyword keyword, std::size_t first_levels) {
  return std::ranges::find(std::begin(kLevelKeywords), std::begin(kLevelKeywords) + first_levels, keyword) !=
         std::begin(kLevelKeywords) + first_levels;
}

/// All eight levels, absent ones too; fewer where one has no printable variant, as nothing below it can be mapped.
Levels levels_of(const Attributes& attributes) {
  Levels out;
  for (const Keyword keyword : kLevelKeywords) {
    const auto found = std::ranges::find(attributes, keyword, &Attribute::keyword);
    if (found == attributes.end())
      out.emplace_back();
    else if (found->form == Form::Printable)
      out.emplace_back(found->value);
    else
      break;
  }
  return out;
}

/// RFC 2156 4.2: domain-syntax.
bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

Result<Attributes> local_attributes(std::string_view local);

/// Dots where that says it, else RFC 2156 4.1's std-or-address.
std::string local_part(const Attributes& left) {
  const bool names_only = std::ranges::all_of(left, [](const Attribute& each) {
    return each.form == Form::Printable && (each.keyword == Keyword::S || each.keyword == Keyword::G || each.keyword == Keyword::I);
  });
  if (names_only) {
    const auto address = address_of(left);
    const auto name = address ? dotted(*address->built_in_standard_attributes.personal_name) : std::nullopt;
    const std::string local = name ? from_printable(*name) : "";
    const auto back = local_attributes(local);
    if (back && std::ranges::is_permutation(*back, left)) return local;
  }
  return write(left, Style::Mixer);
}

std::optional<Rfc822Address> by_mapping(const Attributes& attributes, const Mapping& mapping) {
  const Levels levels = levels_of(attributes);
  const auto found = mapping.domain_for(levels);
  if (!found) return std::nullopt;
  std::string domain(found->domain);
  std::size_t taken = found->levels;
  for (; taken < levels.size() && levels[taken] && is_label(*levels[taken]); ++taken) domain = to_lower(*levels[taken]) + "." + domain;
  Attributes left;
  for (const Attribute& each : attributes)
    if (!is_level(each.keyword, taken)) left.push_back(each);
  if (left.empty() || domain.size() > 253) return std::nullopt;
  return Rfc822Address{local_part(left), std::move(domain)};
}

// ---- the Internet to X.400

Result<Attributes> local_attributes(std::string_view local) {
  if (local.starts_with('/')) return parse_attributes(local);
  POSTERN_TRY(const std::string printable, to_printable(local));
  POSTERN_TRY(const PersonalName name, personal_name_of(printable));
  Attributes out{{Keyword::S, Form::Printable, {}, name.surname.octets}};
  if (name.given_name) out.push_back({Keyword::G, Form::Printable, {}, name.given_name->octets});
  if (name.initials) out.push_back({Keyword::I, Form::Printable, {}, name.initials->octets});
  return out;
}

/// The entry's levels and one more for each label before its domain.
std::optional<Levels> with_labels(const Mapping::ToLevels& found) {
  Levels out = *found.levels;
  if (found.rest.empty()) return out;
  std::vector<std::string_view> labels = split(found.rest, '.');
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    if (out.size() == std::size(kLevelKeywords) || !is_label(*label)) return std::nullopt;
    out.emplace_back(*label);
  }
  return out;
}

std::optional<Result<ORAddress>> by_domain(const Rfc822Address& address, const Mapping& mapping) {
  const auto found = mapping.levels_for(address.domain);
  if (!found) return std::nullopt;
  const auto levels = with_labels(*found);
  if (!levels) return std::nullopt;
  Attributes all = attributes_of(*levels);
  const auto local = local_attributes(address.local);
  const bool explicit_attributes = address.local.starts_with('/');
  if (!local) return explicit_attributes ? std::optional(Result<ORAddress>(fail(local.error()))) : std::nullopt;
  all.insert(all.end(), local->begin(), local->end());
  auto made = address_of(all);
  // A name that is no personal name travels as a domain-defined attribute.
  if (!made && !explicit_attributes) return std::nullopt;
  return made;
}

Result<ORAddress> by_gateway(const Rfc822Address& address, const Mapping& mapping) {
  const Levels* gateway = mapping.gateway_for(address.domain);
  if (gateway == nullptr) return fail(ErrorCode::NotFound, "no mapping has this domain and no gateway is configured", address.domain);
  auto printable = to_printable(address.text());
  if (!printable) return fail(printable.error().code, printable.error().what, "local");
  constexpr auto most = static_cast<std::size_t>(ub_domain_defined_attribute_value_length);
  if (printable->size() > most * std::size(kTypes))
    return fail(ErrorCode::TooLarge, "does not fit in four domain-defined attributes of 128 characters", "local");
  Attributes all = attributes_of(*gateway);
  for (std::size_t i = 0; i * most < printable->size(); ++i)
    all.push_back({Keyword::Dda, Form::Printable, std::string(kTypes[i]), printable->substr(i * most, most)});
  return address_of(all);
}

}  // namespace

Result<Rfc822Address> to_rfc822(const ORAddress& address, const Mapping& mapping) {
  const Attributes attributes = attributes_of(address);
  if (attributes.empty())
    return fail(ErrorCode::BadInput, "the O/R address has no attribute; its directory name has to be looked up first");
  if (const std::string held = held_address(attributes); !held.empty()) {
    auto made = Rfc822Address::parse(from_printable(held));
    if (!made) return fail(made.error().code, made.error().what, "DDA:RFC-822");
    return made;
  }
  if (auto mapped = by_mapping(attributes, mapping)) return *std::move(mapped);
  if (mapping.local_domain().empty())
    return fail(ErrorCode::NotFound, "no mapping has this O/R address and no gateway is configured", write(address));
  return Rfc822Address{write(attributes, Style::Mixer), mapping.local_domain()};
}

Result<ORAddress> from_rfc822(const Rfc822Address& address, const Mapping& mapping) {
  if (address.local.starts_with('/') && iequals(address.domain, mapping.local_domain())) {
    auto whole = parse(address.local);
    if (!whole) return fail(std::move(whole).error().context("the local part as an O/R address"));
    return whole;
  }
  if (auto mapped = by_domain(address, mapping)) return *std::move(mapped);
  return by_gateway(address, mapping);
}

}  // namespace postern::oraddress
