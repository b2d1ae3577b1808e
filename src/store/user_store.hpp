// Users over the embedded database.
#pragma once

#include "identity/users.hpp"
#include "store/store.hpp"

namespace postern {

/// Thread safe; every change waits for its commit (not on an event loop).
class SqliteUserStore final : public UserStore {
 public:
  explicit SqliteUserStore(Store& store) : m_store(store) {}
  [[nodiscard]] Result<std::optional<User>> find(std::string_view name) override;
  [[nodiscard]] Result<std::vector<User>> list() override;
  [[nodiscard]] Status put(const User& user) override;
  [[nodiscard]] Status remove(std::string_view name) override;

 private:
  Store& m_store;
};

}  // namespace postern
