// From method and path to a handler. Patterns are segments: "/api/v1/mail/{id}"; a last segment "{name...}" takes the rest of the path.
//
// Fixed segments win over {name}, {name} over {name...}. GET routes answer HEAD too. An unknown path is 404, a known path with another
// method 405 with Allow, OPTIONS 204 with Allow; all as application/problem+json.
#pragma once

#include <memory>
#include <string_view>

#include "http/server.hpp"

namespace postern::http {

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// Startup only. Two handlers for one method and pattern are a bug of the caller (std::logic_error).
  void add(std::string_view method, std::string_view pattern, Handler handler);
  /// For handlers that need not wait.
  void add(std::string_view method, std::string_view pattern, std::function<Response(const Request&)> handler);
  /// Instead of the 404 (the console's single page, a prefix with its own error form).
  void set_fallback(Handler handler);

  /// Fills params and calls the handler. Safe from many loops at once after startup; the Router must outlive the requests.
  [[nodiscard]] io::Task<Response> handle(Request request) const;

 private:
  struct Node;
  std::unique_ptr<Node> m_root;
  Handler m_fallback;
};

}  // namespace postern::http
