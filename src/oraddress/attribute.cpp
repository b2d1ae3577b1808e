// Reading an address into its attributes.
#include "oraddress/attribute.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/text.hpp"
#include "oraddress/extension.hpp"
#include "oraddress/presentation.hpp"

namespace postern::oraddress {

using namespace asn1;
using enum ExtensionAttributeType;

namespace {

constexpr Keyword later(Keyword first, std::size_t by) { return static_cast<Keyword>(static_cast<std::size_t>(first) + by); }

/// A string of the model: octets of its alphabet, UTF-8 for the universal ones. nullopt: octets that are no characters.
std::optional<std::string> held(const PrintableString& text) { return text.octets; }
std::optional<std::string> held(const TeletexString& text) { return text.octets; }
std::optional<std::string> held(const UniversalOrBMPString& text) {
  auto utf8 = text.utf8();
  if (!utf8) return std::nullopt;
  return *std::move(utf8);
}
template <class String>
constexpr Form form_of_string = Form::Universal;
template <>
constexpr Form form_of_string<PrintableString> = Form::Printable;
template <>
constexpr Form form_of_string<TeletexString> = Form::Teletex;

/// Gathers the attributes of one component; `good` falls when one of its strings is not readable.
struct Gathered {
  Attributes attributes;
  bool good = true;

