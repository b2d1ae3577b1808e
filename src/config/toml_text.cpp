#include "config/toml_text.hpp"

#include "config/toml_guard.hpp"

namespace postern::config {
namespace {

std::optional<Value> map_of(const toml::table& table) {
  std::map<std::string, std::string> items;
  for (const auto& [key, item] : table) {
    const auto* s = item.as_string();
    if (s == nullptr) return std::nullopt;
    items.emplace(key.str(), s->get());
  }
  return Value(std::move(items));
}

std::optional<Value> list_of(const toml::array& array) {
  std::vector<std::string> list;
  for (const auto& item : array) {
    const auto* s = item.as_string();
    if (s == nullptr) return std::nullopt;
    list.push_back(s->get());
  }
  return Value(std::move(list));
}

tl::unexpected<Error> bad(std::string_view source, std::size_t line, std::string_view what) {
  return fail(ErrorCode::BadInput, std::string(source) + ":" + std::to_string(line) + ": " + std::string(what));
}

}  // namespace

Result<toml::table> parse_toml(std::string_view text, std::string_view source, std::size_t limit) {
  if (text.size() > limit)
    return fail(ErrorCode::TooLarge,
                std::string(source) + ": is larger than " + std::to_string(limit >> 10) + " KiB, which no such file is");
  if (const auto line = line_toml_cannot_read(text))
    return bad(source, *line, "letters beyond ASCII may stand in quotes and in comments only");
  toml::parse_result parsed = toml::parse(text, source);
  if (!parsed) return bad(source, parsed.error().source().begin.line, parsed.error().description());
  return std::move(parsed).table();
}

std::optional<Value> value_of(const toml::node& node) {
  if (const auto* s = node.as_string()) return Value(s->get());
  if (const auto* b = node.as_boolean()) return Value(b->get());
  if (const auto* n = node.as_integer()) return Value(n->get());
  if (const auto* table = node.as_table()) return map_of(*table);
  const auto* array = node.as_array();
  return array == nullptr ? std::nullopt : list_of(*array);
}

}  // namespace postern::config
