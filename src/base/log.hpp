// The log: structured events, one line each, redacted by construction.
//
//   log::info("smtp.accepted", {{"id", id.get()}, {"size", size}});
//
// Field values are facts for operators. Addresses, subjects, attachment names and credentials do not belong here at all;
// where an address is needed for correlation, pass it through redacted_address(), which keeps the domain only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace postern::log {

enum class Level { Debug, Info, Warn, Error };
enum class Format { Text, Json };

/// One name and its value, already text. Made from anything a log line can carry.
struct Field {
  std::string_view name;
  std::string value;
  bool number = false;

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, std::integral auto v) : name(n), value(std::to_string(v)), number(true) {}
  Field(std::string_view n, const Error& e) : name(n), value(e.text()) {}
};
using Fields = std::initializer_list<Field>;

/// Once, before threads start. Lines go to standard error. Default: Info, Text.
void configure(Level least, Format format);

/// Once, before threads start: every line says which process of the daemon wrote it (process=gate). Empty, the default: none says so.
void set_process(std::string_view name);

/// Once, before threads start: what libraries print to the C stream `stderr` (RNP has no switch for it) becomes debug events
/// "library.output" instead of loose lines. Our own lines and std::cerr are not affected.
void capture_library_output();

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) { write(Level::Debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::Info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::Warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::Error, event, fields); }

/// "someone@example.org" -> "*@example.org".
[[nodiscard]] std::string redacted_address(std::string_view address);

}  // namespace postern::log
