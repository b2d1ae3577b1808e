// What the files of verbs share: nouns with verbs, examples, queries, and looking into answers.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "remote.hpp"

namespace postern::cli {

/// Where verbs are added, and what they run with. Cheap to copy: callbacks hold one.
struct Verbs {
  CLI::App& app;
  Context& context;
  const Global& global;

  CLI::App* noun(const char* name, const char* about) const {
    CLI::App* out = app.add_subcommand(name, about);
    out->require_subcommand(1);
    return out;
  }
  void run(const char* verb, const std::function<Result<boost::json::value>(const Remote&)>& work,
           const std::function<void(const boost::json::value&)>& show) const {
    run_remote(global, context, verb, work, show);
  }
};

inline CLI::App* verb(CLI::App* noun, const char* name, const char* about, const char* example) {
  CLI::App* out = noun->add_subcommand(name, about);
  out->footer(std::string("Example: ") + example);
  return out;
}

inline std::string query(const std::vector<std::pair<const char*, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!value.empty()) out += (out.empty() ? "?" : "&") + std::string(name) + "=" + http::percent_encode(value);
  }
  return out;
}

inline const boost::json::array& list_of(const boost::json::value& value, std::string_view field) {
  static const boost::json::array none;
  const auto* object = value.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(field);
  return found != nullptr && found->is_array() ? found->as_array() : none;
}
const boost::json::array& list_of(boost::json::value&&, std::string_view) = delete;  // the list would go with the temporary

inline boost::json::value at(const boost::json::value& value, std::string_view field) {
  const auto* object = value.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(field);
  return found == nullptr ? boost::json::value(nullptr) : *found;
}

}  // namespace postern::cli
