// The policies of the engine by name: kept in the barrier, parsed once, held in memory while unsealed.
//
// "root" permits everything and is nowhere stored; "default" is what every token gets unless told otherwise, and may be changed but not
// deleted; "response-wrapping" is for the tokens of response wrapping. Names are lower case.
// Threads: thread safe. Errors: BadInput (name, text, one of the fixed three), what the storage says, Exhausted (kPolicies).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "acl/acl.hpp"
#include "barrier/storage.hpp"

namespace postern::vault {

inline constexpr std::size_t kPolicies = 100'000;
inline constexpr std::string_view kRootPolicy = "root";
inline constexpr std::string_view kDefaultPolicy = "default";
inline constexpr std::string_view kWrappingPolicy = "response-wrapping";

class Policies {
 public:
  /// Reads all of them; writes "default" when there is none. The storage must stay until stop().
  [[nodiscard]] Status start(Storage& storage);
  void stop() noexcept;

  /// Null when there is none. `name` in any case.
  [[nodiscard]] std::shared_ptr<const acl::Policy> get(std::string_view name) const;
  [[nodiscard]] Status set(std::string_view name, std::string_view text);
  /// Of one that is not there too: it is gone.
  [[nodiscard]] Status remove(std::string_view name);
  /// Sorted, with "root", without "response-wrapping".
  [[nodiscard]] std::vector<std::string> names() const;
  /// Goes up with each change: what was compiled under another one is stale.
  [[nodiscard]] std::uint64_t generation() const noexcept { return m_generation.load(std::memory_order_acquire); }
  /// Those of `names` that exist, compiled.
  [[nodiscard]] std::shared_ptr<const acl::Acl> compile(const std::vector<std::string>& names, const acl::TemplateFacts& facts) const;

 private:
  using Map = std::map<std::string, std::shared_ptr<const acl::Policy>, std::less<>>;
  mutable std::shared_mutex m_mutex;
  Map m_policies;
  Storage* m_storage = nullptr;
  std::atomic<std::uint64_t> m_generation{1};
};

/// Trimmed, lower case, sorted, each once, no empty one. "root" beside others stands alone.
[[nodiscard]] std::vector<std::string> tidy_policies(std::vector<std::string> names, bool with_default);

}  // namespace postern::vault
