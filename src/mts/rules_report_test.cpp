// Rules of reports and of binds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mts/reasons.hpp"
#include "mts/rules_bind.hpp"
#include "mts/rules_recipient.hpp"
#include "mts/rules_report.hpp"
#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using testing::domain_of;
using ::testing::HasSubstr;
using testing::here_of;
using testing::kNow;
using testing::name_of;
using ::testing::Not;
using ::testing::SizeIs;

const Time kTime = Time::at(kNow);
constexpr NonDeliveryReport kUnknown{NonDeliveryReasonCode::UnableToTransfer, NonDeliveryDiagnosticCode::UnrecognisedORName};

Reporting reporting() { return {{domain_of("OTHER"), "report-1"}, Time::at(kNow + 20), Time::at(kNow + 10), here_of("OTHER", "x"), {}}; }

struct DueCase {
  PerRecipientIndicators indicators;
  bool delivery_due, delivery_told, non_delivery_told, audited;
};
TEST(ReportRules, WhenDueAndWhatTheOriginatorIsTold) {
  using enum PerRecipientIndicator;
  const ReportType done{DeliveryReport{kTime}}, failed{kUnknown};
  for (const DueCase& c : {DueCase{{}, false, false, false, false}, DueCase{{OriginatingMTANonDeliveryReport}, false, false, false, false},
                           DueCase{{OriginatingMTAReport}, true, false, false, false},
                           DueCase{{OriginatingMTAReport, OriginatingMTANonDeliveryReport}, true, false, false, true},
                           DueCase{{OriginatingMTANonDeliveryReport, OriginatorNonDeliveryReport}, false, false, true, false},
                           DueCase{{OriginatingMTAReport, OriginatorReport}, true, true, true, false}}) {
    EXPECT_EQ(is_due(c.indicators, done), c.delivery_due);
    EXPECT_TRUE(is_due(c.indicators, failed));
    EXPECT_EQ(is_for_originator(c.indicators, done), c.delivery_told);
    EXPECT_EQ(is_for_originator(c.indicators, failed), c.non_delivery_told);
    EXPECT_EQ(is_audited(c.indicators), c.audited);
  }
}

TEST(ReportRules, NothingDueNoReport) {
  EXPECT_FALSE(make_report(testing::envelope(), std::vector{delivered(0, kTime), delivered(1, kTime)}, reporting()));
}

TEST(ReportRules, OneReportForAllThatIsDue) {
  auto subject = testing::envelope();
  subject.per_recipient_fields[1].per_recipient_indicators.set(PerRecipientIndicator::OriginatorNonDeliveryReport);
  ASSERT_TRUE(set_extension<StandardExtension::ContentCorrelator>(subject.extensions, {asn1::Ia5String("mine")}));
  const auto report =
      make_report(subject, std::vector{delivered(0, kTime), not_delivered(1, kUnknown, "no such person @ ACME")}, reporting());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->envelope.report_destination_name, name_of("Smith"));
  EXPECT_THAT(report->envelope.trace_information, SizeIs(1));
  EXPECT_EQ(report->content.subject_identifier, subject.message_identifier);
  EXPECT_EQ(report->content.content_identifier, subject.content_identifier);
  EXPECT_FALSE(report->content.subject_intermediate_trace_information);
  EXPECT_EQ(extension<StandardExtension::ReportingMtaName>(report->envelope.extensions).value()->mta_name.octets, "x");
  ASSERT_THAT(report->content.per_recipient_fields, SizeIs(1));
  const auto& roe = report->content.per_recipient_fields[0];
  EXPECT_EQ(roe.actual_recipient_name, name_of("Roe"));
  EXPECT_EQ(roe.originally_specified_recipient_number, 2);
  EXPECT_EQ(roe.last_trace_information.arrival_time, Time::at(kNow + 10));
  EXPECT_EQ(roe.supplementary_information->octets, "no such person ? ACME");
  EXPECT_TRUE(asn1::encode(*report));
}

