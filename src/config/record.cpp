#include "config/record.hpp"

#include "config/toml_text.hpp"

namespace postern::config {

Error fault_in(std::string_view source, const Given& given, std::string what) {
  return {ErrorCode::BadInput,
          std::string(source) + ":" + std::to_string(given.line) + ": " + printable(given.name) + " " + std::move(what),
          printable(given.name)};
}

Result<std::vector<Given>> read_table(std::string_view toml, std::string_view source, std::size_t limit) {
  POSTERN_TRY(const toml::table table, parse_toml(toml, source, limit));
  std::vector<Given> out;
  for (const auto& [key, node] : table) {
    Given given{std::string(key.str()), {}, node.source().begin.line};
    auto value = value_of(node);
    if (!value) return fail(fault_in(source, given, "must be a text, a number, true or false, or a list of texts"));
    given.value = *std::move(value);
    out.push_back(std::move(given));
  }
  return out;
}

}  // namespace postern::config
