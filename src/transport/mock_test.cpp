#include "transport/mock.hpp"

#include <gtest/gtest.h>
#include <postern/x400_sdk.h>

#include "asn1/ber.hpp"
#include "ipm/notification.hpp"
#include "mts/types.hpp"
#include "transport/service.hpp"

namespace postern::transport {
namespace {

using namespace std::chrono_literals;
constexpr const char* kBob = "C=XX;A=MOCK;P=POSTERN;S=Bob";
constexpr const char* kElsewhere = "C=DE;A= ;P=ACME;S=Doe";

class MockTest : public ::testing::Test {
 protected:
  sdk::Association bind(const std::string& user = kMockUser) {
    const auto bound = m_mock->bind({.role = sdk::Role::P7User, .peer = "mock", .name = user, .domain = {}, .password = {}}, {});
    EXPECT_TRUE(bound) << bound.error().text();
    return bound->association;
  }
  static sdk::Submission to(const std::string& address, sdk::ReportRequest report = sdk::ReportRequest::NonDelivery) {
    sdk::Submission out;
    out.recipients.push_back({address, {}, report});
    return out;
  }
  sdk::Submitted submit(sdk::Association from, sdk::Submission submission, const std::string& content = "content") {
    const auto done = m_mock->submit({from, std::move(submission)}, as_bytes(content), {});
    EXPECT_TRUE(done) << done.error().text();
    return done.value_or(sdk::Submitted{});
  }
  Error refused(sdk::Association from, sdk::Submission submission) {
    const auto done = m_mock->submit({from, std::move(submission)}, as_bytes("content"), {});
    EXPECT_FALSE(done);
    return done ? Error{} : done.error();
  }
  std::vector<sdk::Entry> list(sdk::Association of) {
    sdk::List request;
    request.association = of;
    return m_mock->list(request, {})->entries;
  }
  std::string content_of(sdk::Association of, std::uint64_t sequence) {
    std::string out;
    const auto take = [&](ByteView piece) { return out.append(as_text(piece)), true; };
    sdk::Fetch request;
    request.association = of;
    request.sequence = sequence;
    EXPECT_TRUE(m_mock->fetch(request, take, {}));
    return out;
  }
  sdk::Event poll(sdk::Association of) { return m_mock->poll({of}, {.timeout = 0ms}).value(); }
  sdk::ReportRecipient reported(sdk::Association of) {
    const sdk::Event event = poll(of);
    EXPECT_EQ(event.kind, sdk::EventKind::Reported);
    return event.report && !event.report->recipients.empty() ? event.report->recipients.front() : sdk::ReportRecipient{};
  }

