// What can be mounted: a secrets engine (transit, kv) or an auth method (approle, userpass) as a table of paths.
//
// The core (vault/core.hpp) owns the order of things: sealed? mount? token? policy? audit, handler, audit, envelope. A backend only says
// which paths it has, which fields they take, and what each operation answers. Backends never see HTTP and never write envelopes.
#pragma once

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/storage.hpp"
#include "base/clock.hpp"
#include "vault/fields.hpp"
#include "vault/request.hpp"

namespace postern::vault {

/// Who calls, as far as a backend may know. Never the token itself.
struct Caller {
  std::string accessor;
  std::string display_name;
  std::string entity_id;
  std::string cubbyhole;  ///< Stable, secret per token: the folder of its cubbyhole.
  std::vector<std::string> policies;
  bool root = false;
};

struct Call {
  const Request& request;
  const Fields& fields;
  std::string_view path;   ///< Below the mount: "keys/dkim_key".
  std::string_view mount;  ///< "transit/"
  Storage& storage;        ///< This mount's own part of the barrier.
  const Caller* caller;    ///< Null on paths that need no token.
  WallTime now;
  /// For the answer when the operation is Create/Update: whether the path's existence check said "there". False without a check.
  bool existed = false;
  /// The caller's policies grant sudo on this path (root: always).
  bool sudo = false;
};

/// What a login or a token path grants; the core makes the token and the "auth" block.
struct Grant {
  std::string display_name;
  std::vector<std::string> policies;  ///< Without "default", which the core adds unless `no_default_policy`.
  std::vector<std::pair<std::string, std::string>> metadata;
  std::chrono::seconds ttl{0};      ///< 0: the mount's default.
  std::chrono::seconds max_ttl{0};  ///< 0: the mount's maximum.
  std::chrono::seconds period{0};
  std::chrono::seconds explicit_max_ttl{0};
  std::int64_t num_uses = 0;  ///< 0: no limit.
  bool renewable = true;
  bool no_default_policy = false;
  bool batch = false;
  std::vector<std::string> bound_cidrs;
  std::string alias;  ///< Who it is for this method (role id, user name); for identity templates.
  /// What the backend must be told again when the token is renewed (role name, ...).
  boost::json::object internal;
};

/// A body that is not enveloped.
struct RawBody {
  std::string content_type;
  std::string body;
};

/// What a handler answers. `Answer{}` (nothing at all) is 204, or 404 for Read and List.
struct Answer {
  int status = 0;  ///< 0: 200, 204 or 404, as the content says.
  std::optional<boost::json::object> data;
  std::vector<std::string> warnings;
  std::vector<std::string> errors;  ///< Beside data, without an envelope: {"errors":[..],"data":{..}}.
  std::optional<Grant> grant;
  std::optional<boost::json::object> auth;     ///< The finished "auth" block; for the core's own paths only, as is the next.
  std::optional<boost::json::object> wrap;     ///< The finished "wrap_info" block.
  std::optional<std::array<Byte, 32>> issued;  ///< Hash of the token in `auth`, when it was made by this request.
  std::optional<RawBody> raw;
  std::vector<std::pair<std::string, std::string>> headers;
  bool also_on_top = false;  ///< The data stand in "data" and at the top level too (sys/mounts and others).
  bool bare = false;         ///< The data are the whole body, without envelope (sys/health and others).

  [[nodiscard]] static Answer with(boost::json::object data) {
    Answer answer;
    answer.data = std::move(data);
    return answer;
  }
  /// {"keys":[...]}; empty lists are 404, as the API wants.
  [[nodiscard]] static Answer list(std::vector<std::string> names);
};

/// An Error from a handler becomes: BadInput, TooLarge, Conflict, Unsupported, IntegrityFailed 400; Denied 403; NotFound 404; Exhausted 429
/// (400 when it is a key's use limit: the handler answers BadInput then); Unavailable 503; Timeout 504; Internal 500 with a fixed text and
/// the cause in the log. `what` is shown to the client as it is: it must be the API's text and carry no secret.
using Handler = std::function<Result<Answer>(const Call&)>;

/// A request as PathSpec::quick_if sees it: nothing has been checked yet.
struct QuickQuestion {
  Operation operation;
  const boost::json::object& data;
  std::span<const std::pair<std::string_view, std::string>> captures;

  /// Empty when the pattern has no such part.
  [[nodiscard]] std::string_view captured(std::string_view name) const noexcept {
    for (const auto& [key, value] : captures) {
      if (key == name) return value;
    }
    return {};
  }
};

/// One kind of path. Pattern: literals and captures joined by '/': "keys/{name}/config". "{name}" takes one segment, and must be declared
/// in `fields` (type Name or String); a last "{path...}" takes the rest, at least one byte unless written "{path...?}". Literals win over
/// captures.
struct PathSpec {
  std::string pattern;
  std::vector<FieldSpec> fields;
  std::map<Operation, Handler> operations;
  /// For Create versus Update; without it both are Update.
  std::function<Result<bool>(const Call&)> exists;
  bool unauthenticated = false;  ///< Logins, public reads: no token needed, a stale one ignored.
  bool sudo = false;             ///< The token needs the sudo capability (or root).
  bool quick = false;            ///< No operation waits for a commit or takes more than about a millisecond: may run on an event loop.
  /// The same for this very request, where it depends on it. Must not wait itself.
  std::function<bool(const QuickQuestion&)> quick_if;
  std::string help;
};

class Backend {
 public:
  virtual ~Backend() = default;
  /// "transit", "kv", "approle".
  [[nodiscard]] virtual std::string_view type() const noexcept = 0;
  /// Made once, at construction; handlers may capture the backend.
  [[nodiscard]] virtual const std::vector<PathSpec>& paths() const noexcept = 0;
  /// After unseal (or mount), before the first request. `storage` stays valid until stop().
  [[nodiscard]] virtual Status start(Storage& storage) = 0;
  /// Sealed or unmounted: forget every secret.
  virtual void stop() noexcept = 0;
  /// Every minute or so while unsealed: rotation, expiry, tidying. Bounded work; the rest next time.
  virtual void tick(WallTime /*now*/) noexcept {}
  /// A token that this method granted is being renewed: the grant to renew with, or why not.
  [[nodiscard]] virtual Result<Grant> renew(const boost::json::object& internal);
  /// An administrator lets a name in again that failed too often (sys/locked-users). BadInput for a method that locks nobody.
  [[nodiscard]] virtual Status unlock(std::string_view name);
};

/// Makes a backend for a mount: type and options ({"version":"2"}). BadInput for options it does not have.
using BackendFactory =
    std::function<Result<std::unique_ptr<Backend>>(const std::vector<std::pair<std::string, std::string>>& options, const Clock& clock)>;

}  // namespace postern::vault
