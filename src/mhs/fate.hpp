// What becomes of a recipient, and how the queue remembers it.
//
// Every recipient that this MTA answers for is a recipient of the queue item, on one of these routes; `orcpt` of the queue has the text
// form of a Fate, which names his place in the envelope:
//
//   x400:peer:NAME   to be transferred to that MTA
//   x400:store       to be delivered into his mailbox here
//   x400:user:ID     to be delivered to him over P3, when he binds
//   x400:list        to a distribution list of this MTA, which expands it
//   x400:report      not to be served: only the report is still to be made
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mts/reasons.hpp"
#include "spool/types.hpp"

namespace postern::mhs {

inline constexpr std::string_view kPeerRoute = "x400:peer:";
inline constexpr std::string_view kStoreRoute = "x400:store";
inline constexpr std::string_view kUserRoute = kX400UserRoutePrefix;
inline constexpr std::string_view kListRoute = "x400:list";
inline constexpr std::string_view kReportRoute = "x400:report";

struct Fate {
  std::size_t recipient =
      0;  ///< Index into per_recipient_fields of the stored envelope; 0 for a report, whose destination is the only one.
  std::string route;
  std::optional<mts::NonDeliveryReport> report;  ///< With kReportRoute: why.
  std::string words;                             ///< With it: supplementary information, for people; may be empty.
};

/// "3", or "3;1;13;words": recipient, reason, diagnostic (empty: none), words.
[[nodiscard]] std::string text_of(const Fate& fate);
/// The inverse, without the route. IntegrityFailed for what was not written by text_of().
[[nodiscard]] Result<Fate> parse_fate(std::string_view text);

}  // namespace postern::mhs