  ManualClock m_clock{WallTime(std::chrono::seconds(1'800'000'000))};
  std::unique_ptr<Transport> m_mock = make_mock(m_clock);
};

TEST_F(MockTest, WhatIsSubmittedArrivesWhereverItIsOfTheDomain) {
  const auto me = bind(), bob = bind(kBob);
  const sdk::Submitted sent = submit(me, to("/S=BOB/P=postern/A=mock/C=XX/"), "octets, verbatim");
  const auto entries = list(bob);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].mts_identifier, sent.mts_identifier);
  EXPECT_EQ(entries[0].originator, kMockUser);
  EXPECT_EQ(entries[0].content_size, 16U);
  EXPECT_EQ(entries[0].time, 1'800'000'000);
  EXPECT_EQ(content_of(bob, entries[0].sequence), "octets, verbatim");
  EXPECT_TRUE(list(me).empty()) << "no report was asked for";
}

TEST_F(MockTest, WhoeverBindsLaterFindsIt) {
  submit(bind(), to(kBob));
  const auto bound = m_mock->bind({.role = sdk::Role::P7User, .peer = "mock", .name = kBob, .domain = {}, .password = {}}, {});
  EXPECT_EQ(bound->waiting, 1U);
}

// X.411 8.2.1.1.1.22: a report when it was asked for; 12.2.1.3: why there was no delivery.
TEST_F(MockTest, ReportsComeAsTheyWereAskedFor) {
  const auto me = bind();
  submit(me, to(kBob, sdk::ReportRequest::All));
  EXPECT_TRUE(reported(me).delivered);
  submit(me, to(kElsewhere));
  const auto failed = reported(me);
  EXPECT_FALSE(failed.delivered);
  EXPECT_EQ(failed.address, kElsewhere);
  EXPECT_EQ(failed.reason, static_cast<int>(mts::NonDeliveryReasonCode::UnableToTransfer));
  EXPECT_EQ(failed.diagnostic, static_cast<int>(mts::NonDeliveryDiagnosticCode::UnrecognisedORName));
  submit(me, to(kElsewhere, sdk::ReportRequest::None));
  submit(me, to(kBob));
  EXPECT_EQ(poll(me).kind, sdk::EventKind::Nothing);
}

TEST_F(MockTest, OneReportIsAboutAllOfItsRecipients) {
  const auto me = bind();
  sdk::Submission both = to(kElsewhere);
  both.content_identifier = "ours";
  both.recipients.push_back({kBob, {}, sdk::ReportRequest::All});
  const sdk::Submitted sent = submit(me, both);
  const auto event = poll(me);
  ASSERT_TRUE(event.report);
  EXPECT_EQ(event.report->subject_identifier, sent.mts_identifier);
  EXPECT_EQ(event.report->content_identifier, "ours");
  ASSERT_EQ(event.report->recipients.size(), 2U);
  EXPECT_EQ(poll(me).kind, sdk::EventKind::Nothing);
}

TEST_F(MockTest, AnAlternateGetsWhatTheRecipientCannot) {
  const auto me = bind(), bob = bind(kBob);
  sdk::Submission submission = to(kElsewhere, sdk::ReportRequest::All);
  submission.recipients[0].alternate = kBob;
  submit(me, submission);
  EXPECT_EQ(list(bob).size(), 1U);
  EXPECT_EQ(reported(me).address, kBob);
}

TEST_F(MockTest, ContentComesBackWhenItWasAskedFor) {
  const auto me = bind();
  sdk::Submission submission = to(kElsewhere);
  submission.flags = POSTERN_X400_RETURN_CONTENT;
  submit(me, submission, "take it back");
  const auto entries = list(me);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].entry_class, sdk::EntryClass::ReturnedContent);
  EXPECT_EQ(content_of(me, entries[1].sequence), "take it back");
}

// X.411 8.2.1.1.1.12 and 8.2.1.1.1.13.
TEST_F(MockTest, DeferredAndLatestDelivery) {
  const auto me = bind(), bob = bind(kBob);
  sdk::Submission submission = to(kBob);
  submission.deferred_until = 1'800'000'060;
  submit(me, submission);
  EXPECT_TRUE(list(bob).empty());
  m_clock.advance(60s);
  EXPECT_EQ(list(bob).size(), 1U);
  submission.latest_delivery = 1'800'000'070;
  submission.deferred_until = 1'800'000'080;
  submit(me, submission);
  m_clock.advance(60s);
  EXPECT_EQ(list(bob).size(), 1U);
  EXPECT_EQ(reported(me).diagnostic, static_cast<int>(mts::NonDeliveryDiagnosticCode::MaximumTimeExpired));
}

TEST_F(MockTest, AProbeIsAnsweredAndDeliversNothing) {
  const auto me = bind(), bob = bind(kBob);
  ASSERT_TRUE(m_mock->probe({me, to(kBob, sdk::ReportRequest::None)}, {}));
  EXPECT_TRUE(reported(me).delivered);
  EXPECT_TRUE(list(bob).empty());
}

TEST_F(MockTest, ListingIsPagedFilteredAndSeen) {
  const auto me = bind();
  for (int i = 0; i < 5; ++i) submit(me, to(kMockUser));
  sdk::List request;
  request.association = me;
  request.limit = 2;
  const auto first = m_mock->list(request, {});
  EXPECT_EQ(first->entries.size(), 2U);
  EXPECT_EQ(first->entries[0].status, sdk::EntryStatus::New);
  request.from = first->next;
  EXPECT_EQ(m_mock->list(request, {})->entries.front().sequence, 3U);
  sdk::Filter filter;
  filter.statuses = 1U << POSTERN_X400_LISTED;
  EXPECT_EQ(m_mock->summarize({me, filter}, {})->total, 4U) << "two pages of two";
  (void)content_of(me, 1);
  filter.statuses = 1U << POSTERN_X400_PROCESSED;
  EXPECT_EQ(m_mock->summarize({me, filter}, {})->total, 1U);
  filter = {};
  filter.originator_contains = "operaTOR";
  EXPECT_EQ(m_mock->summarize({me, filter}, {})->total, 5U);
  request.limit = 0;
  EXPECT_EQ(m_mock->list(request, {}).error().field, "limit");
}

TEST_F(MockTest, DeletionIsAllOrNone) {
  const auto me = bind();
  submit(me, to(kMockUser)), submit(me, to(kMockUser));
  EXPECT_EQ(m_mock->remove({me, {1, 7}}, {}).error().field, "sequences[1]");
  EXPECT_EQ(list(me).size(), 2U);
  EXPECT_TRUE(m_mock->remove({me, {1, 2}}, {}));
  submit(me, to(kMockUser));
  EXPECT_EQ(list(me).front().sequence, 3U) << "a number is never used twice";
}

TEST_F(MockTest, RefusalsNameTheField) {
  const auto me = bind();
  EXPECT_EQ(refused(me, {}).field, "recipients");
  EXPECT_EQ(refused(me, to("nobody")).field, "recipients[0].address");
  sdk::Submission submission = to(kBob);
  submission.recipients[0].alternate = "nobody";
  EXPECT_EQ(refused(me, submission).field, "recipients[0].alternate");
  submission = to(kBob);
  submission.originator = kBob;
  EXPECT_EQ(refused(me, submission).code, ErrorCode::Denied);
  submission.originator = kMockUser;
  submission.content_identifier = "seventeen octets!";
  EXPECT_EQ(refused(me, submission).field, "content_identifier");
}

TEST_F(MockTest, AssociationsEndAndAreNeverUsedAgain) {
  const auto me = bind();
  EXPECT_TRUE(m_mock->unbind({me}, {}));
  EXPECT_EQ(m_mock->unbind({me}, {}).error().code, ErrorCode::Unavailable);
  EXPECT_NE(bind().handle, me.handle);
  const auto other = m_mock->bind({.role = sdk::Role::P7User, .peer = {}, .name = kElsewhere, .domain = {}, .password = {}}, {});
  EXPECT_EQ(other.error().code, ErrorCode::NotFound);
  const auto mta = m_mock->bind({.role = sdk::Role::P1Mta, .peer = {}, .name = "north", .domain = {}, .password = {}}, {});
  EXPECT_EQ(mta.error().code, ErrorCode::Unsupported);
}

TEST_F(MockTest, MemoryIsBounded) {
  const auto me = bind();
  const std::string large(std::size_t{60} << 20, 'x');
  for (int i = 0; i < 4; ++i) submit(me, to(kMockUser), large);
  const auto more = m_mock->submit({me, to(kMockUser)}, as_bytes(large), {});
  EXPECT_EQ(more.error().code, ErrorCode::TooLarge);
  ASSERT_TRUE(m_mock->remove({me, {1}}, {}));
  EXPECT_TRUE(m_mock->submit({me, to(kMockUser)}, as_bytes(large), {})) << "what is deleted makes room";
}

TEST(MockService, IsThereWithoutAnySetting) {
  const SystemClock clock;
  ServiceOptions options;
  options.clock = &clock;
  const auto service = open_service({}, options);
  ASSERT_TRUE(service) << service.error().text();
  EXPECT_EQ((*service)->mode(), "mock");
  EXPECT_EQ((*service)->profile()->user, kMockUser);
  for (const Finding& one : (*service)->findings()) EXPECT_EQ(one.state, Finding::State::Ok) << one.text;
  for (const Finding& one : (*service)->bind_test()) EXPECT_EQ(one.state, Finding::State::Ok) << one.text;
  EXPECT_TRUE((*service)->transport().bind((*service)->profile()->bind_request(), {}));
}

}  // namespace
}  // namespace postern::transport
