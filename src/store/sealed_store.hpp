// What the barrier stores, in a SQLite (or SQLCipher) database of its own.
//
// engine.db: one table keyed by path, written by one DatabaseWriter (changes of many threads share a commit), read over a few connections.
// A list walks the key order and jumps over each sub-folder with one seek; values stay unread where they are.
// The audit tables that the writer wants are there too, so that a chain of the key engine's own can be kept in the same commits.
#pragma once

#include <filesystem>
#include <memory>

#include "barrier/sealed_store.hpp"
#include "store/writer.hpp"

namespace postern {

struct SealedStoreOptions {
  std::filesystem::path data_dir = "./var";
  std::filesystem::path database = "engine.db";  ///< Relative to data_dir, or absolute.
  SecretBytes key;                               ///< 32 bytes for SQLCipher; empty: plain SQLite (values are sealed, paths are readable).
  std::size_t readers = 2;
  WriterOptions writer;
};

/// Thread safe. apply() waits for its commit: not on an event loop, not on the writer thread.
class SqliteSealedStore final : public SealedStore {
 public:
  /// Creates what is missing. Conflict when another process has the database (the file NAME.lock beside it), when a newer version wrote
  /// it, or when it is the mail side's.
  [[nodiscard]] static Result<std::unique_ptr<SqliteSealedStore>> open(SealedStoreOptions options);
  ~SqliteSealedStore() override;

  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view path) override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) override;
  [[nodiscard]] Status apply(std::vector<SealedChange> changes) override;

  /// For its statistics.
  [[nodiscard]] DatabaseWriter& writer() noexcept;

 private:
  struct Impl;
  explicit SqliteSealedStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
