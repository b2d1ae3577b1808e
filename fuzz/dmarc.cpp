// rooms: mailauth
// The same record at every name: a verdict comes after few questions, and what it says fits together. Input: author, tab, SPF domain, tab,
// record.
#include <cstdlib>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mailauth/dmarc.hpp"

using namespace postern;

namespace {

class Everywhere final : public DnsPort {
 public:
  explicit Everywhere(std::string_view text) : m_text(text) {}
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    if (++m_asked > 64) std::abort();
    dns::Answer out{dns::AnswerStatus::NoData, false, {}, std::string(name)};
    if (type != dns::RecordType::Txt) return out;
    out.status = dns::AnswerStatus::NoError;
    out.records.push_back({std::string(name), type, 0, dns::TxtData{{m_text}}});
    return out;
  }

 private:
  std::string m_text;
  std::size_t m_asked = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parts = split({reinterpret_cast<const char*>(data), size}, '\t');
  if (parts.size() != 3) return 0;
  DmarcInput input;
  input.from_domain = parts[0];
  input.spf = {SpfResult::Pass, std::string(parts[1])};
  Everywhere zone(parts[2]);
  const DmarcVerdict verdict = dmarc_check(input, zone);
  const bool aligned = verdict.spf_aligned || verdict.dkim_aligned;
  if (aligned != (verdict.result == DmarcResult::Pass)) std::abort();
  if (verdict.result != DmarcResult::Fail && verdict.disposition != DmarcPolicy::None) std::abort();
  if (verdict.disposition > verdict.policy) std::abort();
  if (verdict.result == DmarcResult::Pass && !verdict.record) std::abort();
  const auto author = dns::normalize_name(parts[0]);
  if (verdict.record && !dns::is_same_or_below(*author, verdict.record_domain)) std::abort();
  return 0;
}
