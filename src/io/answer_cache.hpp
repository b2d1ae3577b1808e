// Answers of the DNS in front of the resolver's own cache, which can be asked only through its thread.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "dns/record.hpp"

namespace postern::io {

/// Keeps an answer as long as the resolver said it holds, and failures never. Thread safe. When it is full of answers that still hold, it
/// forgets them all: the resolver behind it has them.
class AnswerCache {
 public:
  explicit AnswerCache(std::size_t most = 4096) : m_most(most) {}

  /// `ttl` in seconds, counted from `now`. 0: it is not kept.
  void keep(const std::string& name, dns::RecordType type, const dns::Answer& answer, std::int64_t ttl, SteadyTime now) {
    if (ttl <= 0 || answer.is_temporary_failure() || answer.records.size() > kRecords || octets(answer) > kOctets) return;
    const std::lock_guard lock(m_mutex);
    if (m_kept.size() >= m_most) std::erase_if(m_kept, [&](const auto& entry) { return entry.second.until <= now; });
    if (m_kept.size() >= m_most) m_kept.clear();
    m_kept.insert_or_assign({name, type}, Kept{answer, now + std::chrono::seconds(std::min(ttl, kLongest))});
  }

  [[nodiscard]] std::optional<dns::Answer> find(const std::string& name, dns::RecordType type, SteadyTime now) const {
    const std::lock_guard lock(m_mutex);
    const auto it = m_kept.find({name, type});
    if (it == m_kept.end() || it->second.until <= now) return std::nullopt;
    return it->second.answer;
  }

 private:
  static constexpr std::int64_t kLongest = 3600;
  static constexpr std::size_t kRecords = 32, kOctets = 4096;  // of one answer; what is larger is rare

  struct Kept {
    dns::Answer answer;
    SteadyTime until;
  };

  static std::size_t octets(const dns::Answer& answer) {
    std::size_t out = 0;
    for (const auto& record : answer.records) {
      if (const auto* text = std::get_if<dns::TxtData>(&record.data)) {
        for (const auto& part : text->strings) out += part.size();
      } else if (const auto* opaque = std::get_if<dns::OpaqueData>(&record.data)) {
        out += opaque->data.size();
      } else if (const auto* tlsa = std::get_if<dns::TlsaData>(&record.data)) {
        out += tlsa->data.size();
      } else if (const auto* caa = std::get_if<dns::CaaData>(&record.data)) {
        out += caa->value.size();
      }
    }
    return out;
  }

  const std::size_t m_most;
  mutable std::mutex m_mutex;
  std::map<std::pair<std::string, dns::RecordType>, Kept> m_kept;
};

}  // namespace postern::io
