#include "oraddress/compare.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "base/text.hpp"
#include "oraddress/bounds.hpp"
#include "oraddress/value_text.hpp"

namespace postern::oraddress {

namespace {

bool is_country(Keyword keyword) { return keyword == Keyword::C || keyword == Keyword::PdC; }

std::string folded_value(const Attribute& each) {
  if (each.form == Form::Raw) return each.value;
  std::string text = folded(each.utf8());
  if (is_country(each.keyword))
    if (const std::string_view alpha = country_of_dcc(text); !alpha.empty()) return to_lower(alpha);
  return text;
}

/// Keyword and, of those that have one, the type.
std::string folded_name(const Attribute& each) {
  std::string out(row_of(each.keyword).brief);
  if (!each.type.empty()) out += ":" + folded(Attribute{each.keyword, each.form, {}, each.type}.utf8());
  return out;
}

/// "three   spaces" become one, those at the ends none. In T.61 a space behind a diacritic is the diacritic by itself, and stays.
std::string without_extra_spaces(std::string_view text, Form form) {
  std::string out;
  bool is_base = false;
  bool space = false;
  for (const char c : text) {
    if (c == ' ' && !is_base) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out += c;
    is_base = form == Form::Teletex && !is_base && (static_cast<unsigned char>(c) & 0xF0) == 0xC0;
  }
  return out;
}

/// Attribute names with the folded values of all their variants.
std::map<std::string, std::vector<std::string>> variants_of(const ORAddress& address) {
  std::map<std::string, std::vector<std::string>> out;
  for (const Attribute& each : attributes_of(address)) out[folded_name(each)].push_back(folded_value(each));
  return out;
}

Attribute tidied(Attribute each) {
  if (each.form == Form::Raw) return each;
  each.type = without_extra_spaces(each.type, each.form);
  each.value = without_extra_spaces(each.value, each.form);
  if (each.keyword == Keyword::A && each.value.empty()) each.value = " ";
  if (is_country(each.keyword)) {
    const std::string_view alpha = country_of_dcc(each.value);
    each.value = alpha.empty() ? to_upper(each.value) : std::string(alpha);
  }
  return each;
}

/// Whether all domain-defined attributes fit in one printable list that says the same: in their order, and none a variant of another.
bool are_one_list(const Attributes& all) {
  Attributes defined;
  std::ranges::copy_if(all, std::back_inserter(defined), [](const Attribute& each) { return each.keyword == Keyword::Dda; });
  const auto is_variant = [&](const Attribute& each) {
    return std::ranges::any_of(defined,
                               [&](const Attribute& other) { return other.form < each.form && folded_name(other) == folded_name(each); });
  };
  return defined.size() <= static_cast<std::size_t>(ub_domain_defined_attributes) &&
         std::ranges::all_of(
             defined, [&](const Attribute& each) { return is_printable(each.value) && is_printable(each.type) && !is_variant(each); });
}

/// Variants that are printable become PrintableString: those of a family together, as they are one attribute.
void narrow(Attributes& all) {
  const bool one_list = are_one_list(all);
  const auto stays = [one_list](const Attribute& each) {
    if (each.keyword == Keyword::Dda) return !one_list;
    return each.form == Form::Raw || each.keyword == Keyword::PdAddress || !is_printable(each.value);
  };
  const auto related = [](const Attribute& a, const Attribute& b) {
    return a.form == b.form && family_of(a.keyword) != 0 && family_of(a.keyword) == family_of(b.keyword);
  };
  std::vector<bool> narrowed(all.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    narrowed[i] = !stays(all[i]) && std::ranges::none_of(all, [&](const Attribute& each) { return related(all[i], each) && stays(each); });
  for (std::size_t i = 0; i < all.size(); ++i)
    if (narrowed[i]) all[i].form = Form::Printable;
}

}  // namespace

std::vector<Component> components_of(std::span<const Attribute> attributes) {
  std::vector<Component> out;
  std::vector<std::pair<std::string, Form>> seen;
  for (const Attribute& each : attributes) {
    std::string name = folded_name(each);
    const bool repeats = each.keyword == Keyword::Dda || each.keyword == Keyword::Ext;
    // A further variant of what came before says the same; a domain-defined attribute of the same type in the same alphabet is another one.
    const auto before = std::ranges::find(seen, name, &std::pair<std::string, Form>::first);
    if (before != seen.end() && (!repeats || before->second != each.form)) continue;
    out.push_back({each.keyword, name + "=" + folded_value(each)});
    seen.emplace_back(std::move(name), each.form);
  }
  return out;
}
std::vector<Component> components_of(const ORAddress& address) { return components_of(attributes_of(address)); }

std::string comparison_key(const ORAddress& address) {
  std::string out;
  for (const Component& each : components_of(address)) out += std::to_string(each.text.size()) + ":" + each.text;
  return out;
}

bool equivalent(const ORAddress& a, const ORAddress& b) { return components_of(a) == components_of(b); }

bool matches(const ORAddress& a, const ORAddress& b) {
  const auto left = variants_of(a);
  const auto right = variants_of(b);
  return std::ranges::equal(left, right, [](const auto& x, const auto& y) {
    const auto in_y = [&](const std::string& value) { return std::ranges::find(y.second, value) != y.second.end(); };
    return x.first == y.first && std::ranges::any_of(x.second, in_y);
  });
}

Result<ORAddress> canonical(const ORAddress& address) {
  Attributes all = attributes_of(address);
  std::ranges::transform(all, all.begin(), tidied);
  narrow(all);
  Attributes out;
  std::map<Keyword, std::string> first_variant;
  for (Attribute& each : all) {
    if (each.keyword != Keyword::Dda && each.keyword != Keyword::Ext) {
      const auto [place, first] = first_variant.emplace(each.keyword, folded_value(each));
      if (!first && (place->second == folded_value(each) || each.form == Form::Printable)) continue;
    }
    out.push_back(std::move(each));
  }
  return address_of(out);
}

}  // namespace postern::oraddress
