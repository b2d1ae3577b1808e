// The native stack over loopback, against a store and an MTA of this process.
#include "transport/native.hpp"

#include <gtest/gtest.h>
#include <postern/x400_sdk.h>

#include <future>
#include <thread>

#include "mhs/testing/stores.hpp"
#include "transport/native_stack.hpp"

namespace postern::transport {
namespace {

using mhs::testing::kAlice;
using mhs::testing::kBob;
using std::chrono::milliseconds;

NativeOptions in_clear() {
  NativeOptions out;
  out.tls.enabled = false;
  out.connect_timeout = out.operation_timeout = std::chrono::seconds(10);
  return out;
}

struct Native : ::testing::Test, mhs::testing::StoreNode {
  Native() : transport(make_native(in_clear()).value()) {}

  sdk::Bind user(const char* name, const char* password, sdk::Role role) const {
    return {role, "127.0.0.1:" + std::to_string(node.port), name, {}, to_bytes(password)};
  }
  sdk::Association bound(sdk::Role role = sdk::Role::P7User) {
    const auto binding = transport->bind(user(kAlice, "secret of alice", role), {});
    EXPECT_TRUE(binding) << (binding ? "" : binding.error().text());
    return binding ? binding->association : sdk::Association();
  }
  sdk::Submit message(sdk::Association association) const {
    sdk::Submit out{association, {}};
    out.submission.originator = kAlice;
    out.submission.recipients = {{kBob, {}, sdk::ReportRequest::NonDelivery}};
    return out;
  }
  Result<std::pair<sdk::Fetched, Bytes>> fetch(sdk::Association association, std::uint64_t sequence, sdk::Wanted wanted = {}) {
    Bytes content;
    const sdk::PieceSink sink = [&](ByteView piece) { return append(content, piece), true; };
    POSTERN_TRY(sdk::Fetched fetched, transport->fetch({association, sequence, std::move(wanted)}, sink, {}));
    return std::pair(std::move(fetched), std::move(content));
  }
  std::unique_ptr<Transport> transport;
};

TEST_F(Native, AMailboxIsListedFetchedAndEmptied) {
  const auto association = bound();
  for (int i = 0; i < 5; ++i) stores.deliver(("m" + std::to_string(i)).c_str(), Bytes(700'000, static_cast<Byte>('a' + i)));
  const auto before = transport->summarize({association, {}}, {});
  ASSERT_TRUE(before) << before.error().text();
  EXPECT_EQ(before->total, 5U);
  EXPECT_EQ(before->by_status, (std::array<std::uint64_t, 3>{5, 0, 0}));
  const auto page = transport->list({association, 1, 0, 2, {}, {}}, {});
  ASSERT_TRUE(page) << page.error().text();
  ASSERT_EQ(page->entries.size(), 2U);
  const sdk::Entry& first = page->entries.front();
  EXPECT_EQ(first.entry_class, sdk::EntryClass::DeliveredMessage);
  EXPECT_EQ(first.originator, kBob);
  EXPECT_EQ(first.mts_identifier, "[C=DE;A= ;P=NORTH;m0]");
  EXPECT_EQ(first.content_size, 700'000U);
  EXPECT_EQ(first.time, 1'800'000'000);
  EXPECT_EQ(first.priority, sdk::Priority::Normal);
  EXPECT_EQ(page->next, page->entries.back().sequence + 1);
  const auto got = fetch(association, first.sequence);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->second, Bytes(700'000, 'a'));
  EXPECT_EQ(got->first.content_size, 700'000U);
  const auto after = transport->summarize({association, {}}, {});
  EXPECT_EQ(after->by_status, (std::array<std::uint64_t, 3>{3, 1, 1}));
  EXPECT_TRUE(transport->remove({association, {first.sequence}}, {}));
  const Status gone = transport->remove({association, {first.sequence + 1, 999}}, {});
  EXPECT_EQ(gone.error().code, ErrorCode::NotFound);
  EXPECT_EQ(gone.error().field, "sequences[1]");
  EXPECT_EQ(fetch(association, first.sequence).error().field, "sequence");
  EXPECT_TRUE(transport->unbind({association}, {}));
  EXPECT_EQ(transport->unbind({association}, {}).error().code, ErrorCode::Conflict);
}

TEST_F(Native, FiltersAndAttributes) {
  const auto association = bound();
  const auto number = static_cast<std::uint64_t>(stores.deliver("one", to_bytes("x")));
  const auto found = [&](auto make) {
    sdk::List request{association, 1, 0, 10, sdk::Filter(), {}};
    make(*request.filter);
    const auto page = transport->list(request, {});
    EXPECT_TRUE(page) << (page ? "" : page.error().text());
    return page && page->entries.size() == 1;
  };
  EXPECT_TRUE(found([](sdk::Filter&) {}));
  EXPECT_TRUE(found([](sdk::Filter& filter) { filter.entry_classes = 1U << 1; }));
  EXPECT_FALSE(found([](sdk::Filter& filter) { filter.entry_classes = 1U << 2 | 1U << 3; }));
  EXPECT_TRUE(found([](sdk::Filter& filter) { filter.priorities = 1U << 0; }));
  EXPECT_FALSE(found([](sdk::Filter& filter) { filter.priorities = 1U << 2; }));
  EXPECT_TRUE(found([](sdk::Filter& filter) { filter.not_before = 1'800'000'000; }));
  EXPECT_FALSE(found([](sdk::Filter& filter) { filter.before = 1'800'000'000; }));
  EXPECT_TRUE(found([](sdk::Filter& filter) { filter.originator_contains = "s=bOB"; }));
  EXPECT_FALSE(found([](sdk::Filter& filter) { filter.originator_contains = "Alice"; }));
  EXPECT_FALSE(found([](sdk::Filter& filter) { filter.statuses = 1U << 0; }));
  EXPECT_TRUE(found([](sdk::Filter& filter) { filter.statuses = 1U << 1; }));
  sdk::Summarize counted{association, sdk::Filter()};
  counted.filter->originator_contains = "bob";
  EXPECT_EQ(transport->summarize(counted, {})->total, 1U);

  const auto with = transport->list({association, number, number, 1, {}, {0, {"2.6.4.3.41"}}}, {});  // this-recipient-name
  ASSERT_TRUE(with) << with.error().text();
  ASSERT_EQ(with->entries.at(0).attributes.size(), 1U);
  EXPECT_EQ(with->entries[0].attributes[0].type, "2.6.4.3.41");
  EXPECT_FALSE(with->entries[0].originator);
  const auto unknown = transport->list({association, 1, 0, 1, {}, {0, {"2.6.4.3.41", "1.2.3"}}}, {});
  EXPECT_EQ(unknown.error().code, ErrorCode::BadInput);
  EXPECT_EQ(unknown.error().field, "attributes[1]");
  EXPECT_EQ(transport->list({association, 1, 0, 0, {}, {}}, {}).error().field, "limit");
  EXPECT_EQ(transport->list({association, 5, 4, 1, {}, {}}, {}).error().field, "to");
}

TEST_F(Native, WhatWantsNothingGetsTheRegisteredDefaults) {
  const auto association = bound();
  stores.deliver("one", to_bytes("x"));
  const auto entry = [&] {
    const auto page = transport->list({association, 1, 0, 1, {}, {0, {}}}, {});
    EXPECT_TRUE(page && page->entries.size() == 1) << (page ? "" : page.error().text());
    return page && !page->entries.empty() ? page->entries[0] : sdk::Entry();
  };
  EXPECT_FALSE(entry().originator);  // nobody registered anything
  EXPECT_EQ(entry().status, sdk::EntryStatus::Listed);
  sdk::Register defaults{association, {}, POSTERN_X400_HAS_ORIGINATOR, POSTERN_X400_HAS_SIZE, {}, {}};
  const Status registered = transport->register_user(defaults, {});
  ASSERT_TRUE(registered) << registered.error().text();
  EXPECT_EQ(entry().originator, kBob);
  EXPECT_FALSE(entry().priority);
  const auto fetched = fetch(association, 1, {0, {}});
  ASSERT_TRUE(fetched) << fetched.error().text();
  EXPECT_EQ(fetched->first.entry.content_size, 1U);
  EXPECT_FALSE(fetched->first.entry.originator);
  EXPECT_EQ(fetched->second, to_bytes("x"));
}

TEST_F(Native, ASubmissionArrivesWithAllThatItAskedFor) {
  for (const sdk::Role role : {sdk::Role::P3User, sdk::Role::P7User}) {
    sdk::Submit request = message(bound(role));
    request.submission.priority = sdk::Priority::Urgent;
    request.submission.flags = POSTERN_X400_CONVERSION_PROHIBITED;
    request.submission.content_type = "1.3.6.1.4.1.99999.1";
    request.submission.content_identifier = "ours";
    request.submission.extensions = {{0, "1.3.6.1.4.1.99999.7", {0x02, 0x01, 0x2A}}};
    const Bytes content(3'000'000, 'c');  // more than a session of a stranger may send at once
    const auto submitted = transport->submit(request, content, {});
    ASSERT_TRUE(submitted) << submitted.error().text();
    EXPECT_TRUE(submitted->mts_identifier.starts_with("[C=DE;A= ;P=NORTH;")) << submitted->mts_identifier;
    EXPECT_TRUE(submitted->time);
    const auto received = node.mailboxes.wait(kBob, role == sdk::Role::P3User ? 1 : 2);
    const auto& arrived = std::get<mts::Message>(received.back().apdu.value);
    EXPECT_EQ(arrived.content.octets, content);
    EXPECT_EQ(arrived.envelope.priority, mts::Priority::Urgent);
    EXPECT_EQ(arrived.envelope.content_identifier->octets, "ours");
    EXPECT_TRUE(arrived.envelope.per_message_indicators.test(mts::PerMessageIndicator::ImplicitConversionProhibited));
    EXPECT_TRUE(std::ranges::any_of(arrived.envelope.extensions, [](const auto& each) {
      const auto* type = std::get_if<asn1::Oid>(&each.type.value);
      return type != nullptr && type->text() == "1.3.6.1.4.1.99999.7" && each.value.ber == Bytes{0x02, 0x01, 0x2A};
    }));
    EXPECT_TRUE(transport->unbind({request.association}, {}));
  }
}

TEST_F(Native, RefusalsNameWhatIsRefused) {
  sdk::Submit request = message(bound());
  request.submission.originator = kBob;
  const auto stranger = transport->submit(request, {}, {});
  EXPECT_EQ(stranger.error().code, ErrorCode::Denied);
  EXPECT_EQ(stranger.error().field, "originator");
  request = message(request.association);
  request.submission.recipients[0].address = "?";
  EXPECT_EQ(transport->submit(request, {}, {}).error().field, "recipients[0].address");
  NativeOptions small = in_clear();
  small.content_octets = 10;
  const auto limited = make_native(small).value();
  const auto association = limited->bind(user(kAlice, "secret of alice", sdk::Role::P7User), {}).value().association;
  const auto long_content = limited->submit(message(association), Bytes(11), {});
  EXPECT_EQ(long_content.error().code, ErrorCode::TooLarge);
  EXPECT_EQ(long_content.error().field, "content");
}

TEST_F(Native, AProbeIsAnswered) {
  sdk::Submit as = message(bound());
  as.submission.content_size = 1000;
  const auto probed = transport->probe({as.association, as.submission}, {});
  EXPECT_TRUE(probed) << probed.error().text();
}

TEST_F(Native, WhoMayNotBind) {
  const auto error = [&](sdk::Bind request) { return transport->bind(request, {.timeout = {}, .diagnostics = true}).error(); };
  for (const sdk::Role role : {sdk::Role::P3User, sdk::Role::P7User}) {
    const Error wrong = error(user(kAlice, "wrong words", role));
    EXPECT_EQ(wrong.code, ErrorCode::Denied);
    EXPECT_NE(wrong.what.find("the peer's octets"), std::string::npos) << wrong.what;
    EXPECT_EQ(wrong.what.find("wrong words"), std::string::npos);
  }
  EXPECT_EQ(error(user(kBob, "secret of bob", sdk::Role::P7User)).code, ErrorCode::Unavailable);  // he has no mailbox (now)
  EXPECT_EQ(error(user(kAlice, "x", sdk::Role::P1Mta)).code, ErrorCode::Unsupported);
  EXPECT_EQ(error(user("nobody", "x", sdk::Role::P7User)).field, "name");
  sdk::Bind elsewhere = user(kAlice, "x", sdk::Role::P7User);
  elsewhere.peer = "127.0.0.1:1";
  EXPECT_EQ(error(elsewhere).code, ErrorCode::Unavailable);
  elsewhere.peer = "[::";
  EXPECT_EQ(error(elsewhere).field, "peer");
}

TEST_F(Native, AUserOfAnMtaHasNoMailbox) {
  const auto binding = transport->bind(user(kAlice, "secret of alice", sdk::Role::P3User), {});
  ASSERT_TRUE(binding);
  EXPECT_EQ(binding->peer_name, "north");
  const auto association = binding->association;
  EXPECT_EQ(transport->list({association, 1, 0, 1, {}, {}}, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(transport->summarize({association, {}}, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(transport->remove({association, {1}}, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(transport->poll({association}, {.timeout = milliseconds(20), .diagnostics = false})->kind, sdk::EventKind::Nothing);
  sdk::Register change{association, {}, {}, {}, to_bytes("secret of alice"), to_bytes("other words")};
  const Status changed = transport->register_user(change, {});
  EXPECT_TRUE(changed) << changed.error().text();
  EXPECT_FALSE(transport->bind(user(kAlice, "secret of alice", sdk::Role::P3User), {}));
  EXPECT_TRUE(transport->bind(user(kAlice, "other words", sdk::Role::P3User), {}));
}

// ---- what comes by itself
TEST_F(Native, NewsAreToldOnceAndLeaveEntriesNew) {
  const auto association = bound();
  const auto poll = [&](int ms) {
    const auto event = transport->poll({association}, {.timeout = milliseconds(ms), .diagnostics = false});
    EXPECT_TRUE(event) << (event ? "" : event.error().text());
    return event.value_or(sdk::Event());
  };
  EXPECT_EQ(poll(0).kind, sdk::EventKind::Nothing);
  const auto first = static_cast<std::uint64_t>(stores.deliver("one", to_bytes("x")));
  const sdk::Event told = poll(5000);
  EXPECT_EQ(told.kind, sdk::EventKind::Message);
  EXPECT_EQ(told.sequence, first);
  EXPECT_EQ(poll(100).kind, sdk::EventKind::Nothing);
  EXPECT_EQ(transport->summarize({association, {}}, {})->by_status[0], 1U);
  stores.deliver("two", to_bytes("y"));
  EXPECT_TRUE(transport->list({association, 1, 0, 10, {}, {}}, {}));
  EXPECT_EQ(poll(100).kind, sdk::EventKind::Nothing) << "it was listed: nothing new";
}

TEST_F(Native, AnAutoAlertIsRegisteredAndFires) {
  const auto association = bound();
  sdk::AutoAction alert;
  alert.id = 3;
  alert.filter.priorities = 1U << 0;
  const Status registered = transport->register_user({association, {alert}, {}, {}, {}, {}}, {});
  ASSERT_TRUE(registered) << registered.error().text();
  const auto number = static_cast<std::uint64_t>(stores.deliver("one", to_bytes("x")));
  sdk::Event event;
  for (int i = 0; i < 100 && event.kind != sdk::EventKind::Alert; ++i)
    event = transport->poll({association}, {.timeout = milliseconds(100), .diagnostics = false}).value();
  EXPECT_EQ(event.sequence, number);
  EXPECT_EQ(event.words, "auto-alert 3");
  alert.remove = true;
  EXPECT_TRUE(transport->register_user({association, {alert}, {}, {}, {}, {}}, {}));
  const auto field = [&](sdk::AutoAction action) { return transport->register_user({association, {action}, {}, {}, {}, {}}, {}).error(); };
  EXPECT_EQ(field({sdk::AutoActionKind::Delete, 1, false, {}, {}, {}}).code, ErrorCode::Unsupported);
  EXPECT_EQ(field({sdk::AutoActionKind::Alert, 0, false, {}, {}, {}}).field, "actions[0].id");
  EXPECT_EQ(field({sdk::AutoActionKind::Forward, 1, false, {}, "?", {}}).field, "actions[0].address");
  EXPECT_TRUE(transport->register_user({association, {{sdk::AutoActionKind::Forward, 1, false, {}, kBob, {}}}, {}, {}, {}, {}}, {}));
}

TEST_F(Native, AReportIsTakenOnlyWhileSomebodyPolls) {  // X.411 8.3.1.2: with the result it is the user's
  constexpr const char* kCarol = "C=DE;A= ;P=NORTH;O=Works;S=Carol";
  node.mailboxes.add_p3_user(kCarol);
  node.users.add(kCarol, "secret of carol");
  const auto bind = [&] { return transport->bind(user(kCarol, "secret of carol", sdk::Role::P3User), {}).value().association; };
  const auto poll = [&](sdk::Association association) {
    return transport->poll({association}, {.timeout = std::chrono::seconds(30), .diagnostics = false}).value();
  };
  sdk::Submit request = message(bind());
  request.submission.originator = kCarol;
  request.submission.recipients[0].address = "C=DE;A= ;P=NORTH;O=Works;S=Nobody";
  const auto submitted = transport->submit(request, to_bytes("x"), {});
  ASSERT_TRUE(submitted) << submitted.error().text();
  std::this_thread::sleep_for(milliseconds(700));  // the report is on its way to her
  request.submission.recipients[0].address = kBob;
  EXPECT_TRUE(transport->probe({request.association, request.submission}, {})) << "a call that reads what came";
  EXPECT_TRUE(transport->unbind({request.association}, {}));
  const sdk::Event told = poll(bind());
  ASSERT_EQ(told.kind, sdk::EventKind::Reported) << told.words;
  EXPECT_EQ(told.report->subject_identifier, submitted->mts_identifier);
}

// ---- conduct
struct Stack : Native {
  Stack() : stack(NativeStack::open(in_clear()).value()) {}
  static NativeStack::Call in(milliseconds span, std::uint64_t id = 0) { return {io::deadline_in(span), id}; }
  std::uint64_t alice() {
    return stack->bind(user(kAlice, "secret of alice", sdk::Role::P7User), in(milliseconds(10'000))).value().association.handle;
  }
  std::unique_ptr<NativeStack> stack;
};

TEST_F(Stack, AWaitIsCancelledAndTheAssociationStays) {
  const std::uint64_t association = alice();
  auto waiting = std::async(std::launch::async, [&] { return stack->poll(association, in(std::chrono::seconds(20), 7)); });
  std::this_thread::sleep_for(milliseconds(50));
  stack->cancel(8);
  stack->cancel(7);
  const auto begun = std::chrono::steady_clock::now();
  const auto event = waiting.get();
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().status, POSTERN_X400_CANCELLED);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  EXPECT_TRUE(stack->summarize({{1, association}, {}}, in(std::chrono::seconds(10))));
}

TEST_F(Stack, CallsTakeTurnsWithAPoll) {
  const std::uint64_t association = alice();
  auto waiting = std::async(std::launch::async, [&] { return stack->poll(association, in(std::chrono::seconds(3))); });
  for (int i = 0; i < 3; ++i) {
    const auto counted = stack->summarize({{1, association}, {}}, in(std::chrono::seconds(10)));
    EXPECT_TRUE(counted) << counted.error().text;
  }
  EXPECT_EQ(waiting.wait_for(milliseconds(0)), std::future_status::timeout) << "the poll goes on meanwhile";
  EXPECT_TRUE(waiting.get());
}

TEST_F(Stack, ASilentPeerCostsItsAssociationAndNoMore) {
  const std::uint64_t association = alice();
  std::promise<void> release;
  auto stuck = release.get_future().share();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(workers->try_post([stuck] { stuck.wait(); }));  // the store answers nothing now
  const auto begun = std::chrono::steady_clock::now();
  const auto late = stack->summarize({{1, association}, {}}, in(milliseconds(100)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().status, POSTERN_X400_TIMED_OUT);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  release.set_value();
  const auto again = stack->summarize({{1, association}, {}}, in(std::chrono::seconds(10)));
  EXPECT_TRUE(again || again.error().status == POSTERN_X400_ENDED);
  EXPECT_EQ(stack->submit(association, message({1, association}).submission, {}, in(milliseconds(0))).error().status,
            POSTERN_X400_TIMED_OUT);
}

TEST_F(Stack, APeerThatLeavesIsToldAndAfterwardsItIsOver) {
  const std::uint64_t association = alice();
  node.listener->stop_accepting();
  node.node->stop();
  node.loops->stop();
  node.listener.reset();
  node.loops.reset();  // every connection ends
  const auto event = stack->poll(association, in(std::chrono::seconds(10)));
  const bool left = event ? event->kind == sdk::EventKind::PeerLeft : event.error().status == POSTERN_X400_ENDED;
  EXPECT_TRUE(left) << (event ? std::to_string(static_cast<int>(event->kind)) : event.error().text);
  EXPECT_EQ(stack->summarize({{1, association}, {}}, in(std::chrono::seconds(1))).error().status, POSTERN_X400_ENDED);
  EXPECT_EQ(stack->health().associations, 0U);
  EXPECT_TRUE(stack->unbind(association, in(std::chrono::seconds(1))));
  EXPECT_EQ(stack->unbind(association, in(std::chrono::seconds(1))).error().status, POSTERN_X400_UNKNOWN_HANDLE);
}

TEST_F(Stack, ClosingEndsWhatRuns) {
  const std::uint64_t association = alice();
  EXPECT_EQ(stack->health().associations, 1U);
  auto waiting = std::async(std::launch::async, [&] { return stack->poll(association, in(std::chrono::seconds(20))); });
  std::this_thread::sleep_for(milliseconds(50));
  stack->close();
  EXPECT_EQ(waiting.get().error().status, POSTERN_X400_ENDED);
  EXPECT_EQ(stack->summarize({{1, association}, {}}, in(milliseconds(100))).error().text, "the library was closed");
  EXPECT_EQ(stack->unbind(association, in(milliseconds(100))).error().status, POSTERN_X400_ENDED);
  EXPECT_FALSE(stack->bind(user(kAlice, "secret of alice", sdk::Role::P7User), in(milliseconds(100))));
}

TEST_F(Native, AssociationsAreBounded) {
  NativeOptions options = in_clear();
  options.associations = 1;
  const auto limited = make_native(options).value();
  const auto first = limited->bind(user(kAlice, "secret of alice", sdk::Role::P7User), {});
  ASSERT_TRUE(first);
  EXPECT_EQ(limited->bind(user(kAlice, "secret of alice", sdk::Role::P7User), {}).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(limited->unbind({first->association}, {}));
  EXPECT_TRUE(limited->bind(user(kAlice, "secret of alice", sdk::Role::P7User), {}));
}

}  // namespace
}  // namespace postern::transport
