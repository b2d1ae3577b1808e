// Rules of reports: when one is due, what it says, where it goes, and what of it the originator sees (X.411 12.2.1.3, 14.3.4, 14.4). A
// report is never made about a report: these functions take messages and probes only.
#pragma once

#include "mts/p1.hpp"
#include "mts/p3.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mts {

/// What became of one recipient.
struct RecipientOutcome {
  std::size_t recipient = 0;  ///< Index into per_recipient_fields of the subject.
  ReportType type;
  std::optional<EncodedInformationTypes> converted_encoded_information_types;
  std::optional<asn1::PrintableString> supplementary_information;  ///< For people, at most 256 characters; cut here.
  Extensions extensions;  ///< recipient-certificate, proof-of-delivery, physical-forwarding-address.
};
[[nodiscard]] RecipientOutcome delivered(std::size_t recipient, Time delivery_time, TypeOfMTSUser user = TypeOfMTSUser::Private);
[[nodiscard]] RecipientOutcome not_delivered(std::size_t recipient, const NonDeliveryReport& report, std::string_view words = {});

/// X.411 12.2.1.1.1.7: a non-delivery is always reported, a delivery where originating MTA or originator asked for it.
[[nodiscard]] bool is_due(const PerRecipientIndicators& indicators, const ReportType& type);
/// X.411 8.2.1.1.1.22: what of it the originator himself is told.
[[nodiscard]] bool is_for_originator(const PerRecipientIndicators& indicators, const ReportType& type);
/// Both bits of the originating MTA: it wants the trace of the subject too.
[[nodiscard]] bool is_audited(const PerRecipientIndicators& indicators);

struct Reporting {
  MTSIdentifier identifier;
  Time now;
  Time arrival_time;  ///< Of the subject at this MTA.
  Here here;
  std::optional<ORName> reporting_list;              ///< Set where a distribution list reports.
  std::size_t largest_returned_content = 64 * 1024;  ///< Octets; larger content is not returned.
};
/// nullopt: nothing of it is due. One report for all outcomes that are. `content` is returned where it was asked for, was not delivered and
/// not converted (X.411 8.2.1.1.1.25); nullptr: it is not at hand.
[[nodiscard]] std::optional<Report> make_report(const MessageTransferEnvelope& subject, std::span<const RecipientOutcome> outcomes,
                                                const Reporting& reporting, const Content* content = nullptr);
/// X.411 14.4.2: a probe is answered as if a message of its description had been delivered or not.
[[nodiscard]] std::optional<Report> make_report(const ProbeTransferEnvelope& subject, std::span<const RecipientOutcome> outcomes,
                                                const Reporting& reporting);

/// Where reports about this message go: to the list that expanded it last, else to the originator (X.411 12.2.1.3.1.2).
[[nodiscard]] ORName report_destination(const MessageTransferEnvelope& subject);

/// What the originator gets; nullopt: he did not ask for any of it and the report ends with the originating MTA.
[[nodiscard]] std::optional<ReportDeliveryArgument> to_report_delivery(const Report& report);

/// X.411 14.3.11: a report has come to the distribution list it is addressed to.
struct ListReportPolicy {
  std::optional<ORName> owner;  ///< Reports go to him; absent: to whoever sent to the list.
  bool onward = true;           ///< Also, or only, to whoever sent to the list.
};
/// The copies that go on: the same report to other destinations. Empty: it ends here.
[[nodiscard]] std::vector<Report> report_onward(const Report& report, const ListReportPolicy& policy);

/// "delivered 2026-11-26 05:42:00Z to C=DE;… ; not delivered to …: words", one line for each recipient, for logs and people.
[[nodiscard]] std::vector<std::string> lines_of(const Report& report);

}  // namespace postern::mts
