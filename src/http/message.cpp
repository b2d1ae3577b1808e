#include "http/message.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace postern::http {

void Headers::set(std::string name, std::string value) {
  erase(name);
  add(std::move(name), std::move(value));
}
void Headers::erase(std::string_view name) {
  m_items.erase(std::remove_if(m_items.begin(), m_items.end(), [&](const Item& item) { return iequals(item.first, name); }), m_items.end());
}
std::string_view Headers::get(std::string_view name) const noexcept {
  const auto it = std::find_if(m_items.begin(), m_items.end(), [&](const Item& item) { return iequals(item.first, name); });
  return it == m_items.end() ? std::string_view() : std::string_view(it->second);
}
bool Headers::has(std::string_view name) const noexcept { return count(name) > 0; }
std::size_t Headers::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(m_items.begin(), m_items.end(), [&](const Item& item) { return iequals(item.first, name); }));
}

namespace {

std::string_view first_of(const std::vector<std::pair<std::string, std::string>>& items, std::string_view name) noexcept {
  const auto it = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.first == name; });
  return it == items.end() ? std::string_view() : std::string_view(it->second);
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct Meaning {
  int status;
  std::string_view code;
};

Meaning meaning_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::BadInput: return {400, "bad_input"};
    case ErrorCode::TooLarge: return {413, "too_large"};
    case ErrorCode::NotFound: return {404, "not_found"};
    case ErrorCode::Conflict: return {409, "conflict"};
    case ErrorCode::Denied: return {403, "denied"};
    case ErrorCode::IntegrityFailed: return {422, "integrity_failed"};
    case ErrorCode::Unavailable: return {503, "unavailable"};
    case ErrorCode::Timeout: return {504, "timeout"};
    case ErrorCode::Exhausted: return {429, "exhausted"};
    case ErrorCode::Unsupported: return {501, "unsupported"};
    case ErrorCode::Internal: break;
  }
  return {500, "internal"};
}

std::string_view media_type(std::string_view name) {
  const auto ends = [&](std::string_view suffix) {
    return name.size() >= suffix.size() && name.substr(name.size() - suffix.size()) == suffix;
  };
  if (ends(".css")) return "text/css; charset=utf-8";
  if (ends(".js")) return "text/javascript; charset=utf-8";
  if (ends(".html")) return "text/html; charset=utf-8";
  if (ends(".svg")) return "image/svg+xml";
  if (ends(".png")) return "image/png";
  if (ends(".json")) return "application/json";
  return "application/octet-stream";
}

}  // namespace

std::string_view Request::query_value(std::string_view name) const noexcept { return first_of(query, name); }
bool Request::has_query(std::string_view name) const noexcept {
  return std::any_of(query.begin(), query.end(), [&](const auto& item) { return item.first == name; });
}
std::string_view Request::param(std::string_view name) const noexcept { return first_of(params, name); }

Result<boost::json::value> Request::json() const {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::json::stream_parser parser({}, options);
  const std::size_t read = parser.write_some(body, error);
  if (!error && read < body.size() && body.find_first_not_of(" \t\r\n", read) != std::string::npos)
    return fail(ErrorCode::BadInput, "more text behind the JSON document at octet " + std::to_string(read), "body");
  if (!error) parser.finish(error);
  if (error) return fail(ErrorCode::BadInput, "not JSON at octet " + std::to_string(read) + ": " + error.message(), "body");
  return parser.release();
}

namespace {

/// One line of an event stream. CR, LF and CRLF all end a line there, so what stands in a name or id must hold none.
std::string sse_line(std::string_view name, std::string_view value) {
  std::string out(name);
  out += ": ";
  std::copy_if(value.begin(), value.end(), std::back_inserter(out), [](char c) { return c != '\r' && c != '\n'; });
  return out + "\n";
}

}  // namespace

std::string sse_event(std::string_view event, std::string_view data, std::string_view id) {
  std::string out;
  if (!id.empty()) out += sse_line("id", id);
  if (!event.empty()) out += sse_line("event", event);
  for (const auto line : split(data, '\n')) out += sse_line("data", line);
  return out + "\n";
}
std::string sse_comment(std::string_view text) { return sse_line("", text) + "\n"; }

Response text_response(int status, std::string body) {
  Response out;
  out.status = status;
  out.body = std::move(body);
  out.headers.set("Content-Type", "text/plain; charset=utf-8");
  return out;
}
Response json_response(int status, const boost::json::value& body) {
  Response out;
  out.status = status;
  out.body = boost::json::serialize(body);
  out.headers.set("Content-Type", "application/json");
  return out;
}
Response page_response(std::string html) {
  Response out;
  out.body = std::move(html);
  out.headers.set("Content-Type", "text/html; charset=utf-8");
  page_headers(out.headers);
  return out;
}
Response asset_response(std::string_view name, std::string body, bool immutable) {
  Response out;
  out.body = std::move(body);
  out.headers.set("Content-Type", std::string(media_type(name)));
  out.headers.set("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
  return out;
}
Response event_stream(std::function<io::Task<void>(ResponseStream&)> stream) {
  Response out;
  out.headers.set("Content-Type", "text/event-stream");
  out.headers.set("Cache-Control", "no-store");
  out.stream = std::move(stream);
  return out;
}

Response problem(int status, std::string_view code, std::string_view detail, std::string_view field) {
  boost::json::object body{{"type", "about:blank"},
                           {"title", reason_phrase(status)},
                           {"status", status},
                           {"code", code},
                           {"detail", is_utf8(detail) ? std::string(detail) : printable(detail, detail.size())}};
  if (!field.empty()) body["field"] = field;
  Response out = json_response(status, body);
  out.headers.set("Content-Type", "application/problem+json");
  return out;
}

Response problem(const Error& error) {
  const Meaning meaning = meaning_of(error.code);
  if (meaning.status == 500) return problem(500, "internal", "an internal error; the log has it under this request's id");
  Response out = problem(meaning.status, meaning.code, error.text(), error.field);
  if (meaning.status == 429 || meaning.status == 503) out.headers.set("Retry-After", "1");
  return out;
}

void page_headers(Headers& headers) {
  headers.set("Content-Security-Policy",
              "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cache-Control", "no-store");
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (text[i] == '%') {
      const bool whole = i + 2 < text.size();
      const int high = whole ? hex_digit(text[i + 1]) : -1;
      const int low = whole ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(ErrorCode::BadInput, "bad percent escape", "target");
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (c == '\0') return fail(ErrorCode::BadInput, "a zero byte in the request target", "target");
    out += c;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      const auto u = static_cast<unsigned char>(c);
      out += '%';
      out += digits[u >> 4];
      out += digits[u & 15];
    }
  }
  return out;
}

}  // namespace postern::http
