// One request's bytes in, one reply's bytes out: reads the arguments, asks the table of roles, calls the keeper or the key engine, writes
// the answer. No I/O, so that a fuzzer can drive it.
//
// Threads: run() from any number at once. What it borrows must outlive it. Errors: a request that is not of this protocol is an Error of
// run(), after which the channel is closed; everything else is a reply. Exceptions of the keeper become replies.
#pragma once

#include <functional>
#include <mutex>
#include <unordered_map>

#include "custody/roles.hpp"
#include "custody/vault_codec.hpp"
#include "vault/audit.hpp"

namespace postern::vault {
class Core;
}

namespace postern::custody {

/// The key engine behind the Vault API. Without functions every such request is answered with 503.
struct VaultEngine {
  std::function<vault::Reply(vault::Request)> handle;
  /// Of a request without its fields, for an engine without the next; whether handle() will neither wait nor take long.
  std::function<bool(const vault::Request&)> is_quick;
  /// As in vault::Core: without waiting for audit, and only what is quick.
  std::function<std::optional<vault::Reply>(vault::Request&, vault::AuditReceipt&)> handle_if_quick{};
  std::function<vault::Reply(vault::Reply)> refuse_unrecorded{};
};
/// `core` must outlive the answer.
[[nodiscard]] VaultEngine vault_engine(vault::Core& core);

/// Where the keys are: in this process, or behind a network of the keeper's own, so that every use of one may wait for it.
enum class Distance { Here, Far };

/// The key of the mail database, which the keeper finds where the settings say; empty bytes: it is not encrypted as a whole.
using DatabaseKey = std::function<Result<SecretBytes>()>;

/// What stands behind a channel; everything it refers to must outlive the server.
struct ServerParts {
  Role role = Role::Observer;
  Keeper& keeper;
  VaultEngine engine{};
  const RoleTable& table = RoleTable::product();
  Distance distance = Distance::Here;
  DatabaseKey database_key{};  ///< None: such calls are Unsupported.
};

/// A reply of the key engine that may go out when audit has recorded its lines.
struct HeldReply {
  std::uint64_t id = 0;
  vault::Reply reply;
  vault::AuditReceipt receipt;
};

/// What became of a request that was tried at once: a frame, a held reply, or nothing (a pool should run it).
struct QuickOutcome {
  std::optional<WipedBytes> frame;
  std::optional<HeldReply> held;
};

class Dispatcher {
 public:
  explicit Dispatcher(ServerParts parts) : m_parts(std::move(parts)) {}

  /// Runs the request when it takes microseconds.
  [[nodiscard]] Result<QuickOutcome> run_if_quick(ByteView body);
  /// Whether it takes no more than about a millisecond: what is quick, and signatures with keys that were used before.
  [[nodiscard]] bool is_brief(ByteView body) const;
  /// The frame of a held reply; `recorded` false: audit has not taken its lines, and the client hears that.
  [[nodiscard]] WipedBytes release(HeldReply held, bool recorded) const;
  /// The reply's frame.
  [[nodiscard]] Result<WipedBytes> run(ByteView body);

 private:
  template <class R>
  [[nodiscard]] Result<WipedBytes> run_row(R row, std::uint64_t id, Reader& in);
  [[nodiscard]] Result<WipedBytes> run_database_key(std::uint64_t id, Reader& in);
  [[nodiscard]] Result<QuickOutcome> run_vault_if_quick(std::uint64_t id, Reader& in);
  [[nodiscard]] Result<WipedBytes> run_vault(std::uint64_t id, Reader& in, VaultCall call);
  template <class R>
  [[nodiscard]] bool is_quick(R row, Reader in) const;

  /// Types of keys that were used before: a type never changes while the key exists, and a wrong guess costs time only.
  [[nodiscard]] std::optional<KeyType> known_type(const std::string& name) const;
  void learn(const KeyName& name);
  void forget(const std::string& name);

  const ServerParts m_parts;
  mutable std::mutex m_mutex;
  std::unordered_map<std::string, KeyType> m_types;
};

}  // namespace postern::custody
