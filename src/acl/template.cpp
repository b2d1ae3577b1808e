#include "acl/template.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern::acl {
namespace {

// Takes "PREFIX" off the front.
bool take(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes "NAME." off the front.
bool take_part(std::string_view& text) noexcept {
  const std::size_t dot = text.find('.');
  if (dot == 0 || dot == std::string_view::npos) return false;
  text.remove_prefix(dot + 1);
  return true;
}

bool is_last(std::string_view text, std::initializer_list<std::string_view> names, std::initializer_list<std::string_view> maps) noexcept {
  if (std::ranges::find(names, text) != names.end()) return true;
  return std::ranges::any_of(maps, [text](std::string_view map) { return text.starts_with(map) && text.size() > map.size(); });
}

bool is_known(std::string_view name) noexcept {
  if (take(name, "identity.entity.aliases.")) return take_part(name) && is_last(name, {"id", "name"}, {"metadata.", "custom_metadata."});
  if (take(name, "identity.entity.")) return is_last(name, {"id", "name"}, {"metadata."});
  if (take(name, "identity.groups.ids.")) return take_part(name) && is_last(name, {"name"}, {"metadata."});
  if (take(name, "identity.groups.names.")) return take_part(name) && is_last(name, {"id"}, {"metadata."});
  return false;
}

// Calls `literal` and `name` for the pieces in their order. False: a template does not end or does not begin.
template <class Literal, class Name>
bool for_each_piece(std::string_view path, Literal literal, Name name) {
  while (!path.empty()) {
    const std::size_t open = path.find("{{");
    const std::string_view before = path.substr(0, open);
    if (before.find("}}") != std::string_view::npos) return false;
    literal(before);
    if (open == std::string_view::npos) return true;
    path.remove_prefix(open + 2);
    const std::size_t close = path.find("}}");
    if (close == std::string_view::npos) return false;
    name(trim(path.substr(0, close)));
    path.remove_prefix(close + 2);
  }
  return true;
}

bool is_harmless(std::string_view value) noexcept { return !value.empty() && value.find_first_of("*+/") == std::string_view::npos; }

}  // namespace

Result<bool> check_templates(std::string_view path) {
  std::size_t count = 0;
  std::string_view unknown;
  const auto see = [&](std::string_view name) {
    ++count;
    if (!is_known(name)) unknown = name.empty() ? std::string_view("{{}}") : name;
  };
  if (!for_each_piece(path, [](std::string_view) {}, see)) return fail(ErrorCode::BadInput, "'{{' and '}}' do not pair");
  if (!unknown.empty())
    return fail(ErrorCode::BadInput, "unknown template '" + printable(unknown, 64) + "': use identity.entity... or identity.groups...");
  return count > 0;
}

std::optional<std::string> fill_templates(std::string_view path, const TemplateFacts& facts) {
  std::string out;
  bool whole = true;
  const auto fill = [&](std::string_view name) {
    const auto fact = facts.find(name);
    if (fact != facts.end() && is_harmless(fact->second))
      out += fact->second;
    else
      whole = false;
  };
  const bool paired = for_each_piece(path, [&out](std::string_view text) { out += text; }, fill);
  if (!paired || !whole) return {};
  return out;
}

}  // namespace postern::acl
