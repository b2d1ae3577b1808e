#include "http/client.hpp"

#include <netdb.h>

#include <array>
#include <charconv>
#include <thread>

#include "base/text.hpp"
#include "http/response_reader.hpp"
#include "io/loops.hpp"

namespace postern::http {
namespace {

std::string request_text(const ClientRequest& request) {
  std::string out = request.method + " " + request.url.target + " HTTP/1.1\r\nHost: " + request.url.authority() + "\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  out += "Connection: close\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
  return out + request.body;
}

Status safe_request(const ClientRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos)
      return fail(ErrorCode::BadInput, "a header field holds a line end", name);
  }
  if ((request.method + request.url.target).find_first_of(" \r\n") != std::string::npos)
    return fail(ErrorCode::BadInput, "method or target hold a space or line end", "target");
  return {};
}

}  // namespace

std::string Url::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  const std::string name = v6 ? "[" + host + "]" : host;
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<Url> Url::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::BadInput, "\"" + printable(text) + "\" is not an address such as http://127.0.0.1:8080/", "url");
  };
  Url out;
  if (istarts_with(text, "https://"))
    out.tls = true;
  else if (!istarts_with(text, "http://"))
    return bad();
  text.remove_prefix(out.tls ? 8 : 7);
  if (text.find_first_of("#@ \r\n\t") != std::string_view::npos) return bad();
  const auto slash = text.find_first_of("/?");
  std::string_view authority = text.substr(0, slash);
  if (slash != std::string_view::npos) out.target = (text[slash] == '?' ? "/" : "") + std::string(text.substr(slash));
  out.port = out.tls ? 443 : 80;
  const auto colon = authority.rfind(':');
  const bool bracketed = !authority.empty() && authority.front() == '[';
  if (colon != std::string_view::npos && (!bracketed || authority.rfind(']') < colon)) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return bad();
    authority = authority.substr(0, colon);
  }
  if (bracketed) {
    if (authority.size() < 3 || authority.back() != ']') return bad();
    authority = authority.substr(1, authority.size() - 2);
  }
  if (authority.empty()) return bad();
  out.host = authority;
  return out;
}

Result<std::vector<io::Endpoint>> look_up(const Url& url) {
  struct addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  struct addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(url.host.c_str(), nullptr, &hints, &list); code != 0)
    return fail(ErrorCode::NotFound, url.host + ": " + ::gai_strerror(code), "host");
  std::vector<io::Endpoint> out;
  for (const auto* at = list; at != nullptr; at = at->ai_next) {
    std::array<char, 64> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    io::Endpoint endpoint;
    if (const auto ip = io::IpAddress::parse(text.data())) {
      endpoint.ip = *ip;
      endpoint.port = url.port;
      out.push_back(std::move(endpoint));
    }
  }
  ::freeaddrinfo(list);
  return out;
}

io::Task<Result<ClientResponse>> fetch(std::vector<io::Endpoint> where_to, ClientRequest request, ClientOptions options) {
  POSTERN_CO_CHECK(safe_request(request));
  const SteadyTime deadline = io::deadline_in(options.timeout);
  if (!options.unix_path.empty()) {
    io::Endpoint local;
    local.path = options.unix_path;
    where_to = {local};
  }
  io::DialOptions dialing;
  dialing.deadline = deadline;
  auto stream = co_await io::dial(std::move(where_to), dialing);
  if (!stream) co_return fail(std::move(stream).error());
  if (request.url.tls) {
    if (!options.tls) co_return fail(ErrorCode::BadInput, "https needs a trust store", "url");
    io::TlsClientOptions tls;
    tls.server_name = request.url.host;
    tls.ask_for_status = static_cast<bool>(options.judge);
    tls.judge = options.judge;
    POSTERN_CO_CHECK(co_await stream->start_tls_client(options.tls, std::move(tls), deadline));
  }
  const std::string text = request_text(request);
  POSTERN_CO_CHECK(co_await stream->write_all(text, deadline));
  detail::ResponseReader reader(*stream, options, request.method == "HEAD");
  co_return co_await reader.read(deadline);
}

namespace {

io::Task<void> fetch_into(std::vector<io::Endpoint> where_to, ClientRequest request, ClientOptions options, io::Loops& loops,
                          Result<ClientResponse>& out) {
  out = co_await fetch(std::move(where_to), std::move(request), std::move(options));
  loops.stop();
}

}  // namespace

Result<ClientResponse> fetch_blocking(ClientRequest request, ClientOptions options) {
  std::vector<io::Endpoint> where_to;
  if (options.unix_path.empty()) {
    POSTERN_TRY(where_to, look_up(request.url));
  }
  Result<ClientResponse> out = fail(ErrorCode::Internal, "the exchange did not run");
  io::Loops loops(1);
  io::spawn(loops.at(0), fetch_into(std::move(where_to), std::move(request), std::move(options), loops, out), "http.fetch");
  loops.start();
  loops.join();
  return out;
}

}  // namespace postern::http
