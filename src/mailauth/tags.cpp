#include "mailauth/tags.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern {
namespace {

bool is_fws(char c) noexcept { return is_wsp(c) || c == '\r' || c == '\n'; }

/// RFC 6376 3.2: tag-name = ALPHA *ALNUMPUNC; ALNUMPUNC = ALPHA / DIGIT / "_"
bool is_tag_name(std::string_view name) noexcept {
  return !name.empty() && is_alpha(name.front()) && std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '_'; });
}

/// Every line end is CRLF followed by white space.
bool is_folded(std::string_view value) noexcept {
  for (auto at = value.find('\r'); at != std::string_view::npos; at = value.find('\r', at + 1)) {
    if (at + 2 >= value.size() || value[at + 1] != '\n' || !is_wsp(value[at + 2])) return false;
  }
  for (auto at = value.find('\n'); at != std::string_view::npos; at = value.find('\n', at + 1)) {
    if (at == 0 || value[at - 1] != '\r') return false;
  }
  return true;
}

enum : unsigned char { kForbidden = 1, kLineEnd = 2, kHigh = 4 };
constexpr auto kClasses = [] {
  std::array<unsigned char, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) out[c] = c >= 0x80 ? kHigh : c < 0x20 || c == 0x7F ? kForbidden : 0;
  out['\t'] = 0;
  out['\r'] = out['\n'] = kLineEnd;
  return out;
}();

/// RFC 6376 3.2 tag-value: VALCHAR with FWS between. RFC 8616 5 adds UTF-8.
bool is_tag_value(std::string_view value) noexcept {
  unsigned char seen = 0;
  for (const char c : value) seen |= kClasses[static_cast<unsigned char>(c)];
  if (seen == 0) return true;
  return (seen & kForbidden) == 0 && ((seen & kLineEnd) == 0 || is_folded(value)) && ((seen & kHigh) == 0 || is_utf8(value));
}

}  // namespace

std::string Tag::compact() const {
  std::string out(value.size(), '\0');
  const auto end = std::ranges::remove_copy_if(value, out.begin(), is_fws).out;
  out.erase(end, out.end());
  return out;
}

std::vector<std::string_view> Tag::words() const {
  auto out = split(value, ':');
  std::ranges::transform(out, out.begin(), trim);
  return out;
}

bool Tag::has_word(std::string_view word) const {
  return std::ranges::any_of(words(), [word](std::string_view one) { return iequals(one, word); });
}

Result<TagList> TagList::parse(std::string_view text, std::size_t max_tags) {
  TagList list;
  list.m_tags.reserve(12);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string_view spec = text.substr(begin, end - begin);
    // tag-list = tag-spec *( ";" tag-spec ) [ ";" ]: white space may follow the last semicolon, an empty tag-spec may not stand before one.
    if (trim(spec).empty() && end == text.size() && !list.m_tags.empty()) break;
    const auto equals = spec.find('=');
    const std::string_view name = trim(spec.substr(0, equals));
    if (equals == std::string_view::npos || !is_tag_name(name))
      return fail(ErrorCode::BadInput, "not a tag=value: " + printable(trim(spec), 40), "tag");
    if (list.find(name) != nullptr) {
      // "Tags with duplicate names MUST NOT occur within a single tag-list; if a tag name does occur more than once, the entire tag-list is
      // invalid."
      return fail(ErrorCode::BadInput, "the tag occurs twice", std::string(name));
    }
    if (list.m_tags.size() >= max_tags) return fail(ErrorCode::TooLarge, "more than " + std::to_string(max_tags) + " tags", "tag");
    const Tag tag{name, trim(spec.substr(equals + 1)), begin + equals + 1, end};
    if (!is_tag_value(tag.value)) return fail(ErrorCode::BadInput, "the value has a character that is not allowed", std::string(name));
    list.m_tags.push_back(tag);
    begin = end + 1;
  }
  if (list.m_tags.empty()) return fail(ErrorCode::BadInput, "the tag list is empty", "tag");
  return list;
}

const Tag* TagList::find(std::string_view name) const noexcept {
  const auto found = std::find_if(m_tags.begin(), m_tags.end(), [name](const Tag& tag) { return tag.name == name; });
  return found == m_tags.end() ? nullptr : &*found;
}

}  // namespace postern
