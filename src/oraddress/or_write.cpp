// Writing O/R addresses as text.
#include <algorithm>

#include "base/text.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/value_text.hpp"

namespace postern::oraddress {

namespace {

/// RFC 2156 4.1: names, then units and domains from the narrowest to the widest, then the rest.
constexpr Keyword kMixerOrder[] = {
    Keyword::G,    Keyword::I,      Keyword::S,      Keyword::Q,    Keyword::CN,        Keyword::NId, Keyword::TId,  Keyword::TTy,
    Keyword::X121, Keyword::NetNum, Keyword::NetSub, Keyword::Psap, Keyword::OU4,       Keyword::OU3, Keyword::OU2,  Keyword::OU1,
    Keyword::O,    Keyword::P,      Keyword::A,      Keyword::C,    Keyword::PdPn,      Keyword::PdO, Keyword::PdA1, Keyword::PdA2,
    Keyword::PdA3, Keyword::PdA4,   Keyword::PdA5,   Keyword::PdA6, Keyword::PdAddress, Keyword::PdS, Keyword::PdB,  Keyword::PdOfn,
    Keyword::PdOf, Keyword::PdPc,   Keyword::PdC,    Keyword::PdR,  Keyword::PdU,       Keyword::PdL, Keyword::PdEa, Keyword::PdEd,
    Keyword::PdSn, Keyword::Dda,    Keyword::Ext,
};
static_assert(std::size(kMixerOrder) == static_cast<std::size_t>(Keyword::Ext) + 1);

class Writer {
 public:
  Writer(const Attributes& attributes, Style style) : m_all(attributes), m_style(style) {
    std::ranges::sort(m_all, {}, [](const Attribute& each) { return std::tuple(each.keyword, each.form, each.type, each.value); });
    units_are_whole();
  }

  std::string text(const Attributes& in_order) {
    if (m_style == Style::Mixer) {
      for (const Keyword keyword : kMixerOrder) attribute(keyword, in_order);
    } else {
      for (const KeywordRow& row : keywords()) attribute(row.keyword, in_order);
    }
    if (m_style != Style::Semicolon && !m_out.empty()) m_out += '/';
    return std::move(m_out);
  }

 private:
  void attribute(Keyword keyword, const Attributes& in_order) {
    if (keyword == Keyword::Dda || keyword == Keyword::Ext) return lists(keyword, in_order);
    Attributes variants;
    for (const Attribute& each : m_all)
      if (each.keyword == keyword && (!each.value.empty() || keyword == Keyword::A)) variants.push_back(each);
    if (!variants.empty()) emit(key(keyword), value(variants, is_bare(variants)));
  }
  /// These come once or often; each stands by itself, in its order.
  void lists(Keyword keyword, const Attributes& in_order) {
    for (const Attribute& each : in_order) {
      if (each.keyword != keyword) continue;
      const std::string type = keyword == Keyword::Ext ? each.type : type_text(each);
      emit(key(keyword) + type, keyword == Keyword::Ext ? each.utf8() : value({&each, 1}, reads_back_bare(each)));
    }
  }
  std::string value(std::span<const Attribute> variants, bool bare) const {
    // X.402 18.3.1: one space is the name of any administration domain.
    if (variants.front().keyword == Keyword::A && trim(variants.front().value).empty()) return " ";
    return value_text(variants, m_style == Style::Mixer, bare);
  }
  /// The type as reading expects it: in the alphabet of the value, where T.61 is concerned.
  std::string type_text(const Attribute& each) const {
    Attribute type = each;
    type.value = each.type;
    return value_text({&type, 1}, m_style == Style::Mixer, true);
  }

  /// Without asterisks, where reading chooses the same alphabet: for a family, where all of it is in one that some member needs.
  bool is_bare(const Attributes& variants) const {
    const Attribute& first = variants.front();
    if (variants.size() > 1) return false;
    const int family = family_of(first.keyword);
    if (family == 0) return reads_back_bare(first);
    bool needed = first.form == Form::Printable;
    for (const Attribute& each : m_all) {
      if (family_of(each.keyword) != family) continue;
      if (each.form != first.form) return false;
      needed = needed || reads_back_bare(each);
    }
    return needed;
  }

  std::string key(Keyword keyword) const {
    const KeywordRow& row = row_of(keyword);
    if (keyword == Keyword::Ext) return "EXT:";
    if (keyword == Keyword::Dda) return m_style == Style::Mixer ? "DD." : "DDA:";
    if (m_style == Style::Mixer && m_whole_units && family_of(keyword) == 2) return "OU";
    return std::string(m_style == Style::Semicolon ? row.brief : row.full);
  }
  /// OU= without numbers reads back only when the units start with the first.
  void units_are_whole() {
    std::size_t next = static_cast<std::size_t>(Keyword::OU1);
    for (const Attribute& each : m_all) {
      const auto keyword = static_cast<std::size_t>(each.keyword);
      if (family_of(each.keyword) != 2 || keyword + 1 == next) continue;
      if (keyword != next) return;
      ++next;
    }
    m_whole_units = true;
  }

  void emit(std::string_view key, std::string_view value) {
    if (m_style == Style::Semicolon) {
      if (!m_out.empty()) m_out += ';';
      quote(key, "=", key.find(':') + 1);
      m_out += '=';
      quote(value, ";", 0);
    } else {
      m_out += '/';
      quote(key, "/=$", 0);
      m_out += '=';
      quote(value, "/=$", 0);
    }
  }
  void quote(std::string_view text, std::string_view special, std::size_t from) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i >= from && special.find(text[i]) != std::string_view::npos) m_out += m_style == Style::Semicolon ? text[i] : '$';
      m_out += text[i];
    }
  }

  Attributes m_all;
  Style m_style;
  bool m_whole_units = false;
  std::string m_out;
};

}  // namespace

std::string write(const Attributes& attributes, Style style) { return Writer(attributes, style).text(attributes); }
std::string write(const ORAddress& address, Style style) { return write(attributes_of(address), style); }

}  // namespace postern::oraddress
