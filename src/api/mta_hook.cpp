#include "api/mta_hook.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/hops.hpp"

namespace postern::api {
namespace {

constexpr std::string_view kPrefix = "/hooks/mta/v1/";
constexpr std::size_t kTokenOctets = 16;
constexpr std::size_t kSmall = 64U * 1024;  ///< Read where it stands; more would keep the loop's other connections waiting.

http::Response unauthorized() {
  auto response = http::problem(401, "unauthorized", "");
  response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

Result<SecretBytes> MtaHookFace::read_token(const config::Config& config) {
  auto token = gateway::read_secret_ref(config.mta_hook.secret_ref, config);
  if (!token) return fail(token.error().code, token.error().text(), "mta_hook.secret_ref");
  if (token->size() < kTokenOctets)
    return fail(ErrorCode::BadInput,
                "the token has less than " + std::to_string(kTokenOctets) + " characters; `openssl rand -hex 32` makes one",
                "mta_hook.secret_ref");
  return token;
}

Result<std::unique_ptr<MtaHookFace>> MtaHookFace::make(gateway::Gateway& gateway) {
  const auto& settings = gateway.config().mta_hook;
  if (!settings.enabled) return std::unique_ptr<MtaHookFace>();
  POSTERN_TRY(auto token, read_token(gateway.config()));
  return std::unique_ptr<MtaHookFace>(new MtaHookFace(gateway, settings.path, std::move(token)));
}

bool MtaHookFace::takes(const http::Request& request) const {
  const std::string_view path = request.path;
  if (request.method != "POST" || !path.starts_with(kPrefix)) return false;
  return constant_time_equal(as_bytes(path.substr(kPrefix.size())), as_bytes(m_path));
}

bool MtaHookFace::holds_token(const http::Request& request) const {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view header = request.headers.get("Authorization");
  return istarts_with(header, scheme) && constant_time_equal(as_bytes(header.substr(scheme.size())), m_token.view());
}

http::Response MtaHookFace::malformed(gateway::MtaHook& hook, const Error& error) const {
  ++hook.stats().malformed;
  log::warn("mta_hook.malformed", {{"reason", error.text()}, {"effect", "the MTA defers"}});
  return http::problem(error);
}

io::Task<Result<mtahook::Request>> MtaHookFace::read(const gateway::MtaHook& hook, const std::string& body) const {
  const auto limits = hook.limits();
  if (body.size() <= kSmall) co_return mtahook::parse_request(body, limits);
  auto job = [&body, limits] { return mtahook::parse_request(body, limits); };
  co_return co_await m_gateway.workers().run(std::move(job));
}

io::Task<http::Response> MtaHookFace::handle(http::Request request) {
  gateway::MtaHook* hook = m_gateway.mta_hook();
  if (!holds_token(request)) {
    if (hook != nullptr) ++hook->stats().denied;
    log::warn("mta_hook.denied", {{"peer", request.peer.text()}});
    co_return unauthorized();
  }
  if (const Status open = m_gateway.mail_open(); !open || hook == nullptr)
    co_return http::problem(503, "sealed", open ? "the hook is not open" : open.error().text());
  auto asked = co_await read(*hook, request.body);
  if (!asked && asked.error().code == ErrorCode::Exhausted) co_return http::problem(asked.error());
  if (!asked) co_return malformed(*hook, asked.error());
  const auto answer = mtahook::write_response(co_await hook->answer(*std::move(asked)));
  if (!answer) co_return http::problem({ErrorCode::Internal, answer.error().what, answer.error().field});
  auto response = http::text_response(200, *answer);
  response.headers.set("Content-Type", "application/json");
  co_return response;
}

}  // namespace postern::api
