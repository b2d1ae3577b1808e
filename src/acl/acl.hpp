// The policies of one token, compiled: what it may do where.
//
// The most specific rule wins (OpenBao's order: longer literal part before the first wildcard, no '+' before '+', no '*' before '*', longer
// path, then by bytes); rules of one path from several policies are merged, and deny beats all. LIST looks at the path with a trailing
// '/' first. README.md says where this is stricter than Vault.
#pragma once

#include <span>

#include "acl/policy.hpp"

namespace postern::acl {

/// What templates in paths may be filled with: {{identity.entity.id}}, {{identity.entity.metadata.team}}, ... A value that is missing or
/// empty, or holds '*', '+' or '/', makes the rule vanish (never match more).
using TemplateFacts = std::map<std::string, std::string, std::less<>>;

/// What is asked; Create and Update as the core decided.
struct Question {
  Capability capability = Capability::Read;
  std::string_view path;
  const boost::json::object* parameters = nullptr;  ///< For Create, Update and Patch; null: none.
  std::optional<std::chrono::seconds> wrap_ttl{};   ///< Whether, and for how long, the answer is to be wrapped.
  bool needs_sudo = false;
  WallTime now{};
};

struct Verdict {
  bool allowed = false;
  bool sudo = false;                               ///< The rule has sudo.
  std::optional<std::int64_t> pagination_limit{};  ///< For List and Scan.
  std::vector<std::string> granting;               ///< Names of the policies whose rules granted it, for audit.
};

/// Immutable, thread safe, cheap to ask: a check of a literal path costs well under a microsecond whatever the number of rules.
class Acl {
 public:
  /// A policy named "root" permits everything.
  [[nodiscard]] static std::shared_ptr<const Acl> compile(std::span<const std::shared_ptr<const Policy>> policies,
                                                          const TemplateFacts& facts);
  ~Acl();

  [[nodiscard]] Verdict check(const Question& question) const;
  /// For sys/capabilities: what is possible at this path, whatever the parameters.
  [[nodiscard]] Capabilities capabilities(std::string_view path, WallTime now) const;
  [[nodiscard]] bool is_root() const noexcept;

 private:
  struct Impl;
  explicit Acl(std::unique_ptr<Impl> impl);
  std::unique_ptr<const Impl> m_impl;
};

}  // namespace postern::acl
