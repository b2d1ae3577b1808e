// Delivery out of the queue into mailboxes: once, with what the rules of X.411 and X.413 make of it.
#include "mhs/store_mailboxes.hpp"

#include <gtest/gtest.h>

#include <future>

#include "crypto/random.hpp"
#include "mhs/acceptance.hpp"
#include "ms/oids.hpp"
#include "ms/testing/samples.hpp"
#include "mts/rules_report.hpp"
#include "mts/testing/samples.hpp"
#include "store/test_support.hpp"

namespace postern::mhs {
namespace {

using ms::testing::kNow;

std::unique_ptr<Store> open_store(const std::filesystem::path& directory) {
  StoreOptions options;
  options.data_dir = directory;
  return Store::open(std::move(options)).value();
}

class StoreMailboxesTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;
  SystemClock clock;
  NonceRandom random;
  test::DiskKeeper keeper{directory.path(), clock};
  std::unique_ptr<Store> store = open_store(directory.path());
  std::unique_ptr<Spool> spool = Spool::open({}, *store, *keeper, clock).value();
  MsUsers users{*store, *keeper, random};
  StoreMailboxes mailboxes{*store, *keeper, users, random};
  mts::ORName doe = mts::testing::name_of("Doe");
  MsUser user = mailboxes.add(doe, "secret").value();

  void accept(mts::MTSApdu apdu, std::string content) {
    Incoming incoming;
    incoming.id = make_message_id(clock.now(), random);
    incoming.apdu = std::move(apdu);
    incoming.content = std::move(content);
    Fate fate;
    fate.route = kStoreRoute;
    auto submission = submission_of(std::move(incoming), std::span(&fate, 1), {}, clock.now());
    ASSERT_TRUE(submission) << submission.error().text();
    ASSERT_TRUE(spool->enqueue_and_wait(*std::move(submission)));
    for (int i = 0; i < 4; ++i) {  // the writer tells who enqueued before it tells the index of due work
      spool->wake();
      ASSERT_TRUE(store->writer().transact([](Database&) { return Status(); }));
    }
  }
  void accept_message(std::string content) { accept({mts::Message{mts::testing::envelope(), {}}}, std::move(content)); }

  Outgoing due() {
    const auto work = spool->take(std::string(kStoreRoute), 1);
    m_work = work.at(0);
    return Outgoing::load(*spool, m_work).value();
  }
  Result<Mailboxes::Answer> deliver(Outgoing& item) { return mailboxes.deliver(item, item.due().at(0), mts::Time::at(kNow)); }
  /// As the courier does: the step in the transaction that ends the item's way.
  void finish(Mailboxes::Answer answer) {
    DeliveryReport report;
    report.item = m_work.item;
    report.message = spool->load(m_work.item)->message;
    report.results.push_back({m_work.recipients.at(0), Outcome::Delivered, "delivered", {}});
    report.steps.push_back(std::get<CommitStep>(std::move(answer)));
    std::promise<Status> written;
    spool->report(std::move(report), [&](const Status& status) { written.set_value(status); });
    ASSERT_TRUE(written.get_future().get());
  }
  void deliver_all() {
    Outgoing item = due();
    auto answer = deliver(item);
    ASSERT_TRUE(answer) << answer.error().text();
    finish(*std::move(answer));
  }
  ms::ListResult list() {
    const auto mailbox = mailboxes.open(user).value();
    ms::StoreSession session(*mailbox, {});
    return session.list({}).value();
  }
  Bytes content(ms::SequenceNumber number) { return mailboxes.open(user).value()->content(number).value(); }

 private:
  Work m_work;
};

TEST_F(StoreMailboxesTest, AMessageIsInTheMailboxOnceItsWayHasEnded) {
  const Bytes sent = ms::testing::content_of({.subject = "Hello"});
  accept_message(std::string(as_text(sent)));
  {
    Outgoing item = due();
    auto answer = deliver(item);
    ASSERT_TRUE(answer);
    EXPECT_FALSE(list().requested) << "not before the commit";
    finish(*std::move(answer));
  }
  ASSERT_EQ(list().requested->size(), 1U);
  EXPECT_EQ(content(1), sent);
  EXPECT_TRUE(spool->take(std::string(kStoreRoute), 1).empty());
  EXPECT_EQ(content(1), sent) << "the queue has let the content go, the mailbox has not";
}

TEST_F(StoreMailboxesTest, EnvelopeOfTheDelivery) {
  accept_message(std::string(as_text(ms::testing::content_of({}))));
  deliver_all();
  const auto mailbox = mailboxes.open(user).value();
  const Bytes details = mailbox->details(1).value();
  const auto values = ms::PackedView(details).values(ms::att::message_delivery_envelope);
  const auto envelope = asn1::from_any<mts::MessageDeliveryEnvelope>(values.at(0)).value();
  EXPECT_EQ(envelope.other_fields.this_recipient_name, doe);
  EXPECT_EQ(envelope.message_delivery_time, mts::Time::at(kNow));
  EXPECT_EQ(mailbox->find(1).value()->created, kNow);
}

TEST_F(StoreMailboxesTest, AReportWithWhatItReturns) {
  auto subject = mts::testing::envelope();
  subject.originator_name = doe;
  subject.per_message_indicators = {mts::PerMessageIndicator::ContentReturnRequest};
  subject.per_recipient_fields[0].per_recipient_indicators.set(mts::PerRecipientIndicator::OriginatorNonDeliveryReport);
  const auto outcome = mts::not_delivered(0, {mts::NonDeliveryReasonCode::UnableToTransfer, {}});
  mts::Reporting reporting;
  reporting.identifier = {mts::testing::domain_of("ACME"), "report-1"};
  reporting.now = reporting.arrival_time = mts::Time::at(kNow);
  reporting.here = mts::testing::here_of("ACME", "mta-a");
  const mts::Content returned(ms::testing::content_of({}));
  const auto report = mts::make_report(subject, std::span(&outcome, 1), reporting, &returned);
  ASSERT_TRUE(report);
  accept({*report}, {});
  deliver_all();
  const auto mailbox = mailboxes.open(user).value();
  EXPECT_EQ(mailbox->find(1).value()->type, ms::EntryType::DeliveredReport);
  EXPECT_EQ(mailbox->find(2).value()->type, ms::EntryType::ReturnedContent);
  EXPECT_EQ(content(2), returned.octets);
}

TEST_F(StoreMailboxesTest, NobodyThere) {
  accept_message("content");
  ASSERT_TRUE(mailboxes.remove(doe));
  EXPECT_FALSE(mailboxes.route_to(doe));
  Outgoing item = due();
  const auto answer = deliver(item);
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<mts::NonDeliveryReport>(*answer).non_delivery_diagnostic_code, mts::NonDeliveryDiagnosticCode::UnrecognisedORName);
}

