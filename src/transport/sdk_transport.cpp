#include "transport/sdk_transport.hpp"

#include <boost/json.hpp>

namespace postern::transport {
namespace {

namespace json = boost::json;

json::object tls_settings(const config::Config& config, const std::vector<std::string>& pins) {
  const auto& tls = config.transport.tls;
  json::array fingerprints;
  for (const auto& one : config.transport.fingerprints) fingerprints.emplace_back(one);
  for (const auto& one : pins) fingerprints.emplace_back(one);
  json::object out{{"enabled", tls.enabled},
                   {"min_version", tls.min_version},
                   {"fingerprints", std::move(fingerprints)},
                   {"enforce_pinset", tls.enforce_pinset}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  add("ca_bundle", config.beside_config(tls.ca_bundle));
  add("client_certificate", config.beside_config(tls.client_certificate));
  add("client_key", config.beside_config(tls.client_key));
  add("ocsp_responder", tls.ocsp_responder);
  return out;
}

}  // namespace

std::string open_settings(const config::Config& config, const std::vector<std::string>& pins) {
  return json::serialize(
      json::object{{"profiles_dir", config.beside_config(config.transport.profiles_dir)}, {"tls", tls_settings(config, pins)}});
}

sdk::ClientOptions client_options(const config::Config& config, const std::vector<std::string>& pins) {
  const auto& sdk = config.transport.sdk;
  sdk::ClientOptions out;
  out.library = config.beside_config(sdk.library_path);
  out.profile = sdk.preferred_profile;
  out.settings = open_settings(config, pins);
  out.connect_timeout = std::chrono::milliseconds(sdk.connect_timeout_ms);
  out.operation_timeout = std::chrono::milliseconds(sdk.operation_timeout_ms);
  return out;
}

}  // namespace postern::transport
