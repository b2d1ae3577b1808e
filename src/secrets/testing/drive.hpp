// BackendBench with bodies as JSON text, and answers that are easy to look into.
#pragma once

#include "vault/testing/backend_bench.hpp"

namespace postern::vault::testing {

/// What a call brought: the answer, or the error.
struct Seen {
  int status = 0;  ///< As HTTP would show it.
  boost::json::object data;
  std::vector<std::string> warnings;
  std::string error;

  /// "metadata/version", "keys/1": null when there is no such thing. Numbers count elements of arrays.
  [[nodiscard]] const boost::json::value& at(std::string_view pointer) const {
    static const boost::json::value nothing;
    const std::size_t first = pointer.find('/');
    const boost::json::value* value = data.if_contains(pointer.substr(0, first));
    while (value != nullptr && first != std::string_view::npos && pointer.find('/') != std::string_view::npos) {
      pointer.remove_prefix(pointer.find('/') + 1);
      const std::string_view name = pointer.substr(0, pointer.find('/'));
      if (const auto* object = value->if_object())
        value = object->if_contains(name);
      else if (const auto* array = value->if_array())
        value = array->if_contains(std::stoul(std::string(name)));
      else
        value = nullptr;
    }
    return value == nullptr ? nothing : *value;
  }
  [[nodiscard]] std::string text(std::string_view pointer) const {
    const auto& value = at(pointer);
    return value.is_string() ? std::string(value.get_string()) : "not a string: " + boost::json::serialize(value);
  }
  [[nodiscard]] std::int64_t number(std::string_view pointer) const {
    const auto& value = at(pointer);
    return value.is_number() ? value.to_number<std::int64_t>() : -1;
  }
};

class Drive {
 public:
  explicit Drive(const BackendFactory& factory, const std::vector<std::pair<std::string, std::string>>& options = {})
      : bench(factory, options) {}

  Seen read(std::string_view path, std::string_view body = "{}") { return call(Operation::Read, path, body); }
  Seen write(std::string_view path, std::string_view body = "{}") { return call(Operation::Update, path, body); }
  Seen patch(std::string_view path, std::string_view body = "{}") { return call(Operation::Patch, path, body); }
  Seen remove(std::string_view path) { return call(Operation::Delete, path, "{}"); }
  Seen list(std::string_view path, std::string_view body = "{}") { return call(Operation::List, path, body); }
  Seen call(Operation operation, std::string_view path, std::string_view body) {
    return call(operation, path, boost::json::parse(body).as_object());
  }
  Seen call(Operation operation, std::string_view path, boost::json::object body) {
    Outcome outcome = bench.run(operation, path, std::move(body));
    return {outcome.status, std::move(outcome.data), std::move(outcome.warnings), outcome.error()};
  }

  BackendBench bench;
};

}  // namespace postern::vault::testing
