// From a judged message to the DMARC failure report about it: RFC 9991, RFC 6591.
//
//   if (is_about_mail(header)) return;                              // a report about a report is how loops begin
//   const auto facts = failure_facts(verdict, spf, dkim);
//   if (!facts || !wants_failure_report(record, *facts)) return;    // arf.hpp
//   if (const auto incidents = pace.take(domain, now)) send(...);   // dmarc_destinations() says where to, write_failure_report() writes
//
// Pure: time is an input. Does not: look up DNS, send, redact (write_failure_report() does).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "mime/message.hpp"
#include "reports/arf.hpp"

namespace postern {

/// What the checks say to the fo tag. Nothing while an unanswered question of DNS could have changed it, or when there was no judgement.
[[nodiscard]] std::optional<FailureFacts> failure_facts(const DmarcVerdict& verdict, const SpfVerdict& spf,
                                                        std::span<const DkimSignature> dkim);

/// The fields that the checks themselves know: what did not align, the author's domain, and the signature that failed (RFC 9991 4; of
/// several, one that is of the author's domain or around it). Envelope, client and header are the caller's.
[[nodiscard]] FeedbackReport failure_report(const FailureFacts& facts, std::span<const DkimSignature> dkim, const std::string& header_from);

/// A report, or something else that a program sent (RFC 3834 5): whoever reports about these, and does it to another who does so too, has
/// made a loop.
[[nodiscard]] bool is_about_mail(const MessageView& header);

/// The fields from the top, whole, as far as `most` octets go.
[[nodiscard]] std::string header_start(const MessageView& header, std::size_t most);

/// RFC 6591 3.2.6, SPF-DNS: where a record was found, and the record.
[[nodiscard]] std::string spf_dns_field(std::string_view domain, std::string_view record);

/// How many reports go out: so many in an hour under one name, so many in all. RFC 9991 2: who sends mail in somebody's name decides how
/// much of it fails, and shall not decide how much mail that somebody gets from us. One thread at a time.
class FailurePace {
 public:
  /// Names are kept for an hour or two, four times `in_all` at most; under further ones nothing goes out.
  FailurePace(std::size_t for_one, std::size_t in_all) : m_for_one(for_one), m_in_all(in_all) {}

  /// One more under this name. What it stands for: itself, and those that were refused under the name since the last (Incidents, RFC 5965
  /// 3.2). 0: refused.
  [[nodiscard]] std::uint32_t take(const std::string& name, SteadyTime now);

 private:
  struct Slot {
    SteadyTime begin;
    std::size_t taken = 0;
    std::uint32_t missed = 0;
  };
  [[nodiscard]] Slot* slot_of(const std::string& name, SteadyTime now);

  std::size_t m_for_one, m_in_all;
  Slot m_all{};  ///< Of all names; `missed` is not used.
  std::map<std::string, Slot> m_slots;
};

}  // namespace postern
