// The delivery port over loopback: what waits for a user of P3 is invoked on his association, as often as it takes, under his controls.
#include "mhs/testing/deliveries.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using namespace testing;

struct P3Delivery : DeliveryFixture {};

TEST_F(P3Delivery, WhatWaitedIsDeliveredAfterTheBindAndReported) {
  start();
  std::size_t before = 0;
  for (const bool reliable : {false, true}) {
    const auto id = send(envelope_to(kBob), 30'000);
    Taken taken;
    auto client = receiver(taken, reliable);
    ASSERT_TRUE(client && receive(*client, taken, 1));
    const auto& message = taken.messages.front();
    EXPECT_EQ(message.message_delivery_identifier, id);  // X.411 8.3.1.1.1.1: that of the submission
    EXPECT_EQ(message.content.octets, Bytes(30'000, 'x'));
    EXPECT_EQ(message.other_fields.originator_name, name_of(kAlice));
    EXPECT_EQ(message.other_fields.this_recipient_name, name_of(kBob));
    close(std::move(client));  // over RTSE the result goes when the turn comes, and before the release
    EXPECT_EQ(reports(++before).back(), std::nullopt);
    const auto report = std::get<mts::Report>(node.mailboxes.wait(kAlice, before).back().apdu.value);
    const auto& type = report.content.per_recipient_fields.front().last_trace_information.report_type;
    EXPECT_EQ(std::get<mts::DeliveryReport>(type.value).message_delivery_time, message.message_delivery_time);
  }
  EXPECT_TRUE(is_emptied());
}

TEST_F(P3Delivery, WhatComesMeanwhileIsDeliveredInItsOrder) {
  start();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  std::vector<mts::MTSIdentifier> sent;
  for (std::size_t i = 0; i < 20; ++i) sent.push_back(send(envelope_to(kBob), i));
  ASSERT_TRUE(receive(*client, taken, 20));
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(taken.messages[i].message_delivery_identifier, sent[i]);
  ASSERT_TRUE(run(client->probe(
      [] {
        mts::ProbeSubmissionArgument probe;
        static_cast<mts::PerProbeSubmissionFields&>(probe).originator_name = name_of(kBob);
        probe.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
        probe.per_recipient_fields = envelope_to(kAlice).per_recipient_fields;
        return probe;
      }(),
      soon())));  // his own operations go on beside it
  ASSERT_TRUE(receive(*client, taken, 21));
  EXPECT_EQ(taken.reports.size(), 1U);
  close(std::move(client));
}

TEST_F(P3Delivery, AnAssociationThatEndsBeforeTheResultCostsNothing) {
  start();
  const auto id = send();
  auto mute = bound();
  ASSERT_TRUE(mute);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // it is invoked meanwhile, and nobody answers
  mute.reset();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client && receive(*client, taken, 1));
  EXPECT_EQ(taken.messages.front().message_delivery_identifier, id);
  EXPECT_TRUE(is_quiet(*client, taken));
  EXPECT_EQ(reports(1), Reports{std::nullopt});
  close(std::move(client));
}

TEST_F(P3Delivery, AUserWhoDoesNotAnswerIsLeft) {
  start();
  node.gate->delivery_time = std::chrono::seconds(1);
  send();
  auto mute = bound();
  ASSERT_TRUE(mute);
  mute->client().operations().add(osi::oid::as_mdse(), 5, [](const asn1::Any&) -> io::Task<RoseReply> {
    co_await io::sleep_for(std::chrono::seconds(3));
    co_return null_value();
  });
  Status end;
  while (end) end = run(mute->attend(soon()));
  EXPECT_EQ(end.error().code, ErrorCode::Unavailable) << end.error().text();
  Taken taken;
  auto client = receiver(taken);
  EXPECT_TRUE(client && receive(*client, taken, 1));
}

TEST_F(P3Delivery, WhatIsNotTakenComesAgain) {
  start();
  send();
  Taken taken;
  taken.refusals = 1;
  auto client = receiver(taken);
  ASSERT_TRUE(client && receive(*client, taken, 1));
  EXPECT_EQ(taken.refusals, -1);
  EXPECT_EQ(reports(1), Reports{std::nullopt});
  close(std::move(client));
}

TEST_F(P3Delivery, AnAssociationThatKnowsNoDeliveriesLeavesThemToAnother) {
  start();
  send();
  auto submitter = bound();
  ASSERT_TRUE(submitter);
  Status idle;
  while (idle) idle = run(submitter->attend(in_ms(300)));
  EXPECT_EQ(idle.error().code, ErrorCode::Timeout);
  const auto own = run(submitter->submit({envelope_to(kAlice, kBob), asn1::OctetString("content")}, soon()));
  EXPECT_TRUE(own) << own.error().text();
  Taken taken;
  auto client = receiver(taken);
  EXPECT_TRUE(client && receive(*client, taken, 2));  // the message, and the report on what was submitted here
  EXPECT_EQ(taken.reports.size(), 1U);
  close(std::move(submitter));
  close(std::move(client));
}

TEST_F(P3Delivery, WhatCrossesHisUnbindIsNoFailedAttempt) {
  start();
  send();
  auto leaving = bound();
  ASSERT_TRUE(leaving);
  leaving->client().operations().add(osi::oid::as_mdse(), 5, [](const asn1::Any&) -> io::Task<RoseReply> {
    co_return RoseReply(osi::InvokeProblem::InitiatorReleasing);  // X.219 9.2
  });
  Status idle;
  while (idle) idle = run(leaving->attend(in_ms(500)));
  const auto waiting = node.spool->list({}, 10);
  ASSERT_TRUE(waiting && waiting->size() == 1U);
  EXPECT_EQ(waiting->front().attempts, 0U);
  Taken taken;
  auto client = receiver(taken);
  EXPECT_TRUE(client && receive(*client, taken, 1));
}

TEST_F(P3Delivery, OfTwoAssociationsOneGetsIt) {
  start();
  Taken first, second;
  auto a = receiver(first), b = receiver(second);
  ASSERT_TRUE(a && b);
  send();
  const bool to_a = run(receive(*a, first, 1, in_ms(1000)));
  const bool to_b = run(receive(*b, second, 1, in_ms(to_a ? 300 : 9000)));
  EXPECT_NE(to_a, to_b);
  EXPECT_EQ(reports(1).size(), 1U);
}

// ---- controls: X.411 8.3.1.3
TEST_F(P3Delivery, ControlsHoldBackAndSayWhatWaits) {
  start();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  mts::DeliveryControlArgument controls;
  controls.permissible_lowest_priority = mts::Priority::Normal;
  controls.permissible_maximum_content_length = 1000;
  EXPECT_EQ(control(*client, controls).waiting_operations, mts::Operations());
  send(envelope_to(kBob), 1001);
  send(with_priority(mts::Priority::NonUrgent));
  const auto urgent = send(with_priority(mts::Priority::Urgent));
  ASSERT_TRUE(receive(*client, taken, 1));
  EXPECT_EQ(taken.messages.front().message_delivery_identifier, urgent);
  EXPECT_TRUE(is_quiet(*client, taken));
  const auto waiting = control(*client, controls);
  EXPECT_TRUE(waiting.waiting_operations.test(mts::OperationBit::MessageSubmissionOrMessageDelivery));
  EXPECT_TRUE(waiting.waiting_messages.test(mts::WaitingMessage::LongContent));
  EXPECT_TRUE(waiting.waiting_messages.test(mts::WaitingMessage::LowPriority));
  EXPECT_EQ(waiting.waiting_content_types, mts::ContentTypes{{mts::BuiltInContentType::InterpersonalMessaging1988}});
  controls.permissible_lowest_priority = mts::Priority::NonUrgent;
  EXPECT_FALSE(control(*client, controls).waiting_messages.test(mts::WaitingMessage::LowPriority));
  ASSERT_TRUE(receive(*client, taken, 2));
  controls.restrict = false;
  EXPECT_EQ(control(*client, controls).waiting_operations, mts::Operations());
  ASSERT_TRUE(receive(*client, taken, 3));
  EXPECT_EQ(taken.messages.back().content.octets.size(), 1001U);
  close(std::move(client));
}

TEST_F(P3Delivery, ControlsEndWithTheirAssociation) {
  start();
  Taken held, taken;
  auto client = receiver(held);
  ASSERT_TRUE(client);
  mts::DeliveryControlArgument controls;
  static_cast<mts::Controls&>(controls) = mts::nothing_permitted();
  control(*client, controls);
  send();
  EXPECT_TRUE(is_quiet(*client, held));
  close(std::move(client));
  client = receiver(taken);
  EXPECT_TRUE(client && receive(*client, taken, 1));
}

TEST_F(P3Delivery, DefaultControlsAreInForceFromTheBindOn) {  // X.411 8.4.1.1: default-delivery-controls
  mts::RegisterArgument88 registered;
  registered.default_delivery_controls = mts::nothing_permitted();
  node.mailboxes.register_user(kBob, registered);
  start();
  send();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  EXPECT_TRUE(is_quiet(*client, taken));
  mts::DeliveryControlArgument controls;
  controls.permissible_operations = mts::Operations{mts::OperationBit::MessageSubmissionOrMessageDelivery};
  control(*client, controls);
  EXPECT_TRUE(receive(*client, taken, 1));
  send();
  controls.restrict = false;  // 'remove': the defaults again
  EXPECT_TRUE(control(*client, controls).waiting_operations.test(mts::OperationBit::MessageSubmissionOrMessageDelivery) ||
              taken.count() == 2);
  close(std::move(client));
}

TEST_F(P3Delivery, WhatIsRegisteredHoldsForTheControlsOfABoundAssociation) {  // X.411 8.4.1.1
  start();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  mts::RegisterArgument88 registered;
  registered.deliverable_maximum_content_length = 1000;
  registered.default_delivery_controls = mts::nothing_permitted();
  node.mailboxes.register_user(kBob, registered);
  mts::DeliveryControlArgument longer, remove;
  longer.permissible_maximum_content_length = 1001;
  const auto refused = run(client->control_delivery(longer, soon()));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what.starts_with("control-violates-registration")) << refused.error().what;
  remove.restrict = false;
  control(*client, remove);
  send();
  EXPECT_TRUE(is_quiet(*client, taken));
  close(std::move(client));
}

TEST_F(P3Delivery, OfALongBacklogOnlySomeIsLookedAtBeforeTheAssociationIsAttendedTo) {
  start();
  auto feed = run(node.node->deliveries().bind(name_of(kBob)));
  ASSERT_TRUE(feed && *feed);
  run((*feed)->control(mts::nothing_permitted()));
  for (int i = 0; i < 100; ++i) send();
  while (node.spool->stats().ready < 100) std::this_thread::yield();
  EXPECT_FALSE(run((*feed)->next()));
  EXPECT_EQ(node.spool->stats().in_flight, 64U);
  EXPECT_TRUE((*feed)->has_news());
  EXPECT_FALSE(run((*feed)->next()));
  EXPECT_EQ(node.spool->stats().in_flight, 100U);
}

TEST_F(P3Delivery, ALongBacklogRestsOnDiskAndComesInItsOrder) {
  constexpr std::size_t kMany = 100;
  node.resting.units = 20;
  node.resting.route_units = 10;
  start();
  for (std::size_t size = 1; size <= kMany; ++size) send(envelope_to(kBob), size);
  const auto is_resting = [this] {
    const SpoolStats stats = node.spool->stats();
    EXPECT_LE(stats.ready + stats.deferred, 20U);
    return stats.parked == kMany;
  };
  for (int tries = 0; tries < 2000 && !is_resting(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(is_resting());
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client && receive(*client, taken, kMany));
  for (std::size_t i = 0; i < kMany; ++i) EXPECT_EQ(taken.messages[i].content.octets.size(), i + 1);
  close(std::move(client));
  EXPECT_TRUE(is_emptied());
}

TEST_F(P3Delivery, ControlsThatAreNotAcceptable) {
  mts::RegisterArgument88 registered;
  registered.deliverable_maximum_content_length = 1000;
  node.mailboxes.register_user(kBob, registered);
  start();
  auto client = bound();
  ASSERT_TRUE(client);
  const auto error = [&](const mts::DeliveryControlArgument& controls) {
    const auto result = run(client->control_delivery(controls, soon()));
    return result ? std::string("none") : result.error().what.substr(0, result.error().what.find(':'));
  };
  mts::DeliveryControlArgument longer, critical, labels;
  longer.permissible_maximum_content_length = 1001;
  EXPECT_EQ(error(longer), "control-violates-registration");  // X.411 8.3.2.2
  critical.extensions.push_back({{asn1::Oid{1, 2, 3}}, {mts::CriticalityBit::ForDelivery}, null_value()});
  EXPECT_EQ(error(critical), "unsupported-critical-function");
  labels.permissible_security_context.emplace().emplace_back();
  EXPECT_EQ(error(labels), "operation-refused");
  auto alice = bound(kAlice);
  ASSERT_TRUE(alice);
  const auto refused = run(alice->control_delivery({}, soon()));
  EXPECT_TRUE(refused.error().what.starts_with("operation-refused")) << refused.error().what;  // she has a mailbox
  close(std::move(alice));
  close(std::move(client));
}

// ---- what ends without him
TEST_F(P3Delivery, WhatHeCannotTakeIsReportedAtOnce) {  // X.411 8.4.1.1
  mts::RegisterArgument88 registered;
  registered.deliverable_maximum_content_length = 1000;
  node.mailboxes.register_user(kBob, registered);
  start();
  send(envelope_to(kBob), 1001);
  EXPECT_EQ(reports(1), Reports{mts::NonDeliveryDiagnosticCode::ContentTooLong});
  registered = {};
  registered.deliverable_content_types = mts::ContentTypes{{mts::BuiltInContentType::InterpersonalMessaging1984}};
  node.mailboxes.register_user(kBob, registered);
  send();
  EXPECT_EQ(reports(2).back(), mts::NonDeliveryDiagnosticCode::ContentTypeNotSupported);
  EXPECT_TRUE(is_emptied());
}

mts::ProbeSubmissionArgument probe_to(const char* recipient, std::optional<std::int64_t> length = std::nullopt) {
  mts::ProbeSubmissionArgument out;
  static_cast<mts::PerProbeSubmissionFields&>(out).originator_name = name_of(kAlice);
  out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  out.content_length = length;
  out.per_recipient_fields = envelope_to(recipient).per_recipient_fields;
  return out;
}

TEST_F(P3Delivery, AProbeIsAnsweredWithoutHim) {  // X.411 14.4.2
  start();
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob), "test")));
  EXPECT_EQ(reports(1), Reports{std::nullopt});
}

