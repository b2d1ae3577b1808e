// X.402 18.5: what makes an address one of the forms, as a table.
#include <algorithm>
#include <array>

#include "oraddress/compare.hpp"

namespace postern::oraddress {

namespace {

/// X.402 table 10: what each form must have. Of `one_of`, any one.
struct Rule {
  AddressForm form;
  std::string_view name;
  std::initializer_list<Keyword> all;
  std::initializer_list<Keyword> one_of;
};
const Rule kRules[] = {
    {AddressForm::Numeric, "numeric", {Keyword::C, Keyword::A, Keyword::NId}, {}},
    {AddressForm::UnformattedPostal,
     "unformatted postal",
     {Keyword::C, Keyword::A, Keyword::PdC, Keyword::PdPc},
     {Keyword::PdA1, Keyword::PdAddress}},
    {AddressForm::FormattedPostal,
     "formatted postal",
     {Keyword::C, Keyword::A, Keyword::PdC, Keyword::PdPc},
     {Keyword::PdPn, Keyword::PdO, Keyword::PdS, Keyword::PdB, Keyword::PdR, Keyword::PdU, Keyword::PdOf, Keyword::PdOfn, Keyword::PdL,
      Keyword::PdEa, Keyword::PdEd}},
    {AddressForm::Terminal, "terminal", {}, {Keyword::X121, Keyword::NetNum, Keyword::Psap}},
    {AddressForm::Mnemonic,
     "mnemonic",
     {Keyword::C, Keyword::A},
     {Keyword::P, Keyword::O, Keyword::OU1, Keyword::S, Keyword::CN, Keyword::Dda}},
};

struct Present {
  std::array<bool, static_cast<std::size_t>(Keyword::Ext) + 1> set{};
  [[nodiscard]] bool has(Keyword keyword) const { return set[static_cast<std::size_t>(keyword)]; }
  [[nodiscard]] bool meets(const Rule& rule) const {
    const auto here = [this](Keyword each) { return has(each); };
    return std::ranges::all_of(rule.all, here) && (rule.one_of.size() == 0 || std::ranges::any_of(rule.one_of, here));
  }
};

Error lacking(const Present& present) {
  if (!present.has(Keyword::C)) return {ErrorCode::BadInput, "is missing; every form but the terminal one has a country (X.402 18.5)", "C"};
  if (!present.has(Keyword::A))
    return {ErrorCode::BadInput, "is missing; write A= for any administration domain of the country (X.402 18.3.1)", "A"};
  return {ErrorCode::BadInput, "country and administration domain alone name nobody; one of P, O, OU1, S, CN or DDA is needed (X.402 18.5)",
          "P"};
}

}  // namespace

std::string_view name_of(AddressForm form) noexcept {
  const auto* found = std::ranges::find(kRules, form, &Rule::form);
  return found->name;
}

Result<AddressForm> form_of(const ORAddress& address) {
  Present present;
  for (const Attribute& each : attributes_of(address)) present.set[static_cast<std::size_t>(each.keyword)] = true;
  for (const Rule& rule : kRules)
    if (present.meets(rule)) return rule.form;
  return fail(lacking(present));
}

}  // namespace postern::oraddress
