// Rules of trace, extensions and envelopes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mts/rules_envelope.hpp"
#include "mts/rules_extensions.hpp"
#include "mts/rules_recipient.hpp"
#include "mts/rules_trace.hpp"
#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using testing::domain_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::here_of;
using testing::kNow;
using testing::name_of;
using testing::recipient_of;
using ::testing::SizeIs;

constexpr auto kResponsible = PerRecipientIndicator::Responsibility;
const Time kTime = Time::at(kNow);

InternalTraceInformation internal_of(const Extensions& extensions) {
  return extension_or<StandardExtension::InternalTraceInformation>(extensions);
}
std::optional<NonDeliveryDiagnosticCode> diagnostic(const std::optional<NonDeliveryReport>& report) {
  return report ? report->non_delivery_diagnostic_code : std::nullopt;
}

// ---- trace: X.411 12.3.1
TEST(TraceRules, ADomainIsNotedOnceAnMtaEachTime) {
  auto envelope = testing::envelope();
  const Trace trace = trace_of(envelope);
  ASSERT_TRUE(note_arrival(trace, here_of("OTHER", "x1"), kTime, ArrivalFrom::OtherDomain));
  ASSERT_TRUE(note_arrival(trace, here_of("OTHER", "x2"), kTime, ArrivalFrom::OwnDomain));
  ASSERT_THAT(envelope.trace_information, SizeIs(2));
  EXPECT_TRUE(same_domain(envelope.trace_information[1].global_domain_identifier, domain_of("OTHER")));
  ASSERT_THAT(internal_of(envelope.extensions), SizeIs(2));
  EXPECT_EQ(internal_of(envelope.extensions)[1].mta_name.octets, "x2");
}

TEST(TraceRules, InternalTraceOfAnotherDomainGoes) {
  auto envelope = testing::envelope();
  ASSERT_TRUE(note_arrival(trace_of(envelope), here_of("ACME", "a"), kTime, ArrivalFrom::OwnDomain));
  ASSERT_TRUE(note_arrival(trace_of(envelope), here_of("OTHER", "x"), kTime, ArrivalFrom::OtherDomain));
  ASSERT_THAT(internal_of(envelope.extensions), SizeIs(1));
  EXPECT_EQ(internal_of(envelope.extensions)[0].mta_name.octets, "x");
}

TEST(TraceRules, DeferralConversionAndActionsStandInTheNewestElements) {
  auto envelope = testing::envelope();
  const Trace trace = trace_of(envelope);
  ASSERT_TRUE(note_arrival(trace, here_of("ACME", "a"), kTime, ArrivalFrom::OwnDomain));
  note_deferred(trace, Time::at(kNow + 60));
  note_conversion(trace, *envelope.original_encoded_information_types);
  note_other_action(trace, OtherAction::DlOperation);
  const auto& domain = envelope.trace_information.back().domain_supplied_information;
  const auto mta = internal_of(envelope.extensions).back().mta_supplied_information;
  EXPECT_EQ(domain.deferred_time, Time::at(kNow + 60));
  EXPECT_EQ(mta.deferred_time, Time::at(kNow + 60));
  EXPECT_TRUE(domain.converted_encoded_information_types);
  EXPECT_TRUE(mta.other_actions.test(OtherAction::DlOperation));
}

