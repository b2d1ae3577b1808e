// Certificates by name over the embedded database.
#pragma once

#include "pki/certificate_store.hpp"
#include "store/store.hpp"

namespace postern {

/// Thread safe; every change waits for its commit (not on an event loop).
class SqliteCertificateStore final : public CertificateStore {
 public:
  explicit SqliteCertificateStore(Store& store) : m_store(store) {}
  [[nodiscard]] Result<std::optional<std::string>> load(const std::string& name) override;
  [[nodiscard]] Status save(const std::string& name, const std::string& pem) override;
  [[nodiscard]] Result<std::vector<std::string>> names() override;

 private:
  Store& m_store;
};

}  // namespace postern
