#include "api/vault_request.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using vault::Operation;

struct Refused {
  int status;
  std::string text;
};
template <class T>
using Read = std::variant<T, Refused>;

/// Go's ParseBool, which is what clients were written against.
bool means_true(std::string_view text) { return text == "1" || text == "t" || text == "T" || iequals(text, "true"); }

std::string_view media_type(const http::Request& request) {
  const std::string_view type = request.headers.get("Content-Type");
  return trim(type.substr(0, type.find(';')));
}

Read<Operation> read_operation(const http::Request& request) {
  const bool list = request.method == "LIST" || means_true(request.query_value("list"));
  const bool scan = request.method == "SCAN" || means_true(request.query_value("scan"));
  const bool gets = request.method == "GET" || request.method == "HEAD";
  if (request.method == "HELP" || (gets && means_true(request.query_value("help")))) return Operation::Help;
  if (list && scan && (gets || request.method == "LIST" || request.method == "SCAN"))
    return Refused{400, "a request is a list or a scan, not both"};
  if (request.method == "LIST" || (gets && list)) return Operation::List;
  if (request.method == "SCAN" || (gets && scan)) return Operation::Scan;
  if (gets) return Operation::Read;
  if (request.method == "POST" || request.method == "PUT") return Operation::Update;
  if (request.method == "DELETE") return Operation::Delete;
  if (request.method != "PATCH") return Refused{405, "unsupported method " + printable(request.method)};
  if (iequals(media_type(request), "application/merge-patch+json")) return Operation::Patch;
  return Refused{415, "PATCH requires Content-Type application/merge-patch+json"};
}

Read<std::string> read_path(const http::Request& request, Operation operation) {
  std::string path = request.path.substr(std::string_view("/v1/").size());
  if (path.size() > kVaultPath) return Refused{400, "the path is longer than " + std::to_string(kVaultPath) + " bytes"};
  if (operation == Operation::List || operation == Operation::Scan)
    if (path.empty() || path.back() != '/') path += '/';
  if (operation == Operation::Update && path.ends_with('/')) return Refused{400, "cannot write to a path ending in '/'"};
  return path;
}

/// RFC 3986 says nothing of forms; WHATWG's application/x-www-form-urlencoded is what browsers and curl -d send.
Status read_form(std::string_view body, json::object& fields) {
  for (const auto item : split(body, '&')) {
    if (item.empty()) continue;
    const auto equals = item.find('=');
    POSTERN_TRY(const auto name, http::percent_decode(item.substr(0, equals), true));
    POSTERN_TRY(auto value, http::percent_decode(equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1), true));
    fields[name] = value;
    wipe(value);
  }
  return {};
}

bool is_form(const http::Request& request) {
  if (!iequals(media_type(request), "application/x-www-form-urlencoded")) return false;
  const std::string_view body = trim(request.body);
  return !body.empty() && body.front() != '{' && body.front() != '[';
}

/// What a parser writes on the way to its values lies in the request's memory, or here and is wiped.
tl::expected<json::value, boost::system::error_code> parse_json(std::string_view text, const json::storage_ptr& memory) {
  json::parse_options options;
  options.max_depth = kVaultJsonDepth;
  std::array<unsigned char, 2048> work;
  boost::system::error_code error;
  json::value value(memory);
  {
    json::parser parser(memory, options, work.data(), work.size());
    parser.reset(memory);
    parser.write(text.data(), text.size(), error);
    if (!error) value = parser.release();
  }
  wipe(work);
  if (error) return tl::unexpected(error);
  return value;
}

/// RFC 8259 6: JSON has no infinities; the parser makes one of 1e999999. The depth is bounded by the parser.
bool is_finite(const json::value& value) {
  if (const double* number = value.if_double()) return std::isfinite(*number);
  if (const json::array* array = value.if_array()) return std::ranges::all_of(*array, is_finite);
  if (const json::object* object = value.if_object())
    return std::ranges::all_of(*object, [](const json::key_value_pair& pair) { return is_finite(pair.value()); });
  return true;
}