TEST(ReportRules, AuditedOnesCarryTheTraceOfTheSubject) {
  auto subject = testing::envelope();
  subject.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatingMTAReport);
  const auto report = make_report(subject, std::vector{delivered(0, kTime)}, reporting());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->content.subject_intermediate_trace_information, subject.trace_information);
}

TEST(ReportRules, ContentComesBackWhereAskedForUndeliveredAndUnconverted) {
  const Content content("text");
  const std::vector failed{not_delivered(0, kUnknown)};
  auto subject = testing::envelope();
  EXPECT_FALSE(make_report(subject, failed, reporting(), &content)->content.returned_content);
  subject.per_message_indicators = {PerMessageIndicator::ContentReturnRequest};
  EXPECT_EQ(make_report(subject, failed, reporting(), &content)->content.returned_content, content);
  EXPECT_FALSE(make_report(subject, failed, reporting())->content.returned_content);
  Reporting small = reporting();
  small.largest_returned_content = 3;
  EXPECT_FALSE(make_report(subject, failed, small, &content)->content.returned_content);
  auto told = subject;
  told.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatorReport);
  EXPECT_FALSE(make_report(told, std::vector{delivered(0, kTime)}, reporting(), &content)->content.returned_content);
  note_conversion(trace_of(subject), *subject.original_encoded_information_types);
  EXPECT_FALSE(make_report(subject, failed, reporting(), &content)->content.returned_content);
}

TEST(ReportRules, OfRedirectedRecipientsTheFirstIntended) {
  auto subject = testing::envelope();
  ASSERT_FALSE(redirect(subject, 0, name_of("Deputy"), RedirectionReason::RecipientAssignedAlternateRecipient, kTime));
  const auto report = make_report(subject, std::vector{not_delivered(0, kUnknown)}, reporting());
  const auto& reported = report->content.per_recipient_fields.at(0);
  EXPECT_EQ(reported.actual_recipient_name, name_of("Deputy"));
  EXPECT_EQ(reported.originally_intended_recipient_name, name_of("Doe"));
  EXPECT_NE(find(reported.extensions, StandardExtension::RedirectionHistory), nullptr);
}

TEST(ReportRules, GoBackOverTheLists) {
  ListPolicy policy;
  policy.members = {name_of("Inner")};
  const auto outer = expand_list(testing::envelope(), 0, policy, kTime);
  policy.members = {name_of("M")};
  const auto inner = expand_list(outer.envelope, 0, policy, kTime);
  EXPECT_EQ(report_destination(inner.envelope), name_of("Inner"));
  const auto report = make_report(inner.envelope, std::vector{not_delivered(0, kUnknown)}, reporting());
  ASSERT_TRUE(report);
  const auto history = extension<StandardExtension::OriginatorAndDlExpansionHistory>(report->envelope.extensions).value();
  ASSERT_TRUE(history);
  ASSERT_THAT(*history, SizeIs(3));
  EXPECT_EQ(history->front().originator_or_dl_name, name_of("Smith"));
  const auto second = report_onward(*report, {});
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].envelope.report_destination_name, name_of("Doe"));
  const auto third = report_onward(second[0], {.owner = name_of("Owner"), .onward = true});
  ASSERT_THAT(third, SizeIs(2));
  EXPECT_EQ(third[0].envelope.report_destination_name, name_of("Smith"));
  EXPECT_EQ(third[1].envelope.report_destination_name, name_of("Owner"));
  EXPECT_FALSE(find(third[0].envelope.extensions, StandardExtension::ReportingDlName));
  EXPECT_EQ(extension_or<StandardExtension::ReportingDlName>(third[1].envelope.extensions), name_of("Doe"));  // X.411 8.3.1.2.1.14
  EXPECT_THAT(report_onward(second[0], {.owner = name_of("Smith"), .onward = true}), SizeIs(1)) << "an owner who sent it is told once";
  EXPECT_TRUE(report_onward(third[0], {}).empty());  // the originator's own
  EXPECT_TRUE(report_onward(*report, {.owner = {}, .onward = false}).empty());
}

