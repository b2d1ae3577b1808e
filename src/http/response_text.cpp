#include "http/response_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace postern::http {
namespace {

void append_number(std::string& out, std::size_t number, int base = 10) {
  std::array<char, 24> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number, base).ptr);
}

/// RFC 9110 6.6.1: "An origin server with a clock [...] MUST generate a Date header field in all 2xx (Successful), 3xx (Redirection), and
/// 4xx (Client Error) responses". One text per second and thread.
std::string_view date_line() {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  thread_local std::time_t second = -1;
  thread_local std::array<char, 64> text{};
  thread_local std::size_t size = 0;
  const std::time_t now = unix_seconds(std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()));
  if (now != second) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    const int written = std::snprintf(
        text.data(), text.size(), "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", kDays[static_cast<std::size_t>(utc.tm_wday)],
        utc.tm_mday, kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    size = std::min(text.size() - 1, static_cast<std::size_t>(std::max(written, 0)));
    second = now;
  }
  return {text.data(), size};
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  // A value that would end its line ends the header instead of the field: never let it out.
  if (value.find_first_of("\r\n") != std::string_view::npos || name.find_first_of("\r\n:") != std::string_view::npos) return;
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_framing(std::string& out, const Response& response, const Framing& framing) {
  if (framing.body == Framing::Body::Chunked) out += "Transfer-Encoding: chunked\r\n";
  if (framing.body == Framing::Body::Length) {
    out += "Content-Length: ";
    append_number(out, response.body.size());
    out += "\r\n";
  }
  if (!framing.keep_alive) out += "Connection: close\r\n";
  if (framing.keep_alive && framing.to_http_10) out += "Connection: keep-alive\r\n";
}

}  // namespace

void append_head(std::string& out, const Response& response, std::string_view id, const Framing& framing, std::size_t more) {
  std::size_t size = 256 + more;
  for (const auto& [name, value] : response.headers) size += name.size() + value.size() + 4;
  out.reserve(out.size() + size);
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  bool nosniff = false, cache = false;
  for (const auto& [name, value] : response.headers) {
    nosniff = nosniff || (name.size() == 22 && iequals(name, "X-Content-Type-Options"));
    cache = cache || (name.size() == 13 && iequals(name, "Cache-Control"));
    append_field(out, name, value);
  }
  if (!nosniff) out += "X-Content-Type-Options: nosniff\r\n";
  if (!cache) out += "Cache-Control: no-store\r\n";
  append_field(out, "X-Request-Id", id);
  out += date_line();
  append_framing(out, response, framing);
  out += "\r\n";
}

std::string chunk_of(std::string_view piece) {
  std::string out;
  out.reserve(piece.size() + 24);
  append_number(out, piece.size(), 16);
  out += "\r\n";
  out += piece;
  out += "\r\n";
  return out;
}

}  // namespace postern::http
