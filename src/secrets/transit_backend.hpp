// The Backend behind transit.hpp: its handlers, by file.
#pragma once

#include <memory>
#include <shared_mutex>

#include "transit/engine.hpp"
#include "vault/handler_table.hpp"

namespace postern::vault {

class TransitBackend final : public HandlerTable<TransitBackend> {
 public:
  explicit TransitBackend(const Clock& clock);
  ~TransitBackend() override;

  [[nodiscard]] std::string_view type() const noexcept override { return "transit"; }
  [[nodiscard]] Status start(Storage& storage) override;
  void stop() noexcept override;
  void tick(WallTime now) noexcept override;
  /// Kept by the caller while it works: a seal meanwhile does not take it away. Unavailable before start() and after stop().
  [[nodiscard]] Result<std::shared_ptr<transit::Engine>> engine() const;

 private:
  // transit_keys.cpp: the life of keys
  [[nodiscard]] Result<Answer> list_keys(const Call& call);
  [[nodiscard]] Result<Answer> create_key(const Call& call);
  [[nodiscard]] Result<Answer> read_key(const Call& call);
  [[nodiscard]] Result<Answer> delete_key(const Call& call);
  [[nodiscard]] Result<Answer> configure_key(const Call& call);
  [[nodiscard]] Result<Answer> rotate_key(const Call& call);
  [[nodiscard]] Result<Answer> trim_key(const Call& call);
  [[nodiscard]] Result<Answer> soft_delete(const Call& call);
  [[nodiscard]] Result<Answer> soft_delete_restore(const Call& call);
  [[nodiscard]] Result<Answer> derive_key(const Call& call);
  [[nodiscard]] Result<Answer> read_key_settings(const Call& call);
  [[nodiscard]] Result<Answer> write_key_settings(const Call& call);
  [[nodiscard]] Result<Answer> read_cache(const Call& call);
  [[nodiscard]] Result<Answer> write_cache(const Call& call);
  // transit_transport.cpp: keys in and out, certificates
  [[nodiscard]] Result<Answer> import_key(const Call& call);
  [[nodiscard]] Result<Answer> import_version(const Call& call);
  [[nodiscard]] Result<Answer> wrapping_key(const Call& call);
  [[nodiscard]] Result<Answer> export_key(const Call& call);
  [[nodiscard]] Result<Answer> byok_export(const Call& call);
  [[nodiscard]] Result<Answer> backup(const Call& call);
  [[nodiscard]] Result<Answer> restore(const Call& call);
  [[nodiscard]] Result<Answer> make_csr(const Call& call);
  [[nodiscard]] Result<Answer> set_certificate(const Call& call);
  // transit_cipher.cpp
  [[nodiscard]] Result<Answer> encrypt(const Call& call);
  [[nodiscard]] Result<Answer> decrypt(const Call& call);
  [[nodiscard]] Result<Answer> rewrap(const Call& call);
  [[nodiscard]] Result<Answer> data_key(const Call& call);
  [[nodiscard]] Result<Answer> encapsulate(const Call& call);
  [[nodiscard]] Result<Answer> decapsulate(const Call& call);
  // transit_sign.cpp
  [[nodiscard]] Result<Answer> sign(const Call& call);
  [[nodiscard]] Result<Answer> verify(const Call& call);
  [[nodiscard]] Result<Answer> hmac(const Call& call);
  [[nodiscard]] Result<Answer> refuse_cmac(const Call& call);
  // transit_tools.cpp
  [[nodiscard]] Result<Answer> random(const Call& call);
  [[nodiscard]] Result<Answer> hash(const Call& call);
  // transit_quick.cpp: what may run on an event loop
  [[nodiscard]] bool is_quick(const QuickQuestion& asked, transit::KeyUse use) const;
  [[nodiscard]] std::function<bool(const QuickQuestion&)> quick_when(transit::KeyUse use) const;
  // transit_paths.cpp: the table
  void add_key_paths();
  void add_transport_paths();
  void add_cipher_paths();
  void add_sign_paths();
  void add_tool_paths();

  /// For upserts, when the key is not there yet: makes it as the call wants. The remark when somebody else was faster.
  [[nodiscard]] Result<std::string> upsert(const Call& call, transit::Engine& engine, bool with_context) const;

  const Clock& m_clock;
  mutable std::shared_mutex m_mutex;
  std::shared_ptr<transit::Engine> m_engine;
};

/// A key's description as keys/NAME shows it.
[[nodiscard]] boost::json::object shown_transit_key(const transit::KeyInfo& info);
/// The same as an answer, with the remarks.
[[nodiscard]] Answer shown_reply(transit::KeyReply reply);

/// Fields that only Vault has: BadInput says what to do instead.
struct RefusedField {
  std::string_view name;
  std::string_view reason;
};
[[nodiscard]] Status refuse_fields(const Call& call, std::span<const RefusedField> fields);

}  // namespace postern::vault