TEST(ReportRules, ProbesAreAnsweredAlike) {
  ProbeTransferEnvelope probe;
  probe.probe_identifier = {domain_of("ACME"), "probe-1"};
  probe.originator_name = name_of("Smith");
  probe.trace_information = testing::envelope().trace_information;
  probe.per_recipient_fields = {testing::recipient_of("Doe", 1, {PerRecipientIndicator::OriginatingMTAReport})};
  const auto report = make_report(probe, std::vector{delivered(0, kTime)}, reporting());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->content.subject_identifier, probe.probe_identifier);
  EXPECT_FALSE(report->content.returned_content);
}

TEST(ReportRules, TheOriginatorSeesWhatHeAskedFor) {
  auto subject = testing::envelope();
  subject.per_recipient_fields[0].per_recipient_indicators = {PerRecipientIndicator::OriginatingMTAReport};
  subject.per_recipient_fields[1].per_recipient_indicators.set(PerRecipientIndicator::OriginatorNonDeliveryReport);
  ASSERT_TRUE(set_extension<StandardExtension::ContentCorrelator>(subject.extensions, {asn1::Ia5String("mine")}));
  const std::vector outcomes{delivered(0, kTime), not_delivered(1, kUnknown)};
  const auto report = make_report(subject, outcomes, reporting());
  ASSERT_THAT(report->content.per_recipient_fields, SizeIs(2));
  const auto seen = to_report_delivery(*report);
  ASSERT_TRUE(seen);
  ASSERT_THAT(seen->per_recipient_fields, SizeIs(1));
  EXPECT_EQ(seen->per_recipient_fields[0].actual_recipient_name, name_of("Roe"));
  EXPECT_EQ(seen->subject_submission_identifier, subject.message_identifier);
  EXPECT_NE(find(seen->extensions, StandardExtension::ContentCorrelator), nullptr);
  EXPECT_EQ(find(seen->extensions, StandardExtension::InternalTraceInformation), nullptr);
  EXPECT_TRUE(asn1::encode(*seen));
  EXPECT_FALSE(to_report_delivery(*make_report(subject, std::vector{delivered(0, kTime)}, reporting())));
}

TEST(ReportRules, LinesForPeople) {
  auto subject = testing::envelope();
  subject.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatorReport);
  const auto report = make_report(subject, std::vector{delivered(0, kTime), not_delivered(1, kUnknown)}, reporting());
  const auto lines = lines_of(*report);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], ::testing::AllOf(HasSubstr("delivered to"), HasSubstr("S=Doe")));
  EXPECT_THAT(lines[1], ::testing::AllOf(HasSubstr("S=Roe"), HasSubstr("unrecognised-OR-name: the recipient's address")));
}

TEST(ReasonTable, HasEveryCodeAtItsPlace) {
  EXPECT_EQ(reason_codes().size(), 9u);
  EXPECT_EQ(diagnostic_codes().size(), 79u);
  for (std::size_t i = 0; i < diagnostic_codes().size(); ++i) {
    EXPECT_EQ(diagnostic_codes()[i].code, static_cast<std::int64_t>(i));
    EXPECT_FALSE(diagnostic_codes()[i].words.empty());
  }
  EXPECT_EQ(info_of(NonDeliveryDiagnosticCode::UnsupportedSecurityPolicy)->name, "unsupported-security-policy");
  EXPECT_EQ(info_of(static_cast<NonDeliveryDiagnosticCode>(79)), nullptr);
  EXPECT_EQ(info_of(static_cast<NonDeliveryReasonCode>(-1)), nullptr);
  EXPECT_THAT(words_of(NonDeliveryReport{static_cast<NonDeliveryReasonCode>(77), {}}), HasSubstr("77"));
  EXPECT_THAT(words_of(NonDeliveryReport{NonDeliveryReasonCode::TransferFailure, static_cast<NonDeliveryDiagnosticCode>(500)}),
              HasSubstr("diagnostic 500"));
  EXPECT_THAT(words_of(NonDeliveryReport{NonDeliveryReasonCode::RestrictedDelivery, {}}), HasSubstr("does not accept"));
}

