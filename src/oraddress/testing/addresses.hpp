// O/R addresses made from a seed, for property tests of this room and of those that stand on it.
#pragma once

#include <algorithm>
#include <random>
#include <string>

#include "oraddress/attribute.hpp"

namespace postern::oraddress::testing {

/// Draws attributes of a legal address: every keyword, every variant, values within their bounds.
class Addresses {
 public:
  explicit Addresses(std::uint32_t seed) : m_random(seed) {}

  /// Attributes that address_of() takes.
  Attributes attributes() {
    Attributes out;
    for (const KeywordRow& row : keywords()) add(out, row);
    complete(out);
    return out;
  }
  ORAddress address() { return address_of(attributes()).value(); }
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(m_random); }

 private:
  void add(Attributes& out, const KeywordRow& row) {
    if (row.keyword == Keyword::Ext || row.keyword == Keyword::PdAddress || below(4) != 0) return;
    if (row.keyword == Keyword::Dda) return domain_defined(out);
    const std::size_t forms = 1 + below(7);  // a bit for each form
    if ((forms & 1) != 0 || !row.teletex) out.push_back({row.keyword, Form::Printable, {}, printable(row)});
    if ((forms & 2) != 0 && row.teletex) out.push_back({row.keyword, Form::Teletex, {}, teletex(row.most)});
    if ((forms & 4) != 0 && row.universal) out.push_back({row.keyword, Form::Universal, {}, universal(row.most_universal)});
  }
  void domain_defined(Attributes& out) {
    for (std::size_t left = 1 + below(4); left > 0; --left)
      out.push_back({Keyword::Dda, Form::Printable, text(kPrintable, 8), text(kPrintable, 40)});
    if (below(3) == 0) out.push_back({Keyword::Dda, Form::Teletex, teletex(8), teletex(20)});
    if (below(3) == 0) out.push_back({Keyword::Dda, Form::Universal, universal(8), universal(20)});
  }
  /// A surname beside other names, no gaps in lists, one kind of extended network address, a number beside its sub-address.
  void complete(Attributes& out) {
    const auto has = [&](Keyword keyword, Form form) {
      return std::ranges::any_of(out, [&](const Attribute& each) { return each.keyword == keyword && each.form == form; });
    };
    for (const Form form : {Form::Printable, Form::Teletex, Form::Universal}) {
      for (const Keyword keyword : {Keyword::G, Keyword::I, Keyword::Q})
        if (has(keyword, form) && !has(Keyword::S, form)) out.push_back({Keyword::S, form, {}, "Doe"});
      fill(out, has, Keyword::OU4, Keyword::OU1, form);
      fill(out, has, Keyword::PdA6, Keyword::PdA1, form);
    }
    if (has(Keyword::NetSub, Form::Printable) && !has(Keyword::NetNum, Form::Printable))
      out.push_back({Keyword::NetNum, Form::Printable, {}, "496151"});
    if (has(Keyword::NetNum, Form::Printable)) std::erase_if(out, [](const Attribute& each) { return each.keyword == Keyword::Psap; });
  }
  template <class Has>
  void fill(Attributes& out, const Has& has, Keyword last, Keyword first, Form form) {
    bool wanted = false;
    for (auto keyword = last; keyword >= first; keyword = static_cast<Keyword>(static_cast<int>(keyword) - 1)) {
      if (wanted && !has(keyword, form)) out.push_back({keyword, form, {}, "Unit"});
      wanted = wanted || has(keyword, form);
    }
  }

  std::string printable(const KeywordRow& row) {
    constexpr std::string_view kCountries[] = {"DE", "gb", "262", "310", "Us", "999"};
    constexpr std::string_view kTypes[] = {"tlx", "g3fax", "17"};
    constexpr std::string_view kPsaps[] = {"NS+4700", "'01'H//'7834'H/NS+4700_NS+39", "'FF'H/NS+01"};
    switch (row.keyword) {
      case Keyword::C:
      case Keyword::PdC: return std::string(kCountries[below(std::size(kCountries))]);
      case Keyword::TTy: return std::string(kTypes[below(std::size(kTypes))]);
      case Keyword::Psap: return std::string(kPsaps[below(std::size(kPsaps))]);
      case Keyword::A: return below(3) == 0 ? " " : text(kPrintable, row.most);
      default: return text(row.digits ? kDigits : kPrintable, row.most);
    }
  }
  std::string text(std::string_view alphabet, std::int64_t most) {
    std::string out;
    for (std::size_t left = 1 + below(static_cast<std::size_t>(std::min<std::int64_t>(most, 24))); left > 0; --left)
      out += alphabet[below(alphabet.size())];
    return out;
  }
  std::string teletex(std::int64_t most) {
    // Letters with diacritics, a diacritic alone, signs, what separates and escapes in text, ends of lines.
    constexpr std::string_view kCharacters[] = {"a",     "Z",     " ",    "0",    "@",    "_",    "|",   ";",
                                                "\xC8u", "\xC8 ", "\xFB", "\xA5", "\xF1", "\xA4", "\r\n"};
    std::string out;
    for (std::size_t left = 1 + below(static_cast<std::size_t>(std::min<std::int64_t>(most, 24))); left > 0; --left) {
      const std::string_view next = kCharacters[below(std::size(kCharacters))];
      if (out.size() + next.size() <= static_cast<std::size_t>(most)) out += next;
    }
    return out.empty() ? "x" : out;
  }
  std::string universal(std::int64_t most) {
    constexpr std::string_view kCharacters[] = {"a", "B", " ", "*", "{", "ä", "Ω", "Я", "漢", "😀", ";", "$"};
    std::string out;
    for (std::size_t left = 1 + below(static_cast<std::size_t>(std::min<std::int64_t>(most, 12))); left > 0; --left)
      out += kCharacters[below(std::size(kCharacters))];
    return out;
  }

  static constexpr std::string_view kDigits = "0123456789";
  static constexpr std::string_view kPrintable = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789  '()+,-./:=?";
  std::mt19937 m_random;
};

}  // namespace postern::oraddress::testing
