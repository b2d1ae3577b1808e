// Where certificates are kept between starts, as PEM by name. Not secret, but whoever writes here chooses what is served.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace postern {

/// Implementations are thread safe and durable. Names are of key-name form.
class CertificateStore {
 public:
  virtual ~CertificateStore() = default;
  [[nodiscard]] virtual Result<std::optional<std::string>> load(const std::string& name) = 0;
  [[nodiscard]] virtual Status save(const std::string& name, const std::string& pem) = 0;  ///< Inserts or replaces.
  [[nodiscard]] virtual Result<std::vector<std::string>> names() = 0;                      ///< Sorted.
};

class MemoryCertificateStore final : public CertificateStore {
 public:
  [[nodiscard]] Result<std::optional<std::string>> load(const std::string& name) override;
  [[nodiscard]] Status save(const std::string& name, const std::string& pem) override;
  [[nodiscard]] Result<std::vector<std::string>> names() override;

 private:
  std::mutex m_mutex;
  std::map<std::string, std::string> m_pem;
};

}  // namespace postern