std::optional<Refused> read_json(const http::Request& request, json::object& fields) {
  auto value = parse_json(request.body, fields.storage());
  if (!value && value.error() == json::error::too_deep)
    return Refused{400, "failed to parse JSON input: nested more than " + std::to_string(kVaultJsonDepth) + " deep"};
  if (!value) return Refused{400, "failed to parse JSON input: " + value.error().message()};
  if (!is_finite(*value)) return Refused{400, "failed to parse JSON input: a number is beyond what a double can hold"};
  if (value->is_null()) return std::nullopt;
  if (!value->is_object()) return Refused{400, "failed to parse JSON input: the body must be an object"};
  fields = std::move(value->as_object());
  return std::nullopt;
}

std::optional<Refused> read_fields(const http::Request& request, Operation operation, json::object& fields) {
  if (operation != Operation::Update && operation != Operation::Patch) {
    for (const auto& [name, value] : request.query) fields[name] = value;
    return std::nullopt;
  }
  if (trim(request.body).empty()) return std::nullopt;
  if (!is_form(request)) return read_json(request, fields);
  const Status form = read_form(request.body, fields);
  if (!form) return Refused{400, "failed to parse form data: " + form.error().text()};
  return std::nullopt;
}

/// The usual request fits into one block.
std::size_t arena_size(std::size_t body) { return std::clamp<std::size_t>(2 * body + 512, 1024, 256UL * 1024); }

std::string token_of(const http::Request& request) {
  if (request.headers.has("X-Vault-Token")) return std::string(request.headers.get("X-Vault-Token"));
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view header = request.headers.get("Authorization");
  return std::string(istarts_with(header, scheme) ? trim(header.substr(scheme.size())) : std::string_view());
}

std::optional<Refused> read_headers(const http::Request& request, vault::Request& out) {
  out.token = token_of(request);
  out.ns = std::string(request.headers.get("X-Vault-Namespace"));
  if (out.ns.size() > kVaultNamespace) return Refused{400, "X-Vault-Namespace is too long"};
  out.wrap_as_jwt = request.headers.get("X-Vault-Wrap-Format") == "jwt";
  const std::string_view ttl = trim(request.headers.get("X-Vault-Wrap-TTL"));
  if (ttl.empty()) return std::nullopt;
  const auto duration = parse_duration(ttl);
  if (!duration) return Refused{400, "invalid X-Vault-Wrap-TTL: " + duration.error().what};
  if (duration->count() > 0) out.wrap_ttl = *duration;
  return std::nullopt;
}

}  // namespace

http::Response vault_error(int status, std::string_view text) {
  return http::json_response(status, json::object{{"errors", json::array{text}}});
}

http::Response refuse_target(const Error& error, std::string_view target) {
  if (!target.starts_with("/v1/")) return http::problem(error);
  return vault_error(error.code == ErrorCode::TooLarge ? 414 : 400, error.text());
}

std::variant<VaultRequest, http::Response> read_vault_request(const http::Request& request, std::string id) {
  const auto refuse = [](const Refused& refused) { return vault_error(refused.status, refused.text); };
  // The fields are made with their memory: assigning would keep the memory of the one assigned to.
  auto memory = std::make_unique<vault::WipedArena>(arena_size(request.body.size()));
  vault::Request empty{std::move(id), Operation::Read, {}, json::object(memory.get()), {}, {}, {}, false, {}, 0, {}};
  VaultRequest out{std::move(memory), std::move(empty)};
  vault::Request& to = out.request;
  const auto operation = read_operation(request);
  if (const auto* refused = std::get_if<Refused>(&operation)) return refuse(*refused);
  to.operation = std::get<Operation>(operation);
  auto path = read_path(request, to.operation);
  if (const auto* refused = std::get_if<Refused>(&path)) return refuse(*refused);
  to.path = std::get<std::string>(std::move(path));
  if (const auto refused = read_headers(request, to)) return refuse(*refused);
  if (const auto refused = read_fields(request, to.operation, to.data)) return refuse(*refused);
  to.remote_address = request.peer.is_unix() ? "local" : request.peer.ip.text();
  to.remote_port = request.peer.port;
  return out;
}

}  // namespace postern::api
