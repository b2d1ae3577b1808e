// P3 over loopback: a user binds to his MTA, submits, and the message arrives; what is wrong is said in words.
#include <gtest/gtest.h>

#include "mhs/acceptance.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/testing/mutations.hpp"
#include "mhs/testing/users.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using io::testing::soon;
using testing::domain;
using testing::name_of;
using testing::UserNode;

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
constexpr const char* kBob = "C=DE;A= ;P=NORTH;O=Works;S=Bob";

mts::MessageSubmissionArgument message_to(std::vector<const char*> recipients, std::size_t size = 100) {
  mts::MessageSubmissionArgument out;
  out.envelope.originator_name = name_of(kAlice);
  out.envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  for (const char* recipient : recipients) {
    mts::PerRecipientMessageSubmissionFields one;
    one.recipient_name = name_of(recipient);
    one.originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
    out.envelope.per_recipient_fields.push_back(std::move(one));
  }
  out.content = asn1::OctetString(Bytes(size, 'x'));
  return out;
}

struct P3 : ::testing::Test {
  P3() : node({"north", domain("DE", " ", "NORTH")}) {
    node.mailboxes.add(kAlice);
    node.mailboxes.add(kBob);
    node.users.add(kAlice, "secret of alice");
    node.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
    node.serve_users();
  }
  ~P3() override { node.end(); }

  UserCall call(const char* user, const char* password, bool reliable = false) const {
    UserCall out;
    out.address = {{}, {}, {}, "127.0.0.1", node.port};
    out.user = name_of(user);
    out.password = SecretBytes::from_text(password);
    out.reliable = reliable;
    out.tls.required = false;
    return out;
  }
  Called<std::unique_ptr<P3Client>> open(UserCall with, CallWitness witness = {}) {
    return node.loops->run(P3Client::open(std::move(with), node.resolver, soon(), std::move(witness)));
  }
  std::unique_ptr<P3Client> opened(bool reliable = false) {
    auto client = open(call(kAlice, "secret of alice", reliable));
    EXPECT_TRUE(client) << (client ? "" : client.error().text);
    return client ? *std::move(client) : nullptr;
  }
  template <class T>
  T run(io::Task<T> task) {
    return node.loops->run(std::move(task));
  }
  void close(std::unique_ptr<P3Client> client) {
    node.loops->run([](P3Client& one) -> io::Task<bool> {
      co_await one.close(soon());
      co_return true;
    }(*client));
  }
  UserNode node;
};

