// One request on its way through the core: the steps of vault/core.hpp, in their order. Inside vault/ only.
#pragma once

#include <optional>

#include "vault/engine.hpp"
#include "vault/envelope.hpp"

namespace postern::vault {

/// Whether the path may be asked for at all, before anybody looks what it is. BadInput otherwise.
[[nodiscard]] std::optional<Refusal> check_request(const Request& request);

/// Whether the path's handler takes this request without waiting and at once.
[[nodiscard]] bool is_quick_path(const Request& request, const PathMatch& match);

class Exchange {
 public:
  /// The engine is open, and stays so while this lives.
  Exchange(Engine& engine, Request& request, AuditReceipt* receipt)
      : m_engine(engine), m_request(request), m_receipt(receipt), m_operation(request.operation), m_now(engine.time.now()) {}
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] Reply run();
  /// The same when it will not wait and not take long; nothing has happened otherwise.
  [[nodiscard]] std::optional<Reply> run_if_quick();

 private:
  using Refused = std::optional<Refusal>;
  void find_path();
  [[nodiscard]] bool is_quick();
  [[nodiscard]] Reply run_found();
  void note_caller();
  [[nodiscard]] Refused find_token();
  [[nodiscard]] Refused find_operation();
  [[nodiscard]] Refused check_policy();
  [[nodiscard]] Refused audit_request(std::string_view error);
  [[nodiscard]] Refused act();
  [[nodiscard]] Refused run_handler();
  [[nodiscard]] Refused grant();
  [[nodiscard]] Refused wrap();
  [[nodiscard]] Refused audit_response(std::string_view error);
  [[nodiscard]] Refused help();
  [[nodiscard]] Refused decide();
  [[nodiscard]] Reply refuse(const Refusal& refusal);
  [[nodiscard]] AuditExchange audit_exchange() const;
  void limit_page();
  void undo_grant() noexcept;
  void note_grantee(const TokenEntry& entry);
  [[nodiscard]] Call call(const Fields& fields) const;
  [[nodiscard]] const PathSpec* spec() const noexcept { return m_match ? m_match->spec : nullptr; }

  Engine& m_engine;
  Request& m_request;
  AuditReceipt* m_receipt;  // null: audit waits for its devices
  Operation m_operation;
  const WallTime m_now;  // when it came: what lives then may be used by it
  MountPtr m_mount;
  std::optional<Entered> m_entered;
  std::string_view m_below;  // of m_request.path
  std::optional<PathMatch> m_match;
  std::optional<Result<Fields>> m_fields;
  bool m_existed = false;
  LiveTokenPtr m_token;
  acl::Verdict m_verdict;
  std::optional<TokenEntry> m_grantee;  // of a login
  mutable AuditEcho m_echo;
  AuditCaller m_caller;  // borrows from the token or the grantee
  Answer m_answer;
  std::optional<TokenHash> m_granted;  // to be revoked again when the answer cannot be sent
};

}  // namespace postern::vault