struct LoopCase {
  const char* name;
  std::vector<std::pair<const char*, std::optional<OtherAction>>> visits;  ///< Domains the message has been in, and what they did.
  Loop expected;
};
void PrintTo(const LoopCase& c, std::ostream* out) { *out << c.name; }
class DomainLoops : public ::testing::TestWithParam<LoopCase> {};
TEST_P(DomainLoops, AreSeenOnArrivalFromAnotherDomain) {
  auto envelope = testing::envelope();
  envelope.trace_information.clear();
  for (const auto& [domain, action] : GetParam().visits) {
    ASSERT_TRUE(note_arrival(trace_of(envelope), here_of(domain, "mta"), kTime, ArrivalFrom::OtherDomain));
    if (action) note_other_action(trace_of(envelope), *action);
  }
  EXPECT_EQ(find_loop(trace_of(envelope), here_of("US", "mta"), ArrivalFrom::OtherDomain), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(All, DomainLoops,
                         ::testing::Values(LoopCase{"first_visit", {{"A", {}}, {"B", {}}}, Loop::None},
                                           LoopCase{"again", {{"A", {}}, {"US", {}}, {"B", {}}}, Loop::Domain},
                                           LoopCase{"other_case", {{"us", {}}, {"B", {}}}, Loop::Domain},
                                           LoopCase{"redirected_since", {{"US", {}}, {"B", OtherAction::Redirected}}, Loop::None},
                                           LoopCase{"expanded_here", {{"US", OtherAction::DlOperation}, {"B", {}}}, Loop::None},
                                           LoopCase{
                                               "redirected_before", {{"B", OtherAction::Redirected}, {"US", {}}, {"C", {}}}, Loop::Domain}),
                         [](const auto& info) { return info.param.name; });

TEST(TraceRules, ReroutingAllowsASecondVisit) {
  auto envelope = testing::envelope();
  const Here here = here_of("ACME", "a");
  ASSERT_TRUE(note_arrival(trace_of(envelope), here, kTime, ArrivalFrom::OwnDomain));
  EXPECT_EQ(find_loop(trace_of(envelope), here, ArrivalFrom::OwnDomain), Loop::Mta);
  ASSERT_TRUE(note_rerouting(trace_of(envelope), here, kTime, {MTAName("b")}));
  EXPECT_EQ(find_loop(trace_of(envelope), here, ArrivalFrom::OwnDomain), Loop::None);
  EXPECT_THAT(envelope.trace_information, SizeIs(1));  // within the domain
  ASSERT_TRUE(note_rerouting(trace_of(envelope), here, kTime, {domain_of("GONE")}));
  ASSERT_THAT(envelope.trace_information, SizeIs(2));
  EXPECT_TRUE(envelope.trace_information.back().domain_supplied_information.attempted_domain);
}

TEST(TraceRules, AnMtaThatStandsInTheInternalTraceIsALoop) {
  auto envelope = testing::envelope();
  for (const char* mta : {"a", "b"}) ASSERT_TRUE(note_arrival(trace_of(envelope), here_of("ACME", mta), kTime, ArrivalFrom::OwnDomain));
  EXPECT_EQ(find_loop(trace_of(envelope), here_of("ACME", "A"), ArrivalFrom::OwnDomain), Loop::Mta);
  EXPECT_EQ(find_loop(trace_of(envelope), here_of("ACME", "c"), ArrivalFrom::OwnDomain), Loop::None);
  EXPECT_EQ(find_loop(trace_of(envelope), here_of("OTHER", "a"), ArrivalFrom::OwnDomain), Loop::None);
}

TEST(TraceRules, AFullTraceIsALoop) {
  auto envelope = testing::envelope();
  envelope.trace_information.assign(512, envelope.trace_information[0]);
  EXPECT_EQ(find_loop(trace_of(envelope), here_of("US", "u"), ArrivalFrom::OtherDomain), Loop::TooManyTransfers);
  EXPECT_FALSE(note_arrival(trace_of(envelope), here_of("US", "u"), kTime, ArrivalFrom::OtherDomain));
  for (const Loop loop : {Loop::Domain, Loop::Mta, Loop::TooManyTransfers})
    EXPECT_THAT(std::string(words_of(loop)), HasSubstr("the message"));
}

// ---- criticality: X.411 9.1
TEST(CriticalityRules, OnlyTheStepThatIsMarkedCounts) {
  Extensions list;
  list.push_back({{asn1::Oid{1, 2, 3}}, {CriticalityBit::ForDelivery}, {}});
  EXPECT_EQ(critical_unknown(list, CriticalityBit::ForTransfer, &understood_here), nullptr);
  EXPECT_NE(critical_unknown(list, CriticalityBit::ForDelivery, &understood_here), nullptr);
  EXPECT_EQ(critical_unknown(list, CriticalityBit::ForDelivery, [](const ExtensionType&) { return true; }), nullptr);
}

TEST(CriticalityRules, OfTheMessageConcernsEveryRecipientWeServe) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields[1].per_recipient_indicators.set(kResponsible, false);
  put(envelope.extensions, StandardExtension::PhysicalForwardingProhibited, {});  // recommended critical for delivery, not done here
  const auto found = critical_functions(envelope, CriticalityBit::ForDelivery, &understood_here);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].recipient, 0u);
  EXPECT_EQ(text_of(found[0].type), "physical-forwarding-prohibited");
  EXPECT_TRUE(critical_functions(envelope, CriticalityBit::ForTransfer, &understood_here).empty());
}

