#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>

#include "base/clock.hpp"

namespace postern::log {
namespace {

std::atomic<Format> g_format{Format::Text};

std::string& process_name() {
  static auto* name = new std::string;  // outlives what logs at the end
  return *name;
}

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("postern", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum spd(Level level) {
  switch (level) {
    case Level::Debug: return spdlog::level::debug;
    case Level::Info: return spdlog::level::info;
    case Level::Warn: return spdlog::level::warn;
    case Level::Error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Info: return "info";
    case Level::Warn: return "warn";
    case Level::Error: return "error";
  }
  return "error";
}

/// A JSON string body; also safe in a text line, since control characters are escaped.
void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20 || u == 0x7F) {
      out += "\\u00";
      out += digits[u >> 4];
      out += digits[u & 15];
    } else {
      out += c;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

std::string json_line(std::string_view time, Level level, std::string_view event, Fields fields) {
  std::string out = "{\"time\":\"" + std::string(time) + "\",\"level\":\"" + std::string(name_of(level)) + "\",\"event\":";
  append_quoted(out, event);
  if (!process_name().empty()) {
    out += ",\"process\":";
    append_quoted(out, process_name());
  }
  for (const Field& field : fields) {
    out += ',';
    append_quoted(out, field.name);
    out += ':';
    if (field.number)
      out += field.value;
    else
      append_quoted(out, field.value);
  }
  return out + '}';
}

std::string text_line(std::string_view time, Level level, std::string_view event, Fields fields) {
  std::string out = std::string(time) + ' ' + std::string(name_of(level)) + ' ' + std::string(event);
  if (!process_name().empty()) out += " process=" + process_name();
  for (const Field& field : fields) {
    out += ' ';
    out += field.name;
    out += '=';
    const bool bare = field.value.find_first_of(" \"\\=") == std::string::npos && !field.value.empty();
    if (bare)
      append_escaped(out, field.value);
    else
      append_quoted(out, field.value);
  }
  return out;
}

// The write function of the stream that libraries see as stderr. Line buffered: one call is one line, or a piece of a very long one.
ssize_t take_library_output(void* /*cookie*/, const char* data, std::size_t size) {
  std::string_view text(data, size);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (!text.empty()) debug("library.output", {{"text", text}});
  return static_cast<ssize_t>(size);
}

}  // namespace

void set_process(std::string_view name) { process_name() = name; }

void capture_library_output() {
  sink();  // it holds the real stderr from now on
  cookie_io_functions_t functions{};
  functions.write = take_library_output;
  std::FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;
  std::setvbuf(stream, nullptr, _IOLBF, 1024);
  stderr = stream;  // glibc: "can be assigned like ordinary variables"
}

void configure(Level least, Format format) {
  g_format = format;
  sink().set_level(spd(least));
}

void write(Level level, std::string_view event, Fields fields) {
  if (!sink().should_log(spd(level))) return;
  const std::string time = rfc3339(SystemClock().now());
  const bool json = g_format.load() == Format::Json;
  sink().log(spd(level), spdlog::string_view_t(json ? json_line(time, level, event, fields) : text_line(time, level, event, fields)));
}

std::string redacted_address(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? "*" : "*" + std::string(address.substr(at));
}

}  // namespace postern::log
