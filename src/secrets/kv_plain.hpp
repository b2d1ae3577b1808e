// Key-value storage without versions: KV version 1, and the cubbyhole, which is that below a folder of the token.
#pragma once

#include "vault/handler_table.hpp"

namespace postern::vault {

class KvPlain final : public HandlerTable<KvPlain> {
 public:
  enum class Kind { Shared, Cubbyhole };
  explicit KvPlain(Kind kind);

  [[nodiscard]] std::string_view type() const noexcept override { return m_kind == Kind::Shared ? "kv" : "cubbyhole"; }
  [[nodiscard]] Status start(Storage& /*storage*/) override { return {}; }
  void stop() noexcept override {}

 private:
  [[nodiscard]] Result<Answer> read(const Call& call);
  [[nodiscard]] Result<Answer> write(const Call& call);
  [[nodiscard]] Result<Answer> remove(const Call& call);
  [[nodiscard]] Result<Answer> list(const Call& call);
  [[nodiscard]] Result<Answer> scan(const Call& call);
  [[nodiscard]] Result<bool> exists(const Call& call) const;
  /// Where the caller's path, or folder, lies in the mount's storage. Denied for a cubbyhole without a token.
  [[nodiscard]] Result<std::string> place(const Call& call) const;

  Kind m_kind;
};

}  // namespace postern::vault