TEST(CriticalityRules, OneRecipientsOwnConcernsHimAlone) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields[1].extensions.push_back({{asn1::Oid{1, 2, 3}}, {CriticalityBit::ForTransfer}, {}});
  const auto found = critical_functions(envelope, CriticalityBit::ForTransfer, &understood_here);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].recipient, 1u);
}

TEST(CriticalityRules, SubmissionIsRefusedForOne) {
  MessageSubmissionEnvelope envelope;
  envelope.per_recipient_fields.resize(2);
  EXPECT_FALSE(critical_function(envelope, &understood_here));
  put(envelope.per_recipient_fields[1].extensions, StandardExtension::OriginatorRequestedAlternateRecipient, {});
  EXPECT_FALSE(critical_function(envelope, &understood_here));
  envelope.per_recipient_fields[1].extensions.push_back({{asn1::Oid{1, 2, 3}}, {CriticalityBit::ForSubmission}, {}});
  EXPECT_TRUE(critical_function(envelope, &understood_here));
}

TEST(PlaceRules, TwiceOrInAWrongPlace) {
  Extensions list;
  put(list, StandardExtension::LatestDeliveryTime, {});
  EXPECT_EQ(misplaced(list, Place::MessageSubmission), "");
  EXPECT_THAT(misplaced(list, Place::MessageSubmissionRecipient), HasSubstr("has no place there"));
  list.push_back(list[0]);
  EXPECT_THAT(misplaced(list, Place::MessageSubmission), HasSubstr("twice"));
}

TEST(PlaceRules, PrivateOnesAreCarriedEverywhere) {
  Extensions from;
  put(from, StandardExtension::ProofOfSubmissionRequest, {});
  put(from, StandardExtension::ContentCorrelator, {});
  from.push_back({{asn1::Oid{1, 2, 3}}, {}, {}});
  Extensions into;
  carry(from, Place::MessageTransfer, into);
  ASSERT_THAT(into, SizeIs(2));
  EXPECT_EQ(text_of(into[0].type), "content-correlator");
  EXPECT_EQ(text_of(into[1].type), "1.2.3");
}

// ---- submission to transfer
MessageSubmissionEnvelope submitted() {
  MessageSubmissionEnvelope envelope;
  envelope.originator_name = name_of("Smith");
  envelope.content_type.value = BuiltInContentType::InterpersonalMessaging1988;
  envelope.priority = Priority::Urgent;
  envelope.content_identifier = ContentIdentifier("hello");
  envelope.deferred_delivery_time = Time::at(kNow + 3600);
  for (const char* surname : {"Doe", "Roe"}) envelope.per_recipient_fields.emplace_back().recipient_name = name_of(surname);
  envelope.per_recipient_fields[1].originator_report_request = {OriginatorReportRequestBit::Report};
  put(envelope.extensions, StandardExtension::ProofOfSubmissionRequest, {Bytes{0x0A, 1, 1}});
  return envelope;
}
Submission submission(MtaReportRequest request = MtaReportRequest::NonDeliveryReport) {
  return {{domain_of("ACME"), "id-1"}, kTime, here_of("ACME", "mta-a"), request};
}

TEST(SubmissionRules, MakeTheTransferEnvelope) {
  const auto made = to_transfer(submitted(), submission());
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->message_identifier.local_identifier.octets, "id-1");
  EXPECT_EQ(made->priority, Priority::Urgent);
  EXPECT_EQ(deferred_until(*made), kNow + 3600);
  ASSERT_THAT(made->per_recipient_fields, SizeIs(2));
  EXPECT_EQ(made->per_recipient_fields[1].originally_specified_recipient_number, 2);
  EXPECT_EQ(find(made->extensions, StandardExtension::ProofOfSubmissionRequest), nullptr);
  EXPECT_THAT(made->trace_information, SizeIs(1));
  EXPECT_EQ(submission_time_of(made->trace_information), kTime);
  EXPECT_TRUE(asn1::encode(*made));
}

