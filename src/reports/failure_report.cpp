#include "reports/failure_report.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

constexpr auto kHour = std::chrono::hours(1);
constexpr std::size_t kNamesForOne = 4;  // of those that may go out in all

/// Policy, neutral and permerror too: the receiver could not take the signature for what it was made for.
bool did_not_pass(DkimResult result) { return result != DkimResult::None && result != DkimResult::Pass && result != DkimResult::TempError; }

/// Neutral says that nothing is said (RFC 7208 2.6.2).
bool did_not_pass(SpfResult result) { return result == SpfResult::Fail || result == SpfResult::SoftFail || result == SpfResult::PermError; }

/// RFC 9991 4 wants the one whose domain is aligned. Null: none failed.
const DkimSignature* failed_signature(std::span<const DkimSignature> dkim, const std::string& header_from) {
  const DkimSignature* out = nullptr;
  for (const DkimSignature& signature : dkim) {
    if (!did_not_pass(signature.result) || signature.domain.empty()) continue;
    if (dns::is_same_or_below(header_from, signature.domain) || dns::is_same_or_below(signature.domain, header_from)) return &signature;
    if (out == nullptr) out = &signature;
  }
  return out;
}

}  // namespace

std::optional<FailureFacts> failure_facts(const DmarcVerdict& verdict, const SpfVerdict& spf, std::span<const DkimSignature> dkim) {
  const bool judged = verdict.record && (verdict.result == DmarcResult::Pass || verdict.result == DmarcResult::Fail);
  const auto has = [&dkim](DkimResult result) { return std::ranges::find(dkim, result, &DkimSignature::result) != dkim.end(); };
  if (!judged || spf.result == SpfResult::TempError || has(DkimResult::TempError)) return std::nullopt;
  FailureFacts out;
  out.dkim_aligned = verdict.dkim_aligned;
  out.spf_aligned = verdict.spf_aligned;
  out.dkim_failed = std::ranges::any_of(dkim, [](const DkimSignature& one) { return did_not_pass(one.result); });
  out.spf_failed = did_not_pass(spf.result);
  return out;
}

FeedbackReport failure_report(const FailureFacts& facts, std::span<const DkimSignature> dkim, const std::string& header_from) {
  FeedbackReport out;
  if (!facts.dkim_aligned) out.identity_alignment.emplace_back("dkim");
  if (!facts.spf_aligned) out.identity_alignment.emplace_back("spf");
  out.reported_domain = {header_from};
  if (const DkimSignature* signature = failed_signature(dkim, header_from)) {
    out.dkim_domain = signature->domain;
    out.dkim_identity = signature->identity;
    out.dkim_selector = signature->selector;
  }
  return out;
}

bool is_about_mail(const MessageView& header) {
  if (parse_content_type(header.value("Content-Type")).type == "multipart/report") return true;
  const std::string field = header.value("Auto-Submitted");
  return !field.empty() && !iequals(trim(std::string_view(field).substr(0, field.find_first_of(";("))), "no");
}

std::string header_start(const MessageView& header, std::size_t most) {
  std::string out;
  for (const HeaderField& field : header.fields()) {
    if (out.size() + field.raw.size() > most) break;
    out += field.raw;
  }
  return out;
}

std::string spf_dns_field(std::string_view domain, std::string_view record) {
  std::string quoted;
  for (const char c : record) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return "txt : " + std::string(domain) + " : \"" + quoted + "\"";
}

FailurePace::Slot* FailurePace::slot_of(const std::string& name, SteadyTime now) {
  if (now - m_all.begin >= kHour) {
    m_all = {.begin = now};
    std::erase_if(m_slots, [&](const auto& one) { return now - one.second.begin >= 2 * kHour; });
  }
  auto found = m_slots.find(name);
  if (found == m_slots.end()) {
    if (m_slots.size() >= kNamesForOne * m_in_all) return nullptr;
    found = m_slots.emplace(name, Slot{.begin = now}).first;
  }
  Slot& slot = found->second;
  if (now - slot.begin >= kHour) slot = {.begin = now, .taken = 0, .missed = slot.missed};
  return &slot;
}

std::uint32_t FailurePace::take(const std::string& name, SteadyTime now) {
  Slot* slot = slot_of(name, now);
  if (slot == nullptr) return 0;
  if (slot->taken >= m_for_one || m_all.taken >= m_in_all) {
    if (slot->missed < UINT32_MAX - 1) ++slot->missed;
    return 0;
  }
  ++slot->taken;
  ++m_all.taken;
  return 1 + std::exchange(slot->missed, 0);
}

}  // namespace postern
