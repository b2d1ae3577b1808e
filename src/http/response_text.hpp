// Responses as bytes. Inside this room.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace postern::http {

/// What the connection decides about the answer's form.
struct Framing {
  enum class Body {
    Length,   ///< Content-Length of Response::body (RFC 9112 6.2).
    Chunked,  ///< Transfer-Encoding: chunked.
    None,     ///< 204 and 304 have neither (RFC 9110 8.6).
  };
  Body body = Body::Length;
  bool keep_alive = true;
  bool to_http_10 = false;  ///< RFC 9112 C.2.2: such a client must be told that the connection stays.
};

/// Status line and fields with the empty line, at the end of `out`; room for `more` bytes behind it is reserved.
void append_head(std::string& out, const Response& response, std::string_view id, const Framing& framing, std::size_t more = 0);
/// RFC 9112 7.1
[[nodiscard]] std::string chunk_of(std::string_view piece);

}  // namespace postern::http
