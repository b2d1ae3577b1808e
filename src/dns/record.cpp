#include "dns/record.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"

namespace postern::dns {
namespace {

constexpr std::array<std::pair<RecordType, std::string_view>, 14> kNames = {{
    {RecordType::A, "A"},
    {RecordType::Ns, "NS"},
    {RecordType::Cname, "CNAME"},
    {RecordType::Soa, "SOA"},
    {RecordType::Ptr, "PTR"},
    {RecordType::Mx, "MX"},
    {RecordType::Txt, "TXT"},
    {RecordType::Aaaa, "AAAA"},
    {RecordType::Srv, "SRV"},
    {RecordType::Tlsa, "TLSA"},
    {RecordType::Smimea, "SMIMEA"},
    {RecordType::Openpgpkey, "OPENPGPKEY"},
    {RecordType::Spf, "SPF"},
    {RecordType::Caa, "CAA"},
}};

}  // namespace

std::string_view name_of(RecordType type) noexcept {
  const auto found = std::find_if(kNames.begin(), kNames.end(), [type](const auto& entry) { return entry.first == type; });
  return found == kNames.end() ? std::string_view("UNKNOWN") : found->second;
}

Result<RecordType> parse_record_type(std::string_view text) {
  const auto found = std::find_if(kNames.begin(), kNames.end(), [text](const auto& entry) { return iequals(entry.second, text); });
  if (found == kNames.end()) return fail(ErrorCode::BadInput, "not a DNS record type that is known here: " + printable(text, 32), "type");
  return found->first;
}

std::string_view name_of(AnswerStatus status) noexcept {
  switch (status) {
    case AnswerStatus::NoError: return "noerror";
    case AnswerStatus::NoData: return "nodata";
    case AnswerStatus::NxDomain: return "nxdomain";
    case AnswerStatus::ServFail: return "servfail";
    case AnswerStatus::Timeout: return "timeout";
  }
  return "unknown";
}

void Records::push_back(Record record) {
  if (!m_all) m_all = std::make_shared<std::vector<Record>>();
  if (m_all.use_count() > 1) m_all = std::make_shared<std::vector<Record>>(*m_all);
  m_all->push_back(std::move(record));
}

std::string TxtData::joined() const {
  std::size_t size = 0;
  for (const auto& part : strings) size += part.size();
  std::string out;
  out.reserve(size);
  for (const auto& part : strings) out += part;
  return out;
}

Result<Answer> AnswerTable::query(std::string_view name, RecordType type) {
  POSTERN_TRY(std::string key, normalize_name(name));
  const auto found = m_answers.find({key, type});
  if (found != m_answers.end()) return found->second;
  return Answer{AnswerStatus::ServFail, false, {}, std::move(key)};
}

}  // namespace postern::dns
