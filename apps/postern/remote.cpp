#include "remote.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/text.hpp"
#include "config/load.hpp"
#include "config/validate.hpp"
#include "file_input.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return std::string(trim(line));
}

/// The port that the daemon really got, when it was asked for a free one.
Result<std::string> api_address(const config::Config& config) {
  POSTERN_TRY(const auto at, config::parse_host_port(config.http.address));
  if (at.port != 0) return "http://" + config.http.address;
  std::ifstream file(config.in_data_dir("ports.json"));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  boost::system::error_code malformed;
  const json::value ports = json::parse(text, malformed);
  if (malformed || !ports.is_object() || !ports.as_object().contains("http"))
    return fail(ErrorCode::Unavailable,
                "no daemon is listening for " + config.in_data_dir("") + "; start it with: posternd --config " + config.source);
  return "http://" + at.host + ":" + std::to_string(ports.at("http").to_number<int>());
}

/// Whom an https daemon is trusted by: --ca alone; else the built-in CA of the configuration, or the system's where its certificate comes
/// from elsewhere.
Result<io::SslContext> trust_for(const Global& global) {
  TlsClientProfile profile;
  if (!global.ca.empty()) {
    POSTERN_TRY(profile.roots, certificates_from_file(global.ca));
  } else if (const auto config = configuration(global); config && config->tls.certificate.empty()) {
    auto own = certificates_from_file(config->in_data_dir("ca.pem"));
    if (!own) return fail(Error(own.error()).context("the CA of the daemon is needed: give it with --ca FILE"));
    profile.roots = *std::move(own);
  } else {
    profile.system_roots = true;
  }
  POSTERN_TRY(const auto context, client_context(std::move(profile)));
  return context.shared();
}

/// The key engine's form of an error: {"errors":["..."]}.
std::string engine_errors(const json::value& body) {
  const auto* object = body.if_object();
  const auto* errors = object == nullptr ? nullptr : object->if_contains("errors");
  std::string out;
  if (errors == nullptr || !errors->is_array()) return out;
  for (const auto& error : errors->as_array())
    if (error.is_string()) out += (out.empty() ? "" : "; ") + std::string(error.as_string());
  return out;
}

Error error_of(const http::ClientResponse& response) {
  boost::system::error_code malformed;
  const json::value body = json::parse(response.body, malformed);
  std::string detail = malformed ? std::string() : text_of(body, "detail");
  if (detail.empty() && !malformed) detail = engine_errors(body);
  if (detail.empty()) detail = "the daemon answered " + std::to_string(response.status);
  const ErrorCode code = response.status == 404                             ? ErrorCode::NotFound
                         : response.status == 401 || response.status == 403 ? ErrorCode::Denied
                         : response.status == 400 || response.status == 413 ? ErrorCode::BadInput
                         : response.status == 409 || response.status == 422 ? ErrorCode::Conflict
                         : response.status == 503 || response.status == 429 ? ErrorCode::Unavailable
                         : response.status == 501                           ? ErrorCode::Unsupported
                         : response.status == 504                           ? ErrorCode::Timeout
                                                                            : ErrorCode::Internal;
  std::string field = malformed ? std::string() : text_of(body, "field");
  if (!field.empty() && detail.starts_with(field + ": ")) detail.erase(0, field.size() + 2);  // Error::text() puts it there again
  return {code, std::move(detail), std::move(field)};
}

}  // namespace

Result<config::Config> configuration(const Global& global) {
  const auto environment = config::process_environment();
  auto path = config::find_config(global.config_path, environment);
  auto loaded = path ? config::load(*path, environment) : Result<config::Config>(fail(path.error()));
  if (loaded || loaded.error().code != ErrorCode::NotFound) return loaded;
  // A configuration that is not there is a wrong call, not the answer "no".
  Error error = std::move(loaded).error();
  error.code = ErrorCode::BadInput;
  return fail(std::move(error));
}

Result<Remote> Remote::find(const Global& global) { return find_with(global, "admin.token"); }
Result<Remote> Remote::find_engine(const Global& global) { return find_with(global, "keeper/engine.token"); }

Result<Remote> Remote::find_with(const Global& global, const char* token_file) {
  Remote out;
  std::string address = global.api;
  out.m_token = global.token;
  if (const char* token = std::getenv("POSTERN_TOKEN"); out.m_token.empty() && token != nullptr) out.m_token = token;
  if (address.empty() || out.m_token.empty()) {
    POSTERN_TRY(const auto config, configuration(global));
    if (address.empty()) {
      POSTERN_TRY(address, api_address(config));
    }
    if (out.m_token.empty()) out.m_token = first_line(config.in_data_dir(token_file));
    out.m_advice = "start it with: posternd --config " + config.source;
  }
  POSTERN_TRY(out.m_base, http::Url::parse(address));
  if (out.m_base.tls) {
    POSTERN_TRY(out.m_tls, trust_for(global));
  }
  return out;
}

Result<std::string> Remote::call(std::string method, std::string target, std::string body) const {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = m_base;
  request.url.target = std::move(target);
  request.headers.add("Authorization", "Bearer " + m_token);
  if (!body.empty()) request.headers.add("Content-Type", "application/json");
  request.body = std::move(body);
  http::ClientOptions options;
  options.tls = m_tls;
  auto response = http::fetch_blocking(std::move(request), std::move(options));
  // Denied: somebody is there, but with a certificate that is not trusted, or for another name.
  if (!response && response.error().code == ErrorCode::Denied)
    return fail(
        Error(response.error()).context("the daemon at " + m_base.host + ":" + std::to_string(m_base.port) + " is not trusted; see --ca"));
  if (!response)
    return fail(ErrorCode::Unavailable, "the daemon does not answer at " + m_base.host + ":" + std::to_string(m_base.port) + " (" +
                                            response.error().text() + "); " + m_advice);
  if (response->status < 200 || response->status > 299) return fail(error_of(*response));
  return std::move(response->body);
}

Result<json::value> Remote::call_json(std::string method, std::string target, const json::value& body) const {
  POSTERN_TRY(const std::string text, call(std::move(method), std::move(target), body.is_null() ? std::string() : json::serialize(body)));
  return parse_answer(text);
}

Result<json::value> parse_answer(const std::string& text) {
  boost::system::error_code malformed;
  json::value out = json::parse(text, malformed);
  if (malformed) return fail(ErrorCode::Internal, "the answer is not JSON; is this address really a posternd of this version?");
  return out;
}

void run_remote(const Global& global, Context& context, const char* verb, const std::function<Result<json::value>(const Remote&)>& work,
                const std::function<void(const json::value&)>& show) {
  const auto remote = Remote::find(global);
  if (!remote) return report_error(context, verb, remote.error());
  const auto answer = work(*remote);
  if (!answer) return report_error(context, verb, answer.error());
  if (context.json)
    context.out << json::serialize(*answer) << "\n";
  else
    show(*answer);
}

std::string text_of(const json::value& value, std::string_view field) {
  const auto* object = value.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(field);
  if (found == nullptr || found->is_null()) return {};
  return found->is_string() ? std::string(found->as_string()) : json::serialize(*found);
}

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  for (const auto& row : m_rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : m_rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    out << line << "\n";
  }
}

}  // namespace postern::cli
