// rooms: mailauth
// A zone in which every name has the same hostile records: evaluation ends within its limits, with one of the seven results, and in rounds
// as in one go. Input: client flag, then records separated by newlines; the last one is the sender.
#include <cstdlib>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "dns/questions.hpp"
#include "mailauth/spf.hpp"
#include "mailauth/spf_record.hpp"

using namespace postern;

namespace {

constexpr std::size_t kMostQuestions = 400;  // ten terms, each with eleven lookups and their pointers, are below

class Everywhere final : public DnsPort {
 public:
  explicit Everywhere(std::vector<std::string> texts) : m_texts(std::move(texts)) {}
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    if (++m_asked > kMostQuestions) std::abort();
    POSTERN_CHECK(dns::normalize_name(name));  // as every port does
    dns::Answer out{dns::AnswerStatus::NoError, false, {}, std::string(name)};
    for (const auto& text : m_texts) {
      if (type == dns::RecordType::Txt) out.records.push_back({std::string(name), type, 0, dns::TxtData{{text}}});
      if (type == dns::RecordType::Mx) out.records.push_back({std::string(name), type, 0, dns::MxData{10, "mx.example"}});
      if (type == dns::RecordType::Ptr) out.records.push_back({std::string(name), type, 0, dns::NameData{"ptr.example"}});
    }
    if (type == dns::RecordType::A)
      out.records.push_back({std::string(name), type, 0, dns::AddressData{*dns::IpAddress::parse("192.0.2.1")}});
    if (out.records.empty()) out.status = dns::AnswerStatus::NoData;
    return out;
  }

 private:
  std::vector<std::string> m_texts;
  std::size_t m_asked = 0;
};

SpfVerdict in_rounds(const SpfQuestion& question, DnsPort& zone) {
  dns::QuestionTable table;
  for (int round = 0; round < 200; ++round) {
    SpfVerdict verdict = spf_check(question, table);
    if (table.is_settled()) return verdict;
    for (const auto& open : table.take_open()) {
      if (auto answer = zone.query(open.name, open.type)) table.add(open.name, open.type, *std::move(answer));
    }
  }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<std::string> lines;
  for (const auto line : split(text, '\n')) lines.emplace_back(line);
  SpfQuestion question;
  question.ip = *dns::IpAddress::parse(data[0] % 2 == 0 ? "192.0.2.1" : "2001:db8::1");
  question.helo = "helo.example";
  question.mail_from = lines.back();
  lines.pop_back();
  for (const auto& line : lines) (void)parse_spf_record(line);
  Everywhere zone(lines), again(lines);
  const SpfVerdict at_once = spf_check(question, zone);
  const SpfVerdict rounds = in_rounds(question, again);
  if (at_once.result != rounds.result || at_once.matched != rounds.matched || at_once.explanation != rounds.explanation) std::abort();
  if (at_once.explanation.size() > 512 || !is_ascii(at_once.explanation)) std::abort();
  return 0;
}
