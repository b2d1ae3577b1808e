#include "http/router.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/text.hpp"

namespace postern::http {

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  std::unique_ptr<Node> any;   ///< {name}
  std::unique_ptr<Node> rest;  ///< {name...}
  std::string name;            ///< Of the parameter that led here.
  std::map<std::string, Handler, std::less<>> handlers;
};

namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

/// "/a/b" -> a, b. The root has none.
std::vector<std::string_view> segments_of(std::string_view path) {
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  if (path.empty()) return {};
  return split(path, '/');
}

/// The segments of a request, decoded one by one, so that an escaped slash stays inside its segment (RFC 3986 2.2). A request without a
/// target (a handler's own) is taken by its path.
std::vector<std::string> segments_of(const Request& request) {
  const std::string_view target = request.target;
  std::vector<std::string> out;
  for (const auto segment : segments_of(target.empty() ? std::string_view(request.path) : target.substr(0, target.find('?')))) {
    out.push_back(target.empty() ? std::string(segment) : percent_decode(segment).value_or(std::string(segment)));
  }
  return out;
}

Response method_not_allowed(const std::string& allowed, bool options) {
  Response out = options ? Response{} : problem(405, "method_not_allowed", "this path takes " + allowed);
  if (options) out.status = 204;
  out.headers.set("Allow", allowed);
  return out;
}

}  // namespace

Router::Router() : m_root(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  Node* node = m_root.get();
  for (const auto segment : segments_of(pattern)) {
    const bool parameter = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    const bool rest = parameter && segment.size() > 5 && segment.substr(segment.size() - 4) == "...}";
    auto& slot = rest ? node->rest : parameter ? node->any : node->fixed[std::string(segment)];
    if (!slot) slot = std::make_unique<Node>();
    if (parameter) slot->name = segment.substr(1, segment.size() - (rest ? 5 : 2));
    node = slot.get();
  }
  if (!node->handlers.emplace(std::string(method), std::move(handler)).second)
    throw std::logic_error("two handlers for " + std::string(method) + " " + std::string(pattern));
}

namespace {

io::Task<Response> answer_now(const std::function<Response(const Request&)>& handler, Request request) { co_return handler(request); }

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, std::function<Response(const Request&)> handler) {
  add(method, pattern, Handler([handler = std::move(handler)](Request request) { return answer_now(handler, std::move(request)); }));
}

void Router::set_fallback(Handler handler) { m_fallback = std::move(handler); }

namespace {

/// The best node for the remaining segments: fixed before {name} before {name...}; a dead end goes back.
template <class Node>
const Node* match(const Node& node, const std::vector<std::string>& segments, std::size_t at, Params& params) {
  if (at == segments.size()) return node.handlers.empty() ? nullptr : &node;
  const std::size_t before = params.size();
  if (const auto it = node.fixed.find(segments[at]); it != node.fixed.end()) {
    if (const Node* found = match(*it->second, segments, at + 1, params)) return found;
    params.resize(before);
  }
  if (node.any && !segments[at].empty()) {
    params.emplace_back(node.any->name, segments[at]);
    if (const Node* found = match(*node.any, segments, at + 1, params)) return found;
    params.resize(before);
  }
  if (!node.rest) return nullptr;
  std::string whole;
  for (std::size_t i = at; i < segments.size(); ++i) whole += (i > at ? "/" : "") + segments[i];
  params.emplace_back(node.rest->name, std::move(whole));
  return node.rest.get();
}

}  // namespace

io::Task<Response> Router::handle(Request request) const {
  const Node* node = match(*m_root, segments_of(request), 0, request.params);
  if (node == nullptr) {
    if (m_fallback) co_return co_await m_fallback(std::move(request));
    co_return problem(404, "not_found", "there is nothing at this path");
  }
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  const auto handler = node->handlers.find(method);
  if (handler != node->handlers.end()) co_return co_await handler->second(std::move(request));
  std::string allowed;
  for (const auto& [name, unused] : node->handlers) allowed += (allowed.empty() ? "" : ", ") + name + (name == "GET" ? ", HEAD" : "");
  co_return method_not_allowed(allowed, request.method == "OPTIONS");
}

}  // namespace postern::http
