// How a line of the table of settings is made: one function for each kind. For the files that hold a table: settings*.cpp here,
// and those of files beside postern.toml (record.hpp).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "config/settings.hpp"

/// The member of the record that a line is about.
#define FIELD(member) [](auto& r) -> auto& { return r.member; }

namespace postern::config::rows {

using Words = std::vector<std::string_view>;

inline std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

inline std::string joined(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& item : list) out += (out.size() > 1 ? ", " : "") + in_quotes(item);
  return out + "]";
}

inline std::string duration_text(std::chrono::seconds s) {
  const auto n = s.count();
  if (n != 0 && n % 86400 == 0) return std::to_string(n / 86400) + "d";
  if (n != 0 && n % 3600 == 0) return std::to_string(n / 3600) + "h";
  if (n != 0 && n % 60 == 0) return std::to_string(n / 60) + "m";
  return std::to_string(n) + "s";
}

inline std::string alternatives(const Words& words) {
  std::string out;
  for (const auto word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

/// A row for the text that `get` refers to; with `allowed`, only these words.
template <class T, class Get>
Row<T> text(std::string_view name, Get get, std::string_view help, Words allowed = {}) {
  return {name, Kind::Text, help,
          [get, allowed](T& record, const Value& value) -> Status {
            const auto* given = std::get_if<std::string>(&value);
            if (given == nullptr) return fail(ErrorCode::BadInput, "must be a text in quotes");
            if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), *given) == allowed.end())
              return fail(ErrorCode::BadInput, "is \"" + printable(*given) + "\"; must be one of: " + alternatives(allowed));
            get(record) = *given;
            return {};
          },
          [get](const T& record) { return in_quotes(get(const_cast<T&>(record))); }};
}

template <class T, class Get>
Row<T> flag(std::string_view name, Get get, std::string_view help) {
  return {name, Kind::Flag, help,
          [get](T& record, const Value& value) -> Status {
            if (const auto* given = std::get_if<bool>(&value)) {
              get(record) = *given;
              return {};
            }
            const auto* word = std::get_if<std::string>(&value);  // the environment has only text
            if (word == nullptr || (*word != "true" && *word != "false")) return fail(ErrorCode::BadInput, "must be true or false");
            get(record) = *word == "true";
            return {};
          },
          [get](const T& record) { return std::string(get(const_cast<T&>(record)) ? "true" : "false"); }};
}

inline Result<std::int64_t> number_of(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  const auto* word = std::get_if<std::string>(&value);
  const bool digits = word != nullptr && !word->empty() && word->size() <= 15 && std::all_of(word->begin(), word->end(), is_digit);
  if (!digits) return fail(ErrorCode::BadInput, "must be a whole number");
  return std::stoll(*word);
}

template <class T, class Get>
Row<T> count(std::string_view name, Get get, std::string_view help, std::int64_t least, std::int64_t most) {
  return {name, Kind::Count, help,
          [get, least, most](T& record, const Value& value) -> Status {
            POSTERN_TRY(const std::int64_t number, number_of(value));
            if (number < least || number > most)
              return fail(ErrorCode::BadInput,
                          "is " + std::to_string(number) + "; must be from " + std::to_string(least) + " to " + std::to_string(most));
            get(record) = static_cast<std::remove_reference_t<decltype(get(record))>>(number);
            return {};
          },
          [get](const T& record) { return std::to_string(get(const_cast<T&>(record))); }};
}

template <class T, class Get>
Row<T> duration(std::string_view name, Get get, std::string_view help) {
  return {name, Kind::Duration, help,
          [get](T& record, const Value& value) -> Status {
            const auto* word = std::get_if<std::string>(&value);
            const auto* number = std::get_if<std::int64_t>(&value);
            if (word == nullptr && number == nullptr) return fail(ErrorCode::BadInput, "must be a duration such as \"15m\"");
            POSTERN_TRY(get(record), parse_duration(word != nullptr ? *word : std::to_string(*number)));
            return {};
          },
          [get](const T& record) { return in_quotes(duration_text(get(const_cast<T&>(record)))); }};
}

template <class T, class Get>
Row<T> list(std::string_view name, Get get, std::string_view help) {
  return {name, Kind::TextList, help,
          [get](T& record, const Value& value) -> Status {
            if (const auto* given = std::get_if<std::vector<std::string>>(&value)) {
              get(record) = *given;
              return {};
            }
            const auto* word = std::get_if<std::string>(&value);  // "a,b" from the environment
            if (word == nullptr) return fail(ErrorCode::BadInput, "must be a list of texts");
            std::vector<std::string> items;
            for (const auto item : split(*word, ',')) {
              if (!trim(item).empty()) items.emplace_back(trim(item));
            }
            get(record) = std::move(items);
            return {};
          },
          [get](const T& record) { return joined(get(const_cast<T&>(record))); }};
}

/// Checked by `check`; its error says what would be right.
template <class T, class Get>
Row<T> checked_text(std::string_view name, Get get, std::string_view help, Status (*check)(const std::string&)) {
  Row<T> row = text<T>(name, get, help);
  row.set = [get, check](T& record, const Value& value) -> Status {
    const auto* given = std::get_if<std::string>(&value);
    if (given == nullptr) return fail(ErrorCode::BadInput, "must be a text in quotes");
    POSTERN_CHECK(check(*given));
    get(record) = *given;
    return {};
  };
  return row;
}

/// { name = "text", ... }; from the environment "name=text,name=text".
template <class T, class Get>
Row<T> map_of(std::string_view name, Get get, std::string_view help, Status (*check)(const std::string&)) {
  return {name, Kind::TextMap, help,
          [get, check](T& record, const Value& value) -> Status {
            std::map<std::string, std::string> items;
            if (const auto* given = std::get_if<std::map<std::string, std::string>>(&value)) {
              items = *given;
            } else if (const auto* word = std::get_if<std::string>(&value)) {
              for (const auto item : split(*word, ',')) {
                const auto equals = item.find('=');
                if (trim(item).empty()) continue;
                if (equals == std::string_view::npos) return fail(ErrorCode::BadInput, "must be NAME=VALUE,NAME=VALUE");
                items.insert_or_assign(std::string(trim(item.substr(0, equals))), std::string(trim(item.substr(equals + 1))));
              }
            } else {
              return fail(ErrorCode::BadInput, "must be a table of texts: { name = \"text\" }");
            }
            for (const auto& [key, text] : items) {
              if (const Status good = check(text); !good)
                return fail(ErrorCode::BadInput, "of " + printable(key) + " " + good.error().what);
            }
            get(record) = std::move(items);
            return {};
          },
          [get](const T& record) {
            std::string out = "{";
            for (const auto& [key, text] : get(const_cast<T&>(record)))
              out += (out.size() > 1 ? ", " : " ") + in_quotes(key) + " = " + in_quotes(text);
            return out + (out.size() > 1 ? " }" : "}");
          }};
}

/// The part of scalar_settings() that is about keys.
[[nodiscard]] const std::vector<Row<Config>>& key_settings();
/// The part of scalar_settings() that is about X.400 and its transport.
[[nodiscard]] const std::vector<Row<Config>>& x400_settings();

}  // namespace postern::config::rows