TEST_F(P3Delivery, AProbeIsAnsweredAsItsMessageWouldBe) {  // X.411 8.2.1.2
  using Diagnostic = mts::NonDeliveryDiagnosticCode;
  mts::RegisterArgument88 registered;
  registered.deliverable_maximum_content_length = 1000;
  node.mailboxes.register_user(kBob, registered);
  start();
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob, 1000), "test")));
  EXPECT_EQ(reports(1).back(), std::nullopt);
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob, 1001), "test")));
  EXPECT_EQ(reports(2).back(), Diagnostic::ContentTooLong);
  registered = {};
  registered.deliverable_content_types = mts::ContentTypes{{mts::BuiltInContentType::InterpersonalMessaging1984}};
  node.mailboxes.register_user(kBob, registered);
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob), "test")));
  EXPECT_EQ(reports(3).back(), Diagnostic::ContentTypeNotSupported);
  node.mailboxes.register_user(kBob, {});
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob, static_cast<std::int64_t>(kDeliveryOctets) + 1), "test")));
  EXPECT_EQ(reports(4).back(), Diagnostic::ContentTooLong);
}

TEST_F(P3Delivery, WhatNoAssociationMayHoldIsReported) {
  node.budget = std::make_shared<ContentBudget>(8ULL * 1024 * 1024);  // three eighths of it are one APDU's
  start();
  constexpr std::int64_t kFits = (3 * 1024 - 64) * 1024;
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob, kFits), "test")));
  EXPECT_EQ(reports(1).back(), std::nullopt);
  ASSERT_TRUE(run(node.node->submit_probe(probe_to(kBob, kFits + 1), "test")));
  EXPECT_EQ(reports(2).back(), mts::NonDeliveryDiagnosticCode::ContentTooLong);
}