struct RequestCase {
  std::optional<OriginatorReportRequestBit> originator;
  MtaReportRequest mta;
  std::string bits;  ///< indicators 0..4
};
TEST(SubmissionRules, ReportRequestsOfOriginatorAndMta) {  // X.411 12.2.1.1.1.7: the MTA's is never less
  using enum OriginatorReportRequestBit;
  for (const auto& [originator, mta, bits] : std::vector<RequestCase>{
           {std::nullopt, MtaReportRequest::NonDeliveryReport, "10100"},
           {NonDeliveryReport, MtaReportRequest::NonDeliveryReport, "10101"},
           {Report, MtaReportRequest::NonDeliveryReport, "11110"},
           {std::nullopt, MtaReportRequest::Report, "11000"},
           {Report, MtaReportRequest::Report, "11010"},
           {std::nullopt, MtaReportRequest::AuditedReport, "11100"},
       }) {
    auto envelope = submitted();
    envelope.per_recipient_fields[0].originator_report_request = {};
    if (originator) envelope.per_recipient_fields[0].originator_report_request = {*originator};
    const auto made = to_transfer(envelope, submission(mta)).value();
    std::string found;
    for (std::size_t bit = 0; bit < 5; ++bit)
      found += made.per_recipient_fields[0].per_recipient_indicators.BitString::test(bit) ? '1' : '0';
    EXPECT_EQ(found, bits);
  }
}

TEST(SubmissionRules, InconsistentRequests) {
  MessageSubmissionEnvelope nobody;
  EXPECT_EQ(to_transfer(nobody, submission()).error().field, "per-recipient-fields");
  auto envelope = submitted();
  envelope.extensions.push_back(envelope.extensions[0]);
  EXPECT_THAT(to_transfer(envelope, submission()).error().text(), HasSubstr("proof-of-submission-request stands there twice"));
}

TEST(SubmissionRules, Probes) {
  ProbeSubmissionEnvelope probe;
  probe.originator_name = name_of("Smith");
  probe.content_length = 4096;
  probe.per_recipient_fields.resize(1);
  const auto made = to_transfer(probe, submission()).value();
  EXPECT_EQ(made.content_length, 4096);
  EXPECT_EQ(made.probe_identifier.local_identifier.octets, "id-1");
  EXPECT_EQ(submission_result(probe, submission()).probe_submission_time, kTime);
  EXPECT_EQ(submission_result(submitted(), submission()).content_identifier->octets, "hello");
}

TEST(IdentifierRules, FitAndDiffer) {
  const std::string one = local_identifier(MTAName("a-very-long-mta-name.example.org"), kNow, 1);
  EXPECT_LE(one.size(), 32u);
  EXPECT_NE(one, local_identifier(MTAName("a-very-long-mta-name.example.org"), kNow, 2));
  EXPECT_NE(one, local_identifier(MTAName("a-very-long-mta-name.example.org"), kNow + 1, 1));
  EXPECT_EQ(local_identifier(MTAName("m"), kNow, 0x1F), "m-261126054200Z-0000001f");
}

TEST(DuplicateRules, ACopyForOthersIsNoDuplicate) {
  const MTSApdu one{testing::message()};
  MTSApdu same = one;
  auto& envelope = std::get<Message>(same.value).envelope;
  envelope.trace_information.push_back(envelope.trace_information[0]);
  std::swap(envelope.per_recipient_fields[0], envelope.per_recipient_fields[1]);
  EXPECT_EQ(duplicate_key(one), duplicate_key(same));
  envelope.per_recipient_fields[0].per_recipient_indicators.set(kResponsible, false);
  EXPECT_NE(duplicate_key(one), duplicate_key(same));
  MTSApdu report{Report{}};
  std::get<Report>(report.value).envelope.report_identifier = std::get<Message>(one.value).envelope.message_identifier;
  EXPECT_NE(duplicate_key(one), duplicate_key(report));
  // X.411 14.3.11: a list passes the same report on to its owner and to the originator.
  MTSApdu onward = report;
  std::get<Report>(onward.value).envelope.report_destination_name = name_of("Owner");
  EXPECT_NE(duplicate_key(report), duplicate_key(onward));
}

TEST(DuplicateRules, AnExpansionIsOfOneMessageAtOneList) {
  const MTSIdentifier id = testing::envelope().message_identifier;
  EXPECT_EQ(expansion_key(id, name_of("List")), expansion_key(id, name_of("LIST")));
  EXPECT_NE(expansion_key(id, name_of("List")), expansion_key(id, name_of("Other")));
  MTSIdentifier other = id;
  other.local_identifier.octets += "x";
  EXPECT_NE(expansion_key(id, name_of("List")), expansion_key(other, name_of("List")));
}

