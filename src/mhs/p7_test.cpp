// P7 over loopback: a mailbox is listed, fetched from, emptied and watched, and its user submits through it.
#include "mhs/testing/p7.hpp"
#include "mhs/testing/mutations.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using namespace testing;
using io::testing::soon;
using P7 = P7Node;

TEST_F(P7, AMailboxIsListedFetchedAndEmptied) {
  for (const bool reliable : {false, true}) {
    const ms::SequenceNumber number = stores.deliver("one", Bytes(200'000, 'a'));
    auto client = opened(reliable);
    ASSERT_TRUE(client);
    const auto summary = run(client->summarize({}, soon()));
    ASSERT_TRUE(summary) << summary.error().text();
    EXPECT_EQ(summary->count, 1);
    ms::DeleteArgument all;
    all.items.value = std::vector<ms::SequenceNumber>{number};
    const Status too_soon = run(client->remove(all, soon()));
    ASSERT_FALSE(too_soon);
    EXPECT_TRUE(too_soon.error().what.starts_with("delete-error")) << too_soon.error().what;
    const auto listed = run(client->list({}, soon()));
    ASSERT_TRUE(listed) << listed.error().text();
    ASSERT_TRUE(listed->requested);
    EXPECT_EQ(listed->requested->size(), 1U);
    const auto fetched = fetch(*client, number);
    ASSERT_TRUE(fetched) << fetched.error().text();
    ASSERT_TRUE(fetched->entry_information && fetched->entry_information->attributes);
    const auto content = asn1::from_any<mts::Content>(fetched->entry_information->attributes->front().attribute_values.front());
    EXPECT_EQ(content->octets, Bytes(200'000, 'a'));
    const Status removed = run(client->remove(all, soon()));
    EXPECT_TRUE(removed) << removed.error().text();
    const auto gone = fetch(*client, number);
    ASSERT_FALSE(gone);
    EXPECT_TRUE(gone.error().what.starts_with("sequence-number-error")) << gone.error().what;
    EXPECT_EQ(gone.error().code, ErrorCode::Denied);
  }
}

TEST_F(P7, SubmissionGoesThroughTheStore) {
  auto client = opened();
  ASSERT_TRUE(client);
  mts::MessageSubmissionArgument message;
  message.envelope.originator_name = name_of(kAlice);
  message.envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  message.envelope.per_recipient_fields.emplace_back().recipient_name = name_of(kBob);
  message.envelope.per_recipient_fields.back().originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
  message.content = asn1::OctetString("content");
  const auto submitted = run(client->submit(message, soon()));
  ASSERT_TRUE(submitted) << submitted.error().text();
  EXPECT_EQ(node.mailboxes.wait(kBob, 1).size(), 1U);
  message.envelope.originator_name = name_of(kBob);
  EXPECT_TRUE(run(client->submit(message, soon())).error().what.starts_with("originator-invalid"));
}

TEST_F(P7, AnAlertComesWhileTheUserWaits) {
  auto client = opened();
  ASSERT_TRUE(client);
  EXPECT_EQ(run(client->wait_for_alert(io::testing::in_ms(20))).error().code, ErrorCode::Timeout);
  ms::AutoActionRegistration wish;
  wish.auto_action_type = ms::id_act_auto_alert();
  ms::AutoAlertRegistrationParameter parameter;
  parameter.requested_attributes = ms::EntryInformationSelection{{ms::att::content_length, std::nullopt, std::nullopt}};
  wish.registration_parameter = asn1::to_any(parameter).value();
  ms::RegisterMSArgument argument;
  argument.auto_action_registrations = std::vector{wish};
  const Status registered = run(client->register_ms(argument, soon()));
  ASSERT_TRUE(registered) << registered.error().text();
  const ms::SequenceNumber number = stores.deliver("news", Bytes(77, 'n'));
  const auto alert = run(client->wait_for_alert(soon()));
  ASSERT_TRUE(alert) << alert.error().text();
  ASSERT_TRUE(alert->new_entry);
  EXPECT_EQ(alert->new_entry->sequence_number, number);
}

TEST_F(P7, WhoMayNotBind) {
  const auto wrong = open(call(kAlice, "wrong"));
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().refused);
  EXPECT_TRUE(wrong.error().text.starts_with("bind: ")) << wrong.error().text;
  const auto stranger = open(call("C=DE;A= ;P=NORTH;O=Works;S=Nobody", "secret of alice", true));
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().text, wrong.error().text);
  const auto without = open(call(kBob, "secret of bob"));
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().text, wrong.error().text);
  parts->gate.tls_required = true;
  EXPECT_FALSE(open(call(kAlice, "secret of alice")));
  EXPECT_EQ(stats.binds_refused, 4U);
  EXPECT_EQ(stats.associations, 0U);
}

TEST_F(P7, WrongArgumentsAndOperations) {
  auto client = opened();
  ASSERT_TRUE(client);
  const auto problem = [&](std::int64_t operation, asn1::Any argument) {
    const auto answer = run(client->client().rose().call(osi::oid::as_mrse(), operation, std::move(argument), soon()));
    const auto* rejected = answer ? std::get_if<osi::RoseProblem>(&*answer) : nullptr;
    return rejected == nullptr ? std::string("none") : osi::describe(*rejected);
  };
  EXPECT_EQ(problem(20, null_value()), osi::describe({osi::InvokeProblem::MistypedArgument}));
  EXPECT_EQ(problem(25, null_value()), osi::describe({osi::InvokeProblem::UnrecognizedOperation}));
  EXPECT_EQ(problem(99, null_value()), osi::describe({osi::InvokeProblem::UnrecognizedOperation}));
  EXPECT_TRUE(run(client->list({}, soon())));
}

TEST_F(P7, MutatedOctetsInEveryStateEndTheConnectionOnly) {
  for (const bool reliable : {false, true}) {
    io::testing::BadRoad road;
    road.target = node.port;
    const ms::SequenceNumber number = stores.deliver("one", Bytes(2000, 'a'));
    UserCall with = call(kAlice, "secret of alice", reliable);
    with.address.port = road.port();
    auto client = open(std::move(with));
    ASSERT_TRUE(client) << client.error().text;
    ASSERT_TRUE(run((*client)->summarize({}, soon())));
    ASSERT_TRUE(run((*client)->list({}, soon())));
    ASSERT_TRUE(fetch(**client, number));
    client->reset();
    testing::send_mutated(node.port, road.passed(io::testing::BadRoad::ToServer), 0, 300, reliable ? 4 : 3);
  }
  auto client = opened();
  ASSERT_TRUE(client) << "it serves on";
  EXPECT_TRUE(run(client->list({}, soon())));
}

TEST_F(P7, GuessedPasswordsLockTheName) {
  PasswordGuesses guesses(node.clock);
  parts->gate.guesses = &guesses;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(open(call(kAlice, "wrong")));
  EXPECT_FALSE(open(call(kAlice, "secret of alice")));
  EXPECT_TRUE(guesses.begin(oraddress::comparison_key(name_of(kBob)), Road()));
}

}  // namespace
}  // namespace postern::mhs