TEST_F(P3Delivery, WhatWaitsTooLongIsReported) {
  start();
  auto envelope = envelope_to(kBob);
  envelope.extensions = expiring();
  send(envelope);
  EXPECT_EQ(reports(1), Reports{mts::NonDeliveryDiagnosticCode::MaximumTimeExpired});
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  mts::DeliveryControlArgument controls;
  static_cast<mts::Controls&>(controls) = mts::nothing_permitted();
  control(*client, controls);
  envelope.extensions = expiring();
  send(envelope);
  EXPECT_FALSE(run(receive(*client, taken, 1, in_ms(4000))));  // held back, and expired meanwhile
  EXPECT_EQ(reports(2).size(), 2U);
  EXPECT_TRUE(is_emptied());
}

TEST_F(P3Delivery, WhatWaitsForSomebodyWhoIsRemovedIsReported) {
  start();
  mts::MessageSubmissionEnvelope later = envelope_to(kBob);
  later.deferred_delivery_time = mts::Time::at(unix_seconds(node.clock.now()) + 2);
  send(later);
  node.mailboxes.remove_p3_user(kBob);
  EXPECT_EQ(reports(1), Reports{mts::NonDeliveryDiagnosticCode::UnrecognisedORName});
}

TEST_F(P3Delivery, WhatWaitsForSomebodyWhoIsRemovedIsNotHisSuccessors) {
  start();
  mts::MessageSubmissionEnvelope later = envelope_to(kBob);
  later.deferred_delivery_time = mts::Time::at(unix_seconds(node.clock.now()) + 2);
  send(later);
  node.mailboxes.remove_p3_user(kBob);
  node.mailboxes.add_p3_user(kBob);
  EXPECT_EQ(reports(1), Reports{mts::NonDeliveryDiagnosticCode::UnrecognisedORName});
  Taken taken;
  auto client = receiver(taken);
  EXPECT_TRUE(client && is_quiet(*client, taken));
  EXPECT_TRUE(is_emptied());
}