// ---- splitting
TEST(SplitRules, OneCopyARouteWithItsResponsibility) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields = {recipient_of("A", 1), recipient_of("B", 2), recipient_of("C", 3), recipient_of("D", 4)};
  envelope.per_recipient_fields[3].per_recipient_indicators.set(kResponsible, false);
  const std::vector<std::size_t> routes{7, 3, 7, 3};
  const auto copies = split(envelope, routes);
  ASSERT_THAT(copies, SizeIs(2));
  EXPECT_EQ(copies[0].route, 7u);
  ASSERT_THAT(copies[0].envelope.per_recipient_fields, SizeIs(2));  // others are not disclosed
  EXPECT_EQ(copies[0].envelope.per_recipient_fields[1].originally_specified_recipient_number, 3);
  ASSERT_THAT(copies[1].envelope.per_recipient_fields, SizeIs(1));
}

TEST(SplitRules, DisclosedRecipientsStayWithoutResponsibility) {
  auto envelope = testing::envelope();
  envelope.per_message_indicators.set(PerMessageIndicator::DisclosureOfOtherRecipients);
  const std::vector<std::size_t> routes{0, 1};
  const auto copies = split(envelope, routes);
  ASSERT_THAT(copies, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_THAT(copies[i].envelope.per_recipient_fields, SizeIs(2));
    EXPECT_TRUE(copies[i].envelope.per_recipient_fields[i].per_recipient_indicators.test(kResponsible));
    EXPECT_FALSE(copies[i].envelope.per_recipient_fields[1 - i].per_recipient_indicators.test(kResponsible));
  }
}

TEST(SplitRules, OneNextHop) {
  const std::vector<std::size_t> second{1};
  const auto copy = envelope_for(testing::envelope(), second);
  ASSERT_THAT(copy.per_recipient_fields, SizeIs(1));
  EXPECT_EQ(copy.per_recipient_fields[0].recipient_name, name_of("Roe"));
  EXPECT_TRUE(envelope_for(testing::envelope(), {}).per_recipient_fields.empty());
}

TEST(SplitRules, NobodyLeftNoCopy) {
  EXPECT_TRUE(split(testing::envelope(), std::vector<std::size_t>{kNoRoute, kNoRoute}).empty());
  EXPECT_TRUE(split(testing::envelope(), {}).empty());
}

// ---- times
TEST(TimeRules, ExpiryIsTheEarlierOfLifetimeAndLatestDelivery) {
  auto envelope = testing::envelope();
  const Lifetimes lifetimes{.urgent = 10, .normal = 100, .non_urgent = 1000};
  EXPECT_EQ(expires_at(envelope, kNow, lifetimes), kNow + 100);
  envelope.priority = Priority::Urgent;
  EXPECT_EQ(expires_at(envelope, kNow, lifetimes), kNow + 10);
  envelope.deferred_delivery_time = Time::at(kNow + 500);
  EXPECT_EQ(expires_at(envelope, kNow, lifetimes), kNow + 510);
  ASSERT_TRUE(set_extension<StandardExtension::LatestDeliveryTime>(envelope.extensions, Time::at(kNow + 5)));
  EXPECT_EQ(expires_at(envelope, kNow, lifetimes), kNow + 5);
  EXPECT_LT(rank_of(Priority::Urgent), rank_of(Priority::Normal));
  EXPECT_LT(rank_of(Priority::Normal), rank_of(Priority::NonUrgent));
}

// ---- delivery
TEST(DeliveryRules, EnvelopeForOneRecipient) {
  auto envelope = testing::envelope();
  envelope.per_message_indicators = {PerMessageIndicator::ImplicitConversionProhibited};
  ASSERT_TRUE(note_arrival(trace_of(envelope), here_of("ACME", "a"), kTime, ArrivalFrom::OwnDomain));
  ASSERT_TRUE(set_extension<StandardExtension::ContentCorrelator>(envelope.extensions, {asn1::Ia5String("mine")}));
  ASSERT_TRUE(
      set_extension<StandardExtension::ConversionWithLossProhibited>(envelope.extensions, ConversionWithLossProhibited::Prohibited));
  const auto made = to_delivery(envelope, 1, {{domain_of("ACME"), "d-1"}, Time::at(kNow + 9)});
  const OtherMessageDeliveryFields& fields = made.other_fields;
  EXPECT_EQ(made.message_delivery_time, Time::at(kNow + 9));
  EXPECT_EQ(fields.message_submission_time, kTime);
  EXPECT_EQ(fields.this_recipient_name, name_of("Roe"));
  EXPECT_FALSE(fields.other_recipient_names);
  EXPECT_TRUE(fields.delivery_flags->test(DeliveryFlag::ImplicitConversionProhibited));
  ASSERT_THAT(fields.extensions, SizeIs(1));  // neither correlator nor internal trace are the recipient's
  EXPECT_EQ(text_of(fields.extensions[0].type), "conversion-with-loss-prohibited");
  EXPECT_TRUE(asn1::encode(made));
  EXPECT_THROW((void)to_delivery(envelope, 2, {}), std::out_of_range);
}

