// The address of the MTA hook: POST /hooks/mta/v1/PATH with `Authorization: Bearer TOKEN` (settings mta_hook.*).
//
// The protocol signs nothing, so two words stand before it: who does not know the path gets the 404 of any other path, who knows it and not
// the token gets 401; neither learns more, and both are compared in constant time. Then 413 and 400 with the JSON path for what is too
// much or no question, 429 while all workers are busy, 503 while there are no keys; for the MTA each of these is a temporary failure.
#pragma once

#include <memory>
#include <string>

#include "base/secret.hpp"
#include "gateway/gateway.hpp"
#include "http/server.hpp"

namespace postern::api {

class MtaHookFace {
 public:
  /// The token that the MTA must show. NotFound, BadInput name mta_hook.secret_ref.
  [[nodiscard]] static Result<SecretBytes> read_token(const config::Config& config);
  /// Reads the token. Null when the hook is off. The gateway must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<MtaHookFace>> make(gateway::Gateway& gateway);

  /// Whether the request is for the hook: its path, whole, and POST.
  [[nodiscard]] bool takes(const http::Request& request) const;
  [[nodiscard]] io::Task<http::Response> handle(http::Request request);

 private:
  MtaHookFace(gateway::Gateway& gateway, std::string path, SecretBytes token)
      : m_gateway(gateway), m_path(std::move(path)), m_token(std::move(token)) {}
  [[nodiscard]] bool holds_token(const http::Request& request) const;
  [[nodiscard]] io::Task<Result<mtahook::Request>> read(const gateway::MtaHook& hook, const std::string& body) const;
  [[nodiscard]] http::Response malformed(gateway::MtaHook& hook, const Error& error) const;

  gateway::Gateway& m_gateway;
  std::string m_path;
  SecretBytes m_token;
};

}  // namespace postern::api