  void add(Keyword keyword, Form form, std::string value, std::string type = {}) {
    attributes.push_back({keyword, form, std::move(type), std::move(value)});
  }
  template <class String>
  void add(Keyword keyword, const String& text) {
    auto value = held(text);
    good = good && value.has_value();
    if (value) add(keyword, form_of_string<String>, *std::move(value));
  }
  template <class String>
  void add(Keyword keyword, const std::optional<String>& text) {
    if (text) add(keyword, *text);
  }
  template <class String>
  void add(const PersonalNameIn<String>& name) {
    add(Keyword::S, name.surname);
    add(Keyword::G, name.given_name);
    add(Keyword::I, name.initials);
    add(Keyword::Q, name.generation_qualifier);
  }
  /// OU1 to OU4, PD-A1 to PD-A6.
  template <class String>
  void add_numbered(Keyword first, const std::vector<String>& list, std::size_t most) {
    good = good && list.size() <= most;
    for (std::size_t i = 0; i < std::min(list.size(), most); ++i) add(later(first, i), list[i]);
  }
  template <class String>
  void add(const std::vector<DomainDefinedAttributeIn<String>>& list) {
    for (const auto& each : list) {
      auto type = held(each.type);
      auto value = held(each.value);
      good = good && type && value;
      if (type && value) add(Keyword::Dda, form_of_string<String>, *std::move(value), *std::move(type));
    }
  }
  void add(const PDSParameter& parameter, Keyword keyword) {
    add(keyword, parameter.printable_string);
    add(keyword, parameter.teletex_string);
  }
  void add(const UnformattedPostalAddress& address) {
    if (address.printable_address) add_numbered(Keyword::PdA1, *address.printable_address, 6);
    add(Keyword::PdAddress, address.teletex_string);
  }
  void add(const ExtendedNetworkAddress& address) {
    if (const auto* number = std::get_if<E163_4Address>(&address.value)) {
      add(Keyword::NetNum, Form::Printable, number->number.octets);
      if (number->sub_address) add(Keyword::NetSub, Form::Printable, number->sub_address->octets);
    } else {
      add(Keyword::Psap, Form::Printable, text_of(std::get<PresentationAddress>(address.value)));
    }
  }
};

template <ExtensionAttributeType N, class Add>
bool read_as(const ExtensionAttribute& held, Gathered& out, Add&& add) {
  const auto value = from_any<ExtensionValue<N>>(held.extension_attribute_value, {}, *value_type(N));
  if (!value) return false;
  add(*value, out);
  return out.good && !out.attributes.empty();
}
template <ExtensionAttributeType N>
bool read_as(const ExtensionAttribute& held, Gathered& out, Keyword keyword) {
  return read_as<N>(held, out, [keyword](const auto& value, Gathered& into) { into.add(keyword, value); });
}
template <ExtensionAttributeType N>
bool read_as(const ExtensionAttribute& held, Gathered& out) {
  return read_as<N>(held, out, [](const auto& value, Gathered& into) { into.add(value); });
}
template <ExtensionAttributeType N>
bool read_units(const ExtensionAttribute& held, Gathered& out) {
  return read_as<N>(held, out, [](const auto& value, Gathered& into) { into.add_numbered(Keyword::OU1, value, 4); });
}
template <ExtensionAttributeType N>
bool read_choice(const ExtensionAttribute& held, Gathered& out, Keyword keyword) {
  return read_as<N>(held, out, [keyword](const auto& value, Gathered& into) { into.add(keyword, Form::Printable, value.text()); });
}

bool read_postal(const ExtensionAttribute& held, Gathered& out) {
  const ExtensionAttributeType type = held.extension_attribute_type;
  for (const KeywordRow& row : keywords()) {
    if (row.extension == ExtensionAttributeType{}) continue;
    if (row.extension == type)
      return read_as<street_address>(held, out, [&](const PDSParameter& value, Gathered& into) { into.add(value, row.keyword); });
    if (row.universal_extension == type) return read_as<universal_street_address>(held, out, row.keyword);
  }
  return false;
}

bool read(const ExtensionAttribute& held, Gathered& out) {
  switch (held.extension_attribute_type) {
    case common_name: return read_as<common_name>(held, out, Keyword::CN);
    case teletex_common_name: return read_as<teletex_common_name>(held, out, Keyword::CN);
    case universal_common_name: return read_as<universal_common_name>(held, out, Keyword::CN);
    case teletex_organization_name: return read_as<teletex_organization_name>(held, out, Keyword::O);
    case universal_organization_name: return read_as<universal_organization_name>(held, out, Keyword::O);
    case teletex_personal_name: return read_as<teletex_personal_name>(held, out);
    case universal_personal_name: return read_as<universal_personal_name>(held, out);
    case teletex_organizational_unit_names: return read_units<teletex_organizational_unit_names>(held, out);
    case universal_organizational_unit_names: return read_units<universal_organizational_unit_names>(held, out);
    case teletex_domain_defined_attributes: return read_as<teletex_domain_defined_attributes>(held, out);
    case universal_domain_defined_attributes: return read_as<universal_domain_defined_attributes>(held, out);
    case pds_name: return read_as<pds_name>(held, out, Keyword::PdSn);
    case physical_delivery_country_name: return read_choice<physical_delivery_country_name>(held, out, Keyword::PdC);
    case postal_code: return read_choice<postal_code>(held, out, Keyword::PdPc);
    case unformatted_postal_address: return read_as<unformatted_postal_address>(held, out);
    case universal_unformatted_postal_address: return read_as<universal_unformatted_postal_address>(held, out, Keyword::PdAddress);
    case extended_network_address: return read_as<extended_network_address>(held, out);
    case terminal_type:
      return read_as<terminal_type>(
          held, out, [](const TerminalType& value, Gathered& into) { into.add(Keyword::TTy, Form::Printable, text_of(value)); });
    default: return read_postal(held, out);
  }
}

void append(Attributes& out, Attributes more) {
  out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Attributes built_in(const ORAddress& address) {
  const BuiltInStandardAttributes& all = address.built_in_standard_attributes;
  Gathered out;
  const auto choice = [&](Keyword keyword, const auto& value) {
    if (value) out.add(keyword, Form::Printable, value->text());
  };
  const auto text = [&](Keyword keyword, const auto& value) {
    if (value) out.add(keyword, Form::Printable, value->octets);
  };
  choice(Keyword::C, all.country_name);
  choice(Keyword::A, all.administration_domain_name);
  choice(Keyword::P, all.private_domain_name);
  text(Keyword::X121, all.network_address);
  text(Keyword::TId, all.terminal_identifier);
  text(Keyword::O, all.organization_name);
  text(Keyword::NId, all.numeric_user_identifier);
  if (all.organizational_unit_names) out.add_numbered(Keyword::OU1, *all.organizational_unit_names, 4);
  if (all.personal_name) out.add(*all.personal_name);
  if (address.built_in_domain_defined_attributes) out.add(*address.built_in_domain_defined_attributes);
  return std::move(out.attributes);
}

/// Forms of domain-defined attributes stay in the order of their list, so that the list can be made again.
void sort_by_keyword(Attributes& all) {
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(all[i].keyword, all[i].form, i); });
  Attributes sorted;
  sorted.reserve(all.size());
  for (const std::size_t i : order) sorted.push_back(std::move(all[i]));
  all = std::move(sorted);
}

/// "{200}" for each octet outside PrintableString: for T.61 that is no characters, and for strays in a PrintableString.
std::string octets_in_braces(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    if (c >= ' ' && c <= '~' && c != '{' && c != '}') {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += {'{', static_cast<char>('0' + octet / 100), static_cast<char>('0' + octet / 10 % 10), static_cast<char>('0' + octet % 10), '}'};
  }
  return out;
}

std::string utf8_of(Form form, std::string_view octets) {
  if (form == Form::Universal || form == Form::Raw) return std::string(octets);
  if (form == Form::Printable) return is_ascii(octets) ? std::string(octets) : octets_in_braces(octets);
  auto text = to_utf8(Alphabet::Teletex, octets);
  return text ? *std::move(text) : octets_in_braces(octets);
}

}  // namespace