TEST(DeliveryRules, OthersWhereDisclosedAndTheFirstIntended) {
  auto envelope = testing::envelope();
  envelope.per_message_indicators = {PerMessageIndicator::DisclosureOfOtherRecipients};
  ASSERT_FALSE(redirect(envelope, 0, name_of("Deputy"), RedirectionReason::RecipientAssignedAlternateRecipient, kTime));
  const auto made = to_delivery(envelope, 0, {{}, kTime, true});
  EXPECT_THAT(*made.other_fields.other_recipient_names, ElementsAre(name_of("Roe")));
  EXPECT_EQ(made.other_fields.originally_intended_recipient_name, name_of("Doe"));
  EXPECT_NE(find(made.other_fields.extensions, StandardExtension::TraceInformation), nullptr);
}

TEST(DeliveryRules, WhatTheRecipientDoesNotTake) {
  using Diagnostic = NonDeliveryDiagnosticCode;
  auto envelope = testing::envelope();  // P22, ia5-text
  const auto& doe = envelope.per_recipient_fields[0];
  EXPECT_EQ(undeliverable(envelope, doe, 100, {}), std::nullopt);
  EXPECT_EQ(diagnostic(undeliverable(envelope, doe, 100, {.content_types = ContentTypes{{BuiltInContentType::EdiMessaging}}})),
            Diagnostic::ContentTypeNotSupported);
  EXPECT_EQ(diagnostic(undeliverable(envelope, doe, 101, {.maximum_content_length = 100})), Diagnostic::ContentTooLong);
  const asn1::Oid ia5{2, 6, 3, 4, 2}, fax{2, 6, 3, 4, 3};
  Deliverable deliverable;
  deliverable.constraints = EncodedInformationTypesConstraints{.exclusively_acceptable_eits = {{fax}}};
  EXPECT_EQ(diagnostic(undeliverable(envelope, doe, 1, deliverable)), Diagnostic::EncodedInformationTypesUnsupported);
  envelope.per_message_indicators.set(PerMessageIndicator::ImplicitConversionProhibited);
  EXPECT_EQ(diagnostic(undeliverable(envelope, doe, 1, deliverable)), Diagnostic::ImplicitConversionProhibited);
  deliverable.constraints = EncodedInformationTypesConstraints{.unacceptable_eits = {{ia5}}};
  EXPECT_TRUE(undeliverable(envelope, doe, 1, deliverable));
  deliverable.constraints->acceptable_eits = {{ia5}};
  EXPECT_FALSE(undeliverable(envelope, doe, 1, deliverable));
  auto fussy = doe;
  fussy.explicit_conversion = ExplicitConversion::Ia5TextToTeletex;
  EXPECT_EQ(diagnostic(undeliverable(envelope, fussy, 1, {})), Diagnostic::ConversionImpractical);
}

TEST(DeliveryRules, AProbeIsJudgedAsTheMessageItDescribes) {  // X.411 8.2.1.2
  using Diagnostic = NonDeliveryDiagnosticCode;
  ProbeTransferEnvelope probe;
  probe.content_type.value = BuiltInContentType::InterpersonalMessaging1988;
  const auto& doe = probe.per_recipient_fields.emplace_back();
  const Deliverable short_ones{.maximum_content_length = 100};
  EXPECT_EQ(undeliverable(probe, doe, short_ones), std::nullopt);
  probe.content_length = 101;
  EXPECT_EQ(diagnostic(undeliverable(probe, doe, short_ones)), Diagnostic::ContentTooLong);
  EXPECT_EQ(undeliverable(probe, doe, {}), std::nullopt);
  EXPECT_EQ(diagnostic(undeliverable(probe, doe, {.content_types = ContentTypes{{BuiltInContentType::EdiMessaging}}})),
            Diagnostic::ContentTypeNotSupported);
}

}  // namespace
}  // namespace postern::mts
