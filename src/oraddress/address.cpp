// Making an address of attributes.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "asn1/values.hpp"
#include "base/text.hpp"
#include "oraddress/attribute.hpp"
#include "oraddress/bounds.hpp"
#include "oraddress/extension.hpp"
#include "oraddress/presentation.hpp"

namespace postern::oraddress {

using namespace asn1;
using enum ExtensionAttributeType;

namespace {

tl::unexpected<Error> wrong(const Attribute& attribute, std::string what) {
  return fail(ErrorCode::BadInput, std::move(what), attribute.name());
}

std::size_t characters(Form form, std::string_view text) {
  if (form != Form::Universal) return text.size();
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Status check_form(const Attribute& each, const KeywordRow& row) {
  if (each.form == Form::Raw) return each.keyword == Keyword::Ext ? Status{} : Status(wrong(each, "has no raw form"));
  if (each.form == Form::Teletex && !row.teletex) return wrong(each, "has no Teletex variant: PrintableString only");
  if (each.form == Form::Universal && !row.universal) return wrong(each, "has no variant in ISO 10646: PrintableString only");
  if (row.digits && first_foreign_octet(Alphabet::Numeric, each.value)) return wrong(each, "consists of digits");
  if (each.keyword == Keyword::PdAddress && each.form == Form::Printable) return wrong(each, "is written as lines, PD-A1 to PD-A6");
  if (each.form == Form::Universal && !(is_utf8(each.value) && is_utf8(each.type))) return wrong(each, "is not UTF-8");
  return {};
}

/// X.411 annex B. An empty administration domain is legal (it means one space).
Status check_bounds(const Attribute& each, const KeywordRow& row) {
  if (each.value.empty() && each.keyword != Keyword::A) return wrong(each, "is empty");
  const auto most = static_cast<std::size_t>(each.form == Form::Universal ? row.most_universal : row.most);
  if (const std::size_t size = characters(each.form, each.value); size > most)
    return wrong(each, "has " + std::to_string(size) + " characters where " + std::to_string(most) + " are allowed (X.411 annex B)");
  if (each.keyword != Keyword::Dda) return {};
  const std::size_t type_size = characters(each.form, each.type);
  if (type_size == 0 || type_size > static_cast<std::size_t>(ub_domain_defined_attribute_type_length))
    return wrong(each, "the type of a domain-defined attribute has 1 to 8 characters");
  return {};
}

Status check_country(const Attribute& each) {
  const bool alpha = each.value.size() == 2 && std::ranges::all_of(each.value, is_alpha);
  const bool numeric = each.value.size() == 3 && std::ranges::all_of(each.value, is_digit);
  if (alpha || numeric) return {};
  return wrong(each, "is two letters of ISO 3166 or three digits of X.121");
}

Result<PrintableString> string_of(std::string_view text, PrintableString*) { return PrintableString(text); }
Result<TeletexString> string_of(std::string_view text, TeletexString*) { return TeletexString(text); }
Result<UniversalOrBMPString> string_of(std::string_view text, UniversalOrBMPString*) { return UniversalOrBMPString::from_utf8(text); }

/// The attributes of an address by keyword and form, taken out one after the other as components are made.
class Builder {
 public:
  Status add(const Attribute& each) {
    const KeywordRow& row = row_of(each.keyword);
    POSTERN_CHECK(check_form(each, row));
    if (each.form == Form::Raw) return m_raw.push_back(&each), Status{};
    POSTERN_CHECK(check_bounds(each, row));
    if (each.keyword == Keyword::C || each.keyword == Keyword::PdC) POSTERN_CHECK(check_country(each));
    if (each.keyword == Keyword::Dda) return m_domain_defined[each.form].push_back(&each), Status{};
    if (!m_held.emplace(Key{each.keyword, each.form}, &each).second) return wrong(each, "is given twice");
    return {};
  }

  Result<ORAddress> finish() {
    fill_gaps();
    built_in();
    POSTERN_CHECK(names<PrintableString>(Form::Printable));
    POSTERN_CHECK(names<TeletexString>(Form::Teletex));
    POSTERN_CHECK(names<UniversalOrBMPString>(Form::Universal));
    POSTERN_CHECK(postal());
    POSTERN_CHECK(network());
    POSTERN_CHECK(raw());
    return std::move(m_address);
  }

 private:
  using Key = std::pair<Keyword, Form>;

  const Attribute* held(Keyword keyword, Form form) const {
    const auto found = m_held.find({keyword, form});
    return found == m_held.end() ? nullptr : found->second;
  }
  bool any_of(std::initializer_list<Keyword> keywords, Form form) const {
    return std::ranges::any_of(keywords, [&](Keyword each) { return held(each, form) != nullptr; });
  }

  /// X.411 wants a surname in each variant of a personal name, and units without gaps: what a variant lacks it takes from the printable
  /// one, whose characters T.61 and ISO 10646 both have.
  void fill_gaps() {
    for (const Form form : {Form::Teletex, Form::Universal}) {
      if (any_of({Keyword::G, Keyword::I, Keyword::Q}, form)) borrow(Keyword::S, form);
      for (const auto [above, below] : {std::pair(Keyword::OU3, Keyword::OU4), {Keyword::OU2, Keyword::OU3}, {Keyword::OU1, Keyword::OU2}})
        if (held(below, form) != nullptr) borrow(above, form);
    }
  }
  void borrow(Keyword keyword, Form form) {
    if (const Attribute* printable = held(keyword, Form::Printable)) m_held.emplace(Key{keyword, form}, printable);
  }

  void built_in() {
    BuiltInStandardAttributes& out = m_address.built_in_standard_attributes;
    const auto text = [&](Keyword keyword, auto& place) {
      if (const Attribute* found = held(keyword, Form::Printable)) place.emplace(found->value);
    };
    const auto choice = [&](Keyword keyword, auto& place) {
      if (const Attribute* found = held(keyword, Form::Printable)) place.emplace().assign(found->value);
    };
    choice(Keyword::C, out.country_name);
    choice(Keyword::A, out.administration_domain_name);
    // X.402 18.3.1: absence of a name is written as one space.
    if (out.administration_domain_name && out.administration_domain_name->text().empty()) out.administration_domain_name->assign(" ");
    choice(Keyword::P, out.private_domain_name);
    text(Keyword::X121, out.network_address);
    text(Keyword::TId, out.terminal_identifier);
    text(Keyword::NId, out.numeric_user_identifier);
    text(Keyword::O, out.organization_name);
  }

  template <class String>
  Result<std::optional<String>> optional(Keyword keyword, Form form) const {
    const Attribute* found = held(keyword, form);
    if (found == nullptr) return std::optional<String>{};
    POSTERN_TRY(String text, string_of(found->value, static_cast<String*>(nullptr)));
    return std::optional<String>(std::move(text));
  }

  template <class String>
  Result<std::optional<PersonalNameIn<String>>> personal_name(Form form) const {
    if (!any_of({Keyword::S, Keyword::G, Keyword::I, Keyword::Q}, form)) return std::optional<PersonalNameIn<String>>{};
    POSTERN_TRY(auto surname, optional<String>(Keyword::S, form));
    if (!surname) return fail(ErrorCode::BadInput, "is missing: a personal name has a surname (X.411 8.5.5)", "S");
    PersonalNameIn<String> out{*std::move(surname), {}, {}, {}};
    POSTERN_TRY(out.given_name, optional<String>(Keyword::G, form));
    POSTERN_TRY(out.initials, optional<String>(Keyword::I, form));
    POSTERN_TRY(out.generation_qualifier, optional<String>(Keyword::Q, form));
    return std::optional<PersonalNameIn<String>>(std::move(out));
  }

  template <class String>
  Result<std::vector<String>> numbered(Keyword first, std::size_t most, Form form) const {
    std::vector<String> out;
    for (std::size_t i = 0; i < most; ++i) {
      const auto keyword = static_cast<Keyword>(static_cast<std::size_t>(first) + i);
      POSTERN_TRY(auto text, optional<String>(keyword, form));
      if (!text) continue;
      if (out.size() != i)
        return fail(ErrorCode::BadInput, "is missing beside " + std::string(row_of(keyword).brief),
                    std::string(row_of(static_cast<Keyword>(static_cast<std::size_t>(first) + out.size())).brief));
      out.push_back(*std::move(text));
    }
    return out;
  }

  template <class String>
  Result<std::vector<DomainDefinedAttributeIn<String>>> domain_defined(Form form) {
    std::vector<DomainDefinedAttributeIn<String>> out;
    for (const Attribute* each : m_domain_defined[form]) {
      POSTERN_TRY(String type, string_of(each->type, static_cast<String*>(nullptr)));
      POSTERN_TRY(String value, string_of(each->value, static_cast<String*>(nullptr)));
      out.push_back({std::move(type), std::move(value)});
      if (out.size() > static_cast<std::size_t>(ub_domain_defined_attributes))
        return wrong(*each, "is the fifth domain-defined attribute; four are allowed (X.411 annex B)");
    }
    return out;
  }

  /// Everything that has three variants.
  template <class String>
  Status names(Form form) {
    POSTERN_TRY(auto name, personal_name<String>(form));
    POSTERN_TRY(auto units, numbered<String>(Keyword::OU1, 4, form));
    POSTERN_TRY(auto defined, domain_defined<String>(form));
    POSTERN_TRY(auto common, optional<String>(Keyword::CN, form));
    POSTERN_TRY(auto organization, optional<String>(Keyword::O, form));
    return store(std::move(name), std::move(units), std::move(defined), std::move(common), std::move(organization));
  }
  Status store(std::optional<PersonalName> name, OrganizationalUnitNames units, BuiltInDomainDefinedAttributes defined,
               std::optional<PrintableString> common, std::optional<PrintableString>) {
    m_address.built_in_standard_attributes.personal_name = std::move(name);
    if (!units.empty()) m_address.built_in_standard_attributes.organizational_unit_names = std::move(units);
    if (!defined.empty()) m_address.built_in_domain_defined_attributes = std::move(defined);
    return put<common_name>(common);
  }
  Status store(std::optional<TeletexPersonalName> name, TeletexOrganizationalUnitNames units, TeletexDomainDefinedAttributes defined,
               std::optional<TeletexString> common, std::optional<TeletexString> organization) {
    POSTERN_CHECK(put<teletex_common_name>(common));
    POSTERN_CHECK(put<teletex_organization_name>(organization));
    POSTERN_CHECK(put<teletex_personal_name>(name));
    POSTERN_CHECK(put_list<teletex_organizational_unit_names>(units));
    return put_list<teletex_domain_defined_attributes>(defined);
  }
  Status store(std::optional<UniversalPersonalName> name, UniversalOrganizationalUnitNames units, UniversalDomainDefinedAttributes defined,
               std::optional<UniversalOrBMPString> common, std::optional<UniversalOrBMPString> organization) {
    POSTERN_CHECK(put<universal_common_name>(common));
    POSTERN_CHECK(put<universal_organization_name>(organization));
    POSTERN_CHECK(put<universal_personal_name>(name));
    POSTERN_CHECK(put_list<universal_organizational_unit_names>(units));
    return put_list<universal_domain_defined_attributes>(defined);
  }
  template <ExtensionAttributeType N>
  Status put(const std::optional<ExtensionValue<N>>& value) {
    return value ? set_extension<N>(m_address, *value) : Status{};
  }
  template <ExtensionAttributeType N>
  Status put_list(const ExtensionValue<N>& list) {
    return list.empty() ? Status{} : set_extension<N>(m_address, list);
  }

  Status postal() {
    POSTERN_TRY(const auto service, optional<PrintableString>(Keyword::PdSn, Form::Printable));
    POSTERN_CHECK(put<pds_name>(service));
    if (const Attribute* country = held(Keyword::PdC, Form::Printable))
      POSTERN_CHECK(set_extension<physical_delivery_country_name>(m_address, make<PhysicalDeliveryCountryName>(country->value)));
    if (const Attribute* code = held(Keyword::PdPc, Form::Printable))
      POSTERN_CHECK(set_extension<postal_code>(m_address, make<PostalCode>(code->value)));
    POSTERN_CHECK(unformatted());
    for (const KeywordRow& row : keywords())
      if (row.extension != ExtensionAttributeType{}) POSTERN_CHECK(parameter(row));
    return {};
  }
  Status parameter(const KeywordRow& row) {
    PDSParameter value;
    POSTERN_TRY(value.printable_string, optional<PrintableString>(row.keyword, Form::Printable));
    POSTERN_TRY(value.teletex_string, optional<TeletexString>(row.keyword, Form::Teletex));
    if (value != PDSParameter{}) {
      POSTERN_TRY(Any any, to_any(value, *value_type(row.extension)));
      set_extension(m_address, row.extension, std::move(any));
    }
    POSTERN_TRY(const auto universal, optional<UniversalOrBMPString>(row.keyword, Form::Universal));
    if (!universal) return {};
    POSTERN_TRY(Any any, to_any(*universal, *value_type(row.universal_extension)));
    set_extension(m_address, row.universal_extension, std::move(any));
    return {};
  }
  Status unformatted() {
    UnformattedPostalAddress value;
    POSTERN_TRY(auto lines,
                numbered<PrintableString>(Keyword::PdA1, static_cast<std::size_t>(ub_pds_physical_address_lines), Form::Printable));
    if (!lines.empty()) value.printable_address = std::move(lines);
    POSTERN_TRY(value.teletex_string, optional<TeletexString>(Keyword::PdAddress, Form::Teletex));
    if (value != UnformattedPostalAddress{}) POSTERN_CHECK(set_extension<unformatted_postal_address>(m_address, value));
    POSTERN_TRY(const auto universal, optional<UniversalOrBMPString>(Keyword::PdAddress, Form::Universal));
    return put<universal_unformatted_postal_address>(universal);
  }

  Status network() {
    const Attribute* number = held(Keyword::NetNum, Form::Printable);
    const Attribute* sub = held(Keyword::NetSub, Form::Printable);
    const Attribute* psap = held(Keyword::Psap, Form::Printable);
    if (sub != nullptr && number == nullptr) return wrong(*sub, "needs NET-NUM beside it");
    if (psap != nullptr && number != nullptr) return wrong(*psap, "excludes NET-NUM: an extended network address is one of them");
    if (number != nullptr) {
      E163_4Address value{number->value, {}};
      if (sub != nullptr) value.sub_address = sub->value;
      POSTERN_CHECK(set_extension<extended_network_address>(m_address, {std::move(value)}));
    }
    if (psap != nullptr) {
      POSTERN_TRY(PresentationAddress value, presentation_address(psap->value));
      POSTERN_CHECK(set_extension<extended_network_address>(m_address, {std::move(value)}));
    }
    const Attribute* type = held(Keyword::TTy, Form::Printable);
    if (type == nullptr) return {};
    POSTERN_TRY(const TerminalType value, terminal_type_named(type->value));
    return set_extension<terminal_type>(m_address, value);
  }

  /// Extension attributes nobody here reads: appended as they came.
  Status raw() {
    for (const Attribute* each : m_raw) {
      const std::int64_t number = number_of(each->type);
      if (number < 0) return wrong(*each, "the number of an extension attribute is 0 to 256");
      const auto size = element_size(as_bytes(each->value));
      if (!size || *size != each->value.size()) return wrong(*each, "is not one whole BER element");
      if (!m_address.extension_attributes) m_address.extension_attributes.emplace();
      m_address.extension_attributes->push_back({static_cast<ExtensionAttributeType>(number), Any{to_bytes(each->value)}});
    }
    return {};
  }
  static std::int64_t number_of(std::string_view digits) {
    if (digits.empty() || digits.size() > 3 || !std::ranges::all_of(digits, is_digit)) return -1;
    const std::int64_t number = std::stoll(std::string(digits));
    return number <= ub_extension_attributes ? number : -1;
  }

  ORAddress m_address;
  std::map<Key, const Attribute*> m_held;
  std::map<Form, std::vector<const Attribute*>> m_domain_defined;
  std::vector<const Attribute*> m_raw;
};

}  // namespace

Result<ORAddress> address_of(std::span<const Attribute> attributes) {
  Builder builder;
  for (const Attribute& each : attributes) POSTERN_CHECK(builder.add(each));
  return builder.finish();
}

}  // namespace postern::oraddress