TEST_F(P3, ASubmittedMessageIsDelivered) {
  for (const bool reliable : {false, true}) {
    auto client = opened(reliable);
    ASSERT_TRUE(client);
    EXPECT_EQ(client->responder(), "north");
    const std::size_t before = node.mailboxes.wait(kBob, 0).size();
    const auto submitted = run(client->submit(message_to({kBob}, 30'000), soon()));
    ASSERT_TRUE(submitted) << submitted.error().text();
    const auto received = node.mailboxes.wait(kBob, before + 1);
    ASSERT_EQ(received.size(), before + 1);
    const auto& message = std::get<mts::Message>(received.back().apdu.value);
    EXPECT_EQ(message.envelope.message_identifier, submitted->message_submission_identifier);
    EXPECT_EQ(message.content.octets, Bytes(30'000, 'x'));
    close(std::move(client));
  }
  EXPECT_EQ(node.stats.associations, 2U);
}

TEST(MtsIdentifier, IsWrittenAndReadInOneForm) {
  mts::MTSIdentifier identifier{domain("DE", " ", "NORTH"), asn1::Ia5String("mta-1126054200] -1f")};
  EXPECT_EQ(text_of(identifier), "[C=DE;A= ;P=NORTH] mta-1126054200] -1f");
  EXPECT_EQ(parse_mts_identifier(text_of(identifier)).value(), identifier);
  identifier.global_domain_identifier.private_domain_identifier.reset();
  EXPECT_EQ(parse_mts_identifier(text_of(identifier)).value(), identifier);
  for (const char* wrong : {"", "mta-1", "[C=DE;A= ] ", "[C=DE] mta-1", "[C=DE;A= ;O=Works] mta-1", "C=DE;A= ] mta-1"})
    EXPECT_FALSE(parse_mts_identifier(wrong)) << wrong;
}

TEST_F(P3, SeveralOperationsOverOneAssociation) {
  auto client = opened();
  ASSERT_TRUE(client);
  for (std::size_t i = 0; i < 20; ++i) ASSERT_TRUE(run(client->submit(message_to({kBob}, i), soon())));
  mts::ProbeSubmissionArgument probe;
  static_cast<mts::PerProbeSubmissionFields&>(probe).originator_name = name_of(kAlice);
  probe.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  probe.per_recipient_fields = message_to({kBob}).envelope.per_recipient_fields;
  const auto probed = run(client->probe(probe, soon()));
  EXPECT_TRUE(probed) << probed.error().text();
  EXPECT_EQ(node.mailboxes.wait(kBob, 20).size(), 20U);
  close(std::move(client));
}

TEST_F(P3, EveryStepOfABindIsSaid) {
  std::string steps;
  ASSERT_TRUE(open(call(kAlice, "secret of alice"), [&](const CallStep& step) { (steps += step.name) += step.good ? " ok;" : " no;"; }));
  EXPECT_EQ(steps, "tcp ok;transport ok;session ok;presentation ok;association ok;bind ok;");
}

TEST_F(P3, WrongCredentialsAreRefusedAlike) {
  for (const auto& [user, password] : {std::pair(kAlice, "wrong"), std::pair(kBob, "secret of alice"), std::pair(kAlice, "")}) {
    for (const bool reliable : {false, true}) {
      std::string steps;
      const auto client =
          open(call(user, password, reliable), [&](const CallStep& step) { (steps += step.name) += step.good ? " ok;" : " no;"; });
      ASSERT_FALSE(client);
      EXPECT_TRUE(client.error().refused);
      EXPECT_EQ(client.error().text, "bind: " + mts::words_of(mts::BindError::AuthenticationError));
      EXPECT_EQ(client.error().text.find("secret"), std::string::npos);
      EXPECT_TRUE(steps.ends_with("association ok;bind no;")) << steps;
    }
  }
  EXPECT_EQ(node.stats.binds_refused, 6U);
  EXPECT_EQ(node.stats.associations, 0U);
}

TEST_F(P3, APasswordDoesNotComeInClear) {
  node.gate->gate.tls_required = true;
  const auto client = open(call(kAlice, "secret of alice"));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().text, "bind: " + mts::words_of(mts::BindError::InadequateAssociationConfidentiality));
}

TEST_F(P3, WhatIsWrongWithASubmission) {
  auto client = opened();
  ASSERT_TRUE(client);
  auto as_bob = message_to({kBob});
  as_bob.envelope.originator_name = name_of(kBob);
  EXPECT_TRUE(run(client->submit(as_bob, soon())).error().what.starts_with("originator-invalid"));
  auto nobody = message_to({});
  EXPECT_FALSE(run(client->submit(nobody, soon())));
  auto half = message_to({kBob});
  half.envelope.per_recipient_fields.front().recipient_name.built_in_standard_attributes.country_name.reset();
  const auto improper = run(client->submit(half, soon()));
  ASSERT_FALSE(improper);
  EXPECT_TRUE(improper.error().what.starts_with("recipient-improperly-specified")) << improper.error().what;
  EXPECT_EQ(improper.error().code, ErrorCode::Denied);
  auto critical = message_to({kBob});
  mts::ExtensionField unknown;
  unknown.type.value = static_cast<mts::StandardExtension>(99);
  unknown.criticality.set(mts::CriticalityBit::ForSubmission);
  unknown.value = null_value();
  critical.envelope.extensions.push_back(unknown);
  const auto refused = run(client->submit(critical, soon()));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what.starts_with("unsupported-critical-function")) << refused.error().what;
  EXPECT_TRUE(run(client->submit(message_to({kBob}), soon())));  // and the association goes on
  close(std::move(client));
}

TEST_F(P3, ADeferredMessageIsCancelledOnce) {
  auto client = opened();
  ASSERT_TRUE(client);
  auto later = message_to({kBob});
  later.envelope.deferred_delivery_time = mts::Time::at(unix_seconds(node.clock.now()) + 3600);
  const auto submitted = run(client->submit(later, soon()));
  ASSERT_TRUE(submitted) << submitted.error().text();
  const Status cancelled = run(client->cancel(submitted->message_submission_identifier, soon()));
  EXPECT_TRUE(cancelled) << cancelled.error().text();
  EXPECT_TRUE(
      run(client->cancel(submitted->message_submission_identifier, soon())).error().what.starts_with("message-submission-identifier"));
  EXPECT_EQ(node.spool->stats().queued, 0U);
  const auto at_once = run(client->submit(message_to({kBob}), soon()));
  ASSERT_TRUE(at_once);
  EXPECT_FALSE(run(client->cancel(at_once->message_submission_identifier, soon())));
  EXPECT_EQ(node.mailboxes.wait(kBob, 1).size(), 1U);
  close(std::move(client));
}

TEST_F(P3, SomebodyElsesMessageIsUnknown) {
  node.users.add(kBob, "secret of bob");
  auto alice = opened();
  auto bob = open(call(kBob, "secret of bob"));
  ASSERT_TRUE(alice && bob);
  auto later = message_to({kBob});
  later.envelope.deferred_delivery_time = mts::Time::at(unix_seconds(node.clock.now()) + 3600);
  const auto submitted = run(alice->submit(later, soon()));
  ASSERT_TRUE(submitted);
  const Status stolen = run((*bob)->cancel(submitted->message_submission_identifier, soon()));
  EXPECT_TRUE(stolen.error().what.starts_with("message-submission-identifier")) << stolen.error().what;
  EXPECT_TRUE(run(alice->cancel(submitted->message_submission_identifier, soon())));
}

TEST_F(P3, CredentialsAndRegistrations) {
  auto client = opened();
  ASSERT_TRUE(client);
  const auto change = [&](const char* before, const char* after) {
    return run(client->change_password(SecretBytes::from_text(before), SecretBytes::from_text(after), soon()));
  };
  EXPECT_TRUE(change("wrong", "long enough").error().what.starts_with("old-credentials"));
  EXPECT_TRUE(change("secret of alice", "abc").error().what.starts_with("new-credentials"));
  EXPECT_TRUE(change("secret of alice", "long enough"));
  EXPECT_TRUE(open(call(kAlice, "long enough")));
  EXPECT_FALSE(open(call(kAlice, "secret of alice")));

  mts::RegisterArgument88 wish;
  wish.deliverable_maximum_content_length = 1000;
  EXPECT_TRUE(run(client->register_user(wish, soon())));
  mts::RegisterArgument88 more;
  more.deliverable_content_types.emplace(1).front().value = mts::BuiltInContentType::InterpersonalMessaging1988;
  EXPECT_TRUE(run(client->register_user(more, soon())));
  EXPECT_EQ(node.users.registration(name_of(kAlice))->deliverable_maximum_content_length, 1000);
  EXPECT_TRUE(node.users.registration(name_of(kAlice))->deliverable_content_types);
  mts::RegisterArgument88 name;
  name.user_name = name_of(kBob);
  EXPECT_TRUE(run(client->register_user(name, soon())).error().what.starts_with("register-rejected"));
  close(std::move(client));
}

TEST_F(P3, UnknownOperationsAndWrongArgumentsAreRejected) {
  auto client = opened();
  ASSERT_TRUE(client);
  RoseCaller& rose = client->client().rose();
  const auto problem = [&](asn1::Oid syntax, std::int64_t operation, asn1::Any argument) {
    const auto answer = run(rose.call(std::move(syntax), operation, std::move(argument), soon()));
    const auto* rejected = answer ? std::get_if<osi::RoseProblem>(&*answer) : nullptr;
    return rejected == nullptr ? std::string("none") : osi::describe(*rejected);
  };
  EXPECT_EQ(problem(osi::oid::as_msse(), 99, null_value()), osi::describe({osi::InvokeProblem::UnrecognizedOperation}));
  EXPECT_EQ(problem(osi::oid::as_msse(), 3, null_value()), osi::describe({osi::InvokeProblem::MistypedArgument}));
  EXPECT_EQ(problem(osi::oid::as_mdse(), 3, null_value()), osi::describe({osi::InvokeProblem::UnrecognizedOperation}));
  const auto control = run(rose.call(osi::oid::as_mdse(), 2, asn1::to_any(mts::DeliveryControlArgument()).value(), soon()));
  EXPECT_EQ(std::get<RoseFault>(*control).code, 16);
  EXPECT_TRUE(run(client->submit(message_to({kBob}), soon())));
  close(std::move(client));
}

TEST_F(P3, ABindThatIsNone) {
  UserClient::Bind bind{osi::mts_access(), null_value(), [](const asn1::Any& error) {
                          return std::to_string(static_cast<int>(asn1::from_any<mts::BindError>(error).value()));
                        }};
  const auto client = run(UserClient::open(call(kAlice, ""), std::move(bind), node.resolver, soon(), {}));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().text, "bind: 2");
}

TEST_F(P3, AServerThatStopsEndsTheAssociation) {
  auto client = opened();
  ASSERT_TRUE(client);
  node.listener->stop_accepting();
  run([](io::Listener& listener) -> io::Task<bool> {
    co_await listener.drain(soon());
    co_return true;
  }(*node.listener));
  const auto after = run(client->submit(message_to({kBob}), soon()));
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, ErrorCode::Unavailable);
}

TEST_F(P3, NobodyThere) {
  UserCall nowhere = call(kAlice, "x");
  node.stop();
  io::testing::RunningLoops loops(1);
  io::FixtureResolver resolver{dns::Fixture()};
  const auto client = loops.run(P3Client::open(std::move(nowhere), resolver, soon(), {}));
  ASSERT_FALSE(client);
  EXPECT_TRUE(client.error().text.starts_with("tcp: ")) << client.error().text;
  EXPECT_FALSE(client.error().refused);
}

TEST_F(P3, MutatedOctetsInEveryStateEndTheConnectionOnly) {
  for (const bool reliable : {false, true}) {
    io::testing::BadRoad road;
    road.target = node.port;
    UserCall with = call(kAlice, "secret of alice", reliable);
    with.address.port = road.port();
    auto client = open(std::move(with));
    ASSERT_TRUE(client) << client.error().text;
    ASSERT_TRUE(run((*client)->submit(message_to({kBob}), soon())));
    close(*std::move(client));
    testing::send_mutated(node.port, road.passed(io::testing::BadRoad::ToServer), 0, 300, reliable ? 2 : 1);
  }
  auto client = opened();
  ASSERT_TRUE(client) << "it serves on";
  EXPECT_TRUE(run(client->submit(message_to({kBob}), soon())));
}

TEST_F(P3, TenThousandExtensionsAreNoTrouble) {
  auto client = opened();
  ASSERT_TRUE(client);
  mts::MessageSubmissionArgument message = message_to({kBob});
  for (std::uint32_t i = 0; i < 10'000; ++i) message.envelope.extensions.push_back({{asn1::Oid{1, 2, 3, i}}, {}, {Bytes{5, 0}}});
  const auto refused = run(client->submit(message, soon()));
  if (!refused) client = opened();  // an argument beyond the bounds is no reason to keep the association
  ASSERT_TRUE(client);
  EXPECT_TRUE(run(client->submit(message_to({kBob}), soon())));
}

TEST_F(P3, GuessedPasswordsLockTheNameAndNobodyElse) {
  PasswordGuesses guesses(node.clock);
  node.gate->gate.guesses = &guesses;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(open(call(kAlice, "wrong")));
  const auto locked = open(call(kAlice, "secret of alice"));
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().text, "bind: " + mts::words_of(mts::BindError::AuthenticationError)) << "as for a wrong password";
  node.users.add(kBob, "secret of bob");
  EXPECT_TRUE(open(call(kBob, "secret of bob")));
}

}  // namespace
}  // namespace postern::mhs
