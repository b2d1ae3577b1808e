// KV version 2 as a Backend. How it lies in storage:
//
//   config                 the mount's settings
//   metadata/PATH          a secret's versions and settings (kv_key.hpp)
//   versions/PATH/NUMBER   the data of one version
//
// "a/1" and version 1 of "a" do not meet: the number is the last segment, and a folder and a value of one name are two things.
#pragma once

#include <array>
#include <functional>
#include <shared_mutex>

#include "secrets/kv_key.hpp"
#include "vault/handler_table.hpp"

namespace postern::vault {

[[nodiscard]] inline std::string kv_metadata_path(std::string_view path) { return "metadata/" + std::string(path); }
[[nodiscard]] inline std::string kv_version_path(std::string_view path, std::uint64_t number) {
  return "versions/" + std::string(path) + "/" + std::to_string(number);
}

class KvVersioned final : public HandlerTable<KvVersioned> {
 public:
  KvVersioned();

  [[nodiscard]] std::string_view type() const noexcept override { return "kv"; }
  [[nodiscard]] Status start(Storage& storage) override;
  void stop() noexcept override;

 private:
  // kv_versioned.cpp: data
  [[nodiscard]] Result<Answer> read(const Call& call);
  [[nodiscard]] Result<Answer> write(const Call& call);
  [[nodiscard]] Result<Answer> patch(const Call& call);
  [[nodiscard]] Result<Answer> remove(const Call& call);
  [[nodiscard]] Result<Answer> remove_versions(const Call& call);
  [[nodiscard]] Result<Answer> restore_versions(const Call& call);
  [[nodiscard]] Result<Answer> destroy_versions(const Call& call);
  [[nodiscard]] Result<Answer> subkeys(const Call& call);
  // kv_metadata.cpp: what is known about secrets, and the mount
  [[nodiscard]] Result<Answer> read_config(const Call& call);
  [[nodiscard]] Result<Answer> write_config(const Call& call);
  [[nodiscard]] Result<Answer> read_metadata(const Call& call);
  [[nodiscard]] Result<Answer> write_metadata(const Call& call);
  [[nodiscard]] Result<Answer> patch_metadata(const Call& call);
  [[nodiscard]] Result<Answer> remove_metadata(const Call& call);
  [[nodiscard]] Result<Answer> list_metadata(const Call& call);
  [[nodiscard]] Result<Answer> scan_metadata(const Call& call);
  [[nodiscard]] Result<Answer> list_detailed(const Call& call);
  // kv_paths.cpp: the table
  void add_data_paths();
  void add_metadata_paths();
  void add_wrong_paths();

  [[nodiscard]] KvConfig config() const;
  [[nodiscard]] std::shared_mutex& lock_of(std::string_view path) const;
  [[nodiscard]] Result<std::optional<KvKey>> load(Storage& storage, std::string_view path) const;
  [[nodiscard]] Result<bool> exists(const Call& call) const;
  /// One version as `shape` shows it, or the reason there is none. The lock of the path is taken.
  using Shape = std::function<Result<boost::json::value>(boost::json::object data)>;
  [[nodiscard]] Result<Answer> show(const Call& call, std::string_view field, const Shape& shape) const;
  /// Makes `data` the next version; the lock of the path is held.
  [[nodiscard]] Result<Answer> add(const Call& call, const std::string& path, KvKey key, const boost::json::object& data) const;
  /// Changes the versions that the call names, all at once.
  enum class Data { Keep, Forget };
  using Change = std::function<Data(KvVersion& version)>;
  [[nodiscard]] Result<Answer> change_versions(const Call& call, const Change& change) const;
  [[nodiscard]] Status check_cas(const Call& call, const KvKey& key) const;
  /// The settings that a metadata call brings, put into `key`.
  [[nodiscard]] Status set_metadata(const Call& call, KvKey& key, bool merge) const;

  mutable std::array<std::shared_mutex, 64> m_locks;  ///< By path: reads share one, changes own it until they are durable.
  mutable std::shared_mutex m_config_lock;
  KvConfig m_config;
};

}  // namespace postern::vault
