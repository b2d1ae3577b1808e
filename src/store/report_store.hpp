// What reports to other domains are made of, and which went out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/tls_tally.hpp"
#include "store/store.hpp"

namespace postern {

struct SentReport {
  std::string kind;  ///< "tls", "dmarc"
  std::int64_t day = 0;
  std::string domain;
  WallTime time{};
  std::string outcome;  ///< In words: where it went, or why nowhere.
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class ReportStore {
 public:
  explicit ReportStore(Store& store) : m_store(store) {}
  /// Adds to what is counted already.
  [[nodiscard]] Status add(const std::vector<TlsCount>& counts);
  /// The domains of days before `day` that no report went out about; oldest first, at most `most`.
  [[nodiscard]] Result<std::vector<std::pair<std::int64_t, std::string>>> unsent(std::int64_t day, std::size_t most);
  [[nodiscard]] Result<std::vector<TlsCount>> counts(std::int64_t day, const std::string& domain);
  [[nodiscard]] Status note(const SentReport& sent);
  /// Newest first.
  [[nodiscard]] Result<std::vector<SentReport>> sent(std::size_t most);
  /// Domains and what was counted, newest day first: for people.
  struct Summary {
    std::int64_t day = 0;
    std::string domain;
    std::uint64_t successful = 0, failed = 0;
  };
  [[nodiscard]] Result<std::vector<Summary>> summary(std::size_t most);
  /// What is gathered for reports of a kind, as its gatherer wrote it; empty when there is nothing.
  [[nodiscard]] Result<std::string> pending(const std::string& kind);
  [[nodiscard]] Status keep_pending(const std::string& kind, const std::string& body);
  [[nodiscard]] Status forget_before(std::int64_t day);

 private:
  Store& m_store;
};

}  // namespace postern