TEST_F(P3Delivery, ErrorsThatSayNeverEndInAReport) {  // X.411 8.3.2
  start();
  send();
  auto client = bound();
  ASSERT_TRUE(client);
  client->client().operations().add(osi::oid::as_mdse(), 5, [](const asn1::Any&) -> io::Task<RoseReply> {
    co_return fault_named(mts::Port::Delivery, "unsupported-critical-function");
  });
  Status idle;
  while (idle) idle = run(client->attend(in_ms(500)));
  EXPECT_EQ(reports(1), Reports{mts::NonDeliveryDiagnosticCode::UnsupportedCriticalFunction});
  close(std::move(client));
}

TEST_F(P3Delivery, ReportsGoTheSameWay) {
  start();
  const auto id = send(envelope_to(kNobody, kBob));
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client && receive(*client, taken, 1));
  ASSERT_EQ(taken.reports.size(), 1U);
  const auto& report = taken.reports.front();
  EXPECT_EQ(report.subject_submission_identifier, id);
  const auto& type = report.per_recipient_fields.front().report_type;
  EXPECT_EQ(std::get<mts::NonDeliveryReport>(type.value).non_delivery_diagnostic_code, mts::NonDeliveryDiagnosticCode::UnrecognisedORName);
  EXPECT_TRUE(is_quiet(*client, taken));  // no report about a report
  close(std::move(client));
}

// ---- submission-control: X.411 8.2.1.4
TEST_F(P3Delivery, AFullQueueAsksItsUsersToWait) {
  node.most_queued = 1;
  start();
  auto alice = bound(kAlice);
  ASSERT_TRUE(alice);
  send();  // waits for Bob, and the queue is full
  Status idle;
  while (idle) idle = run(alice->attend(in_ms(500)));  // hears of it
  const auto held = run(alice->submit({envelope_to(kBob), asn1::OctetString("content")}, in_ms(300)));
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, ErrorCode::Unavailable) << held.error().text();
  const auto rude = bound(kAlice);  // one that does not heed it is refused
  ASSERT_TRUE(rude);
  SubmissionClient port(rude->client());
  EXPECT_TRUE(
      run(port.submit({envelope_to(kBob), asn1::OctetString("content")}, soon())).error().what.starts_with("submission-control-violated"));
  Taken taken;
  auto bob = receiver(taken);
  ASSERT_TRUE(bob && receive(*bob, taken, 1));
  const auto submitted = run(alice->submit({envelope_to(kAlice), asn1::OctetString("content")}, soon()));
  EXPECT_TRUE(submitted) << submitted.error().text();
}

}  // namespace
}  // namespace postern::mhs
