// One request to the key engine and its reply, as values: what the HTTP face makes of a Vault API call, before anything is decided.
//
// Source: the Vault HTTP API as OpenBao and Vault serve it. The face (api/) reads HTTP and JSON; this room decides and acts; nothing here
// knows sockets.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace postern::vault {

/// What is asked of a path. The face says Update for POST and PUT; the core makes Create of it where the path's existence check says so.
enum class Operation { Create, Read, Update, Patch, Delete, List, Scan, Help };
/// "create", "read", ... as in audit lines.
[[nodiscard]] std::string_view name_of(Operation operation) noexcept;

struct Request {
  std::string id;  ///< UUID; also the envelope's request_id.
  Operation operation = Operation::Read;
  std::string path;          ///< Below /v1/, decoded, without a leading '/': "transit/encrypt/dkim_key". At most 4,096 bytes.
  boost::json::object data;  ///< Body and query parameters; may hold secrets: allocate it from a WipingResource.
  std::string token;         ///< As sent; empty: none.
  std::string ns;            ///< X-Vault-Namespace as sent; only the root namespace ("" or "root") exists.
  std::optional<std::chrono::seconds> wrap_ttl;  ///< X-Vault-Wrap-TTL
  bool wrap_as_jwt = false;
  std::string remote_address;
  std::uint16_t remote_port = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Only those that audit asks for.
};

/// Ready to be sent.
struct Reply {
  int status = 200;
  std::string body;  ///< Empty with 204.
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Memory for JSON that holds secrets: wiped when it is released. Not thread safe; must outlive the values in it.
class WipingResource final : public boost::json::memory_resource {
 private:
  void* do_allocate(std::size_t bytes, std::size_t align) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t align) override;
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace postern::vault
