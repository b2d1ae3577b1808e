// Settings as a table: for each one its name, how a request sets it, how it is shown and how it goes back to its default. For this room
// only.
//
// The same table reads requests, sub-paths ("role/r/token-ttl") and stored records, so a setting cannot be forgotten in one of them.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vault/fields.hpp"

namespace postern::vault {

template <class T>
struct Attribute {
  std::string_view name;
  std::string_view old_name;  ///< As older clients call it; empty: nothing.
  FieldType type = FieldType::String;
  std::function<void(T&, const Fields&, std::string_view field)> set;
  std::function<boost::json::value(const T&)> show;
  std::function<void(T&)> reset;

  /// The same setting of what contains, as its base, a T.
  template <class Derived>
  [[nodiscard]] Attribute<Derived> of() const {
    return {name, old_name, type, set, show, reset};
  }
};

namespace attribute_detail {
inline void read(const Fields& fields, std::string_view name, std::string& out) { out = fields.text(name); }
inline void read(const Fields& fields, std::string_view name, bool& out) { out = fields.flag(name); }
inline void read(const Fields& fields, std::string_view name, std::int64_t& out) { out = fields.integer(name); }
inline void read(const Fields& fields, std::string_view name, std::chrono::seconds& out) { out = fields.duration(name); }
inline void read(const Fields& fields, std::string_view name, std::vector<std::string>& out) { out = fields.strings(name); }
inline boost::json::value shown(const std::string& value) { return boost::json::value(value); }
inline boost::json::value shown(bool value) { return value; }
inline boost::json::value shown(std::int64_t value) { return value; }
inline boost::json::value shown(std::chrono::seconds value) { return value.count(); }
inline boost::json::value shown(const std::vector<std::string>& values) {
  boost::json::array out;
  for (const std::string& value : values) out.emplace_back(value);
  return out;
}
}  // namespace attribute_detail

template <class T, class V>
[[nodiscard]] Attribute<T> attribute(std::string_view name, FieldType type, V T::* member, std::string_view old_name = {}) {
  return {name,
          old_name,
          type,
          [member](T& to, const Fields& fields, std::string_view field) { attribute_detail::read(fields, field, to.*member); },
          [member](const T& from) { return attribute_detail::shown(from.*member); },
          [member](T& to) { to.*member = T{}.*member; }};
}

/// What a path must declare to take them.
template <class T>
[[nodiscard]] std::vector<FieldSpec> specs_of(const std::vector<Attribute<T>>& attributes) {
  std::vector<FieldSpec> specs;
  for (const Attribute<T>& one : attributes) {
    specs.push_back({.name = one.name, .type = one.type});
    if (!one.old_name.empty()) specs.push_back({.name = one.old_name, .type = one.type});
  }
  return specs;
}

/// Sets what the client gave.
template <class T>
void update(T& to, const std::vector<Attribute<T>>& attributes, const Fields& fields) {
  for (const Attribute<T>& one : attributes) {
    if (fields.has(one.name))
      one.set(to, fields, one.name);
    else if (!one.old_name.empty() && fields.has(one.old_name))
      one.set(to, fields, one.old_name);
  }
}

template <class T>
[[nodiscard]] boost::json::object show(const T& from, const std::vector<Attribute<T>>& attributes) {
  boost::json::object out;
  for (const Attribute<T>& one : attributes) out[one.name] = one.show(from);
  return out;
}

}  // namespace postern::vault