bool is_printable(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](char c) { return is_alnum(c) || std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos; });
}

std::string Attribute::name() const {
  const std::string brief(row_of(keyword).brief);
  return type.empty() ? brief : brief + ":" + utf8_of(form, type);
}
std::string Attribute::utf8() const { return form == Form::Raw ? hex_encode(as_bytes(value)) : utf8_of(form, value); }

Attributes attributes_of(const ORAddress& address) {
  Attributes out = built_in(address);
  std::vector<ExtensionAttributeType> seen;
  if (address.extension_attributes) {
    for (const ExtensionAttribute& held : *address.extension_attributes) {
      Gathered gathered;
      const bool first = std::ranges::find(seen, held.extension_attribute_type) == seen.end();
      seen.push_back(held.extension_attribute_type);
      if (first && read(held, gathered)) {
        append(out, std::move(gathered.attributes));
        continue;
      }
      out.push_back({Keyword::Ext, Form::Raw, std::to_string(static_cast<std::int64_t>(held.extension_attribute_type)),
                     std::string(as_text(held.extension_attribute_value.ber))});
    }
  }
  sort_by_keyword(out);
  return out;
}

std::optional<std::string> value_of(const ORAddress& address, Keyword keyword, std::string_view type) {
  for (const Attribute& each : attributes_of(address))
    if (each.keyword == keyword && (type.empty() || iequals(each.type, type))) return each.utf8();
  return std::nullopt;
}

Result<Attribute> attribute_from_utf8(Keyword keyword, std::string_view utf8, std::string_view type) {
  const KeywordRow& row = row_of(keyword);
  if (is_printable(utf8) && is_printable(type)) return Attribute{keyword, Form::Printable, std::string(type), std::string(utf8)};
  if (row.teletex) {
    auto octets = from_utf8(Alphabet::Teletex, utf8);
    auto type_octets = from_utf8(Alphabet::Teletex, type);
    if (octets && type_octets) return Attribute{keyword, Form::Teletex, *std::move(type_octets), *std::move(octets)};
  }
  if (!row.universal) {
    auto wrong = from_utf8(row.digits ? Alphabet::Numeric : Alphabet::Printable, utf8);
    return fail(ErrorCode::BadInput, wrong ? "has characters outside PrintableString" : std::move(wrong).error().what,
                std::string(row.brief));
  }
  if (!is_utf8(utf8) || !is_utf8(type)) return fail(ErrorCode::BadInput, "is not UTF-8", std::string(row.brief));
  return Attribute{keyword, Form::Universal, std::string(type), std::string(utf8)};
}

}  // namespace postern::oraddress