TEST_F(StoreMailboxesTest, OfALargeMessageTheHeadingIsRead) {
  StoreMailboxes small(*store, *keeper, users, random, 100);
  const Bytes sent = ms::testing::content_of({.subject = "large", .text = std::string(400'000, 'x')});
  accept_message(std::string(as_text(sent)));
  Outgoing item = due();
  finish(small.deliver(item, item.due().at(0), mts::Time::at(kNow)).value());
  const auto row = mailboxes.open(user).value()->find(1).value();
  EXPECT_TRUE(ms::PackedView(row->attributes).has(ms::id_hat(4)));
  EXPECT_FALSE(ms::PackedView(row->attributes).has(ms::att::body_parts_summary));
  EXPECT_EQ(content(1), sent);
}

TEST_F(StoreMailboxesTest, AutoForwardIsWrittenWithTheDelivery) {
  ms::AutoForwardRegistrationParameter88 parameter;
  parameter.auto_forward_arguments.originator_name = doe;
  parameter.auto_forward_arguments.per_recipient_fields.emplace_back().recipient_name = mts::testing::name_of("Roe");
  parameter.forwarding_information.octets = asn1::encode(ms::ForwardingInformation{}).value();
  ms::RegisteredInformation registered;
  registered.auto_action_registrations = {{ms::id_act_ipm_auto_forward(), 1, asn1::to_any(parameter).value()}};
  ASSERT_TRUE(mailboxes.open(user).value()->keep(registered));
  accept_message(std::string(as_text(ms::testing::content_of({.subject = "pass it on"}))));
  deliver_all();
  const auto pending = mailboxes.pending().value();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].argument.envelope.per_recipient_fields.at(0).recipient_name, mts::testing::name_of("Roe"));
  const auto message = asn1::decode<ipm::InformationObject>(pending[0].argument.content.octets).value();
  EXPECT_TRUE(message.ipm()->heading.auto_forwarded);
  ASSERT_TRUE(store->writer().transact([&](Database& database) { return StoreMailboxes::taken(pending[0].n)(database, ItemId(0)); }));
  EXPECT_TRUE(mailboxes.pending()->empty());
}

TEST_F(StoreMailboxesTest, CredentialsOfABind) {
  const auto with = [](std::string_view password) {
    mts::Credentials out;
    out.value = mts::Password{asn1::Ia5String(password)};
    return out;
  };
  EXPECT_TRUE(mailboxes.check(doe, with("secret")));
  EXPECT_TRUE(mailboxes.check(mts::testing::name_of("DOE"), with("secret"))) << "the same address";
  EXPECT_EQ(mailboxes.check(doe, with("wrong")).error().code, ErrorCode::Denied);
  EXPECT_EQ(mailboxes.check(mts::testing::name_of("Roe"), with("secret")).error().code, ErrorCode::Denied);
  mts::Credentials strong;
  strong.value.emplace<mts::StrongCredentials>();
  EXPECT_EQ(mailboxes.check(doe, strong).error().code, ErrorCode::Denied);
  const auto change = mailboxes.change_password(user);
  const auto password = [](std::string_view text) { return mts::Password{asn1::Ia5String(text)}; };
  EXPECT_EQ(change(password("wrong"), password("x")).value(), ms::PasswordVerdict::OldIsWrong);
  EXPECT_EQ(change(password("secret"), password("")).value(), ms::PasswordVerdict::NewIsUnacceptable);
  EXPECT_EQ(change(password("secret"), password("newer")).value(), ms::PasswordVerdict::Changed);
  EXPECT_TRUE(mailboxes.check(doe, with("newer")));
}

}  // namespace
}  // namespace postern::mhs
