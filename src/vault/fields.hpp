// Weak typing: what a path declares about its fields, and reading them whatever form a client chose.
//
// The CLI sends every value as a string ("true", "256", "1h"); libraries send JSON types; both are right. Unknown fields are ignored, as
// clients send more than a path wants. A declared field that cannot be converted is an error that names it.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::vault {

enum class FieldType {
  String,    ///< A string, number or bool (taken as its text).
  Name,      ///< A key or role name, `\w(([\w-.]+)?\w)?`.
  Integer,   ///< 3, "3", 3.0
  Bool,      ///< true, "true", "1", 1
  Duration,  ///< Seconds: 3600, "3600", "1h30m", "5d"; never negative.
  SignedDuration,
  CommaStrings,  ///< ["a","b"] or "a,b"; blanks around elements go, empty ones too.
  Strings,       ///< ["a","b"], or one string as the only element.
  Integers,      ///< [1,2], "1,2" or 1
  StringMap,     ///< {"a":"b"}; values taken as text.
  Object,        ///< Any JSON object.
  Array,         ///< Any JSON array.
  Any,           ///< As it is.
};

struct FieldSpec {
  std::string_view name;
  FieldType type = FieldType::String;
  std::string_view fallback = {};  ///< JSON text of the value when the field is absent or null; empty: the type's zero.
  std::string_view help = {};
};

/// The declared fields of one request. Borrows the specs and the data.
class Fields {
 public:
  /// Checks every declared field that is there. BadInput with `field` set, text as OpenBao's: `error converting input for field "x": ...`.
  /// `captures` are the named parts of the path; they beat fields of the same name in the body.
  [[nodiscard]] static Result<Fields> read(std::span<const FieldSpec> specs, const boost::json::object& data,
                                           std::span<const std::pair<std::string_view, std::string>> captures);

  /// Whether the client gave it (null counts as absent).
  [[nodiscard]] bool has(std::string_view name) const;
  /// The value or its fallback. Asking for a name that is not declared, or as another type, is a bug of the caller (std::logic_error).
  [[nodiscard]] std::string text(std::string_view name) const;
  /// Without a copy where the client sent a string; for large inputs. Empty when absent or not sent as a string.
  [[nodiscard]] std::string_view text_view(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::chrono::seconds duration(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> strings(std::string_view name) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view name) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> string_map(std::string_view name) const;
  /// As sent; a null value when absent.
  [[nodiscard]] const boost::json::value& raw(std::string_view name) const;

 private:
  Fields(std::span<const FieldSpec> specs, const boost::json::object& data,
         std::span<const std::pair<std::string_view, std::string>> captures)
      : m_specs(specs), m_data(&data), m_captures(captures) {}
  [[nodiscard]] const FieldSpec& spec(std::string_view name) const;
  [[nodiscard]] const std::string* captured(std::string_view name) const noexcept;
  [[nodiscard]] boost::json::value effective(const FieldSpec& spec) const;
  std::span<const FieldSpec> m_specs;
  const boost::json::object* m_data;
  std::span<const std::pair<std::string_view, std::string>> m_captures;
};

/// The conversions by themselves, for items of a batch.
[[nodiscard]] Result<std::int64_t> weak_integer(const boost::json::value& value);
[[nodiscard]] Result<bool> weak_bool(const boost::json::value& value);
/// "1h30m", "90", 90, "5d".
[[nodiscard]] Result<std::chrono::seconds> weak_duration(const boost::json::value& value);
[[nodiscard]] Result<std::vector<std::string>> weak_comma_strings(const boost::json::value& value);

/// Whether `name` fits `\w(([\w-.]+)?\w)?`; at most 128 characters.
[[nodiscard]] bool is_engine_name(std::string_view name) noexcept;

}  // namespace postern::vault