// ---- binds
Password password(std::string_view text) { return {asn1::OctetString(text)}; }
MTABindArgument bind_of(std::string_view name, Credentials credentials, std::optional<SecurityContext> context = {}) {
  AuthenticatedArgument who;
  who.name = std::string(name);
  who.credentials = std::move(credentials);
  who.security_context = std::move(context);
  return {who};
}
std::vector<KnownMta> known() {
  SecurityLabel label;
  label.security_classification = SecurityClassification::Restricted;
  return {{"mta-a", {password("right"), {}}, {}}, {"mta-b", {password("other"), {}}, SecurityContext{label}}};
}

TEST(BindRules, NameAndPassword) {
  EXPECT_EQ(judge_bind(bind_of("mta-a", {password("right")}), known(), false).mta, 0u);
  EXPECT_EQ(judge_bind(bind_of("MTA-A", {Password{asn1::Ia5String("right")}}), known(), false).mta, 0u);  // the other form
  EXPECT_EQ(judge_bind(bind_of("mta-b", {password("other")}), known(), false).mta, 1u);
}

TEST(BindRules, RefusalsLookAlikeFromOutside) {
  for (const auto& argument :
       {bind_of("mta-a", {password("wrong")}), bind_of("mta-a", {password("righ")}), bind_of("mta-x", {password("right")}),
        bind_of("mta-a", {StrongCredentials{}}), bind_of("mta-a", {ProtectedPassword{}}),
        bind_of("mta-x", {password("no such peer, and no such password")}), MTABindArgument{asn1::Null{}}}) {
    const auto verdict = judge_bind(argument, known(), false);
    EXPECT_EQ(verdict.refusal, BindError::AuthenticationError);
    EXPECT_FALSE(verdict.mta);
    EXPECT_THAT(verdict.why, ::testing::AllOf(Not(HasSubstr("right")), Not(HasSubstr("wrong")), Not(::testing::IsEmpty())));
  }
  EXPECT_FALSE(judge_bind({asn1::Null{}}, known(), true).refusal);
}

TEST(BindRules, SecurityContexts) {
  SecurityLabel secret;
  secret.security_classification = SecurityClassification::Secret;
  EXPECT_EQ(judge_bind(bind_of("mta-b", {password("other")}, SecurityContext{secret}), known(), false).refusal,
            BindError::UnacceptableSecurityContext);
  EXPECT_FALSE(judge_bind(bind_of("mta-a", {password("right")}, SecurityContext{secret}), known(), false).refusal);
  EXPECT_TRUE(within({}, {secret}));
  EXPECT_FALSE(within({secret}, {}));
}

TEST(BindRules, TheAnswerIsChecked) {
  const KnownMta called = known()[0];
  AuthenticatedResult who;
  who.name = "mta-a";
  who.credentials.value = password("right");
  EXPECT_TRUE(check_bind_result({who}, called, false));
  who.credentials.value = password("wrong");
  EXPECT_FALSE(check_bind_result({who}, called, false));
  who.name = "mta-z";
  EXPECT_EQ(check_bind_result({who}, called, false).error().field, "responder-name");
  EXPECT_FALSE(check_bind_result({asn1::Null{}}, called, false));
  EXPECT_TRUE(check_bind_result({asn1::Null{}}, called, true));
}

TEST(BindRules, UsersOfP3) {
  MTSBindArgument argument;
  argument.initiator_name.value.emplace<0>(name_of("Smith"));
  argument.initiator_credentials.value = password("right");
  const auto lookup = [](const ObjectName& name) -> std::optional<Expected> {
    if (name.value.index() != 0) return std::nullopt;
    return Expected{password("right"), {}};
  };
  EXPECT_FALSE(judge_bind(argument, lookup).refusal);
  argument.initiator_credentials.value = password("wrong");
  EXPECT_EQ(judge_bind(argument, lookup).refusal, BindError::AuthenticationError);
  argument.initiator_name.value.emplace<1>("mta");
  EXPECT_EQ(judge_bind(argument, lookup).refusal, BindError::AuthenticationError);
}

}  // namespace
}  // namespace postern::mts
