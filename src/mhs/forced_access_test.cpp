// Forced access over loopback: what waits for a user brings the MTA to him; it comes as often as it takes, and to nobody but him.
#include "mhs/forced_access.hpp"

#include <numeric>

#include "io/testing/bad_road.hpp"
#include "mhs/mts_caller.hpp"
#include "mhs/testing/deliveries.hpp"

namespace postern::mhs {
namespace {

using namespace testing;

/// Bob's listener: what came to it, and how that ended. Belongs to the loop.
struct Listening {
  MtsDoor door;
  Taken taken;
  std::function<io::Task<void>(P3Client&)> bound_to;  ///< Instead of taking what comes until the MTA unbinds.
  std::size_t bound = 0;
  std::vector<Error> refused;
  std::vector<std::string> ends;

  io::Task<void> serve(io::Stream stream) {
    auto client = co_await answer_mts(door, std::move(stream), soon());
    if (!client) {
      refused.push_back(client.error());
      co_return;
    }
    ++bound;
    (*client)->take_deliveries(taken.taker());
    if (bound_to) co_return co_await bound_to(**client);
    Status there;
    while (there) there = co_await (*client)->attend(io::deadline_in(std::chrono::seconds(60)));
    ends.push_back(there.error().what);
  }
};

struct ForcedAccessTest : DeliveryFixture {
  ~ForcedAccessTest() override {
    if (calls) calls->stop();
    if (listener) listener->stop_accepting();
    node.loops->stop();  // nothing runs any more that uses what goes now
    node.loops->join();
  }
  /// Bob listens at a free port from listen() on; the MTA knows of it before.
  void begin(bool reliable = false, std::chrono::seconds idle = std::chrono::seconds(60)) {
    start();
    make_calls(reliable, idle);
  }
  void make_calls(bool reliable = false, std::chrono::seconds idle = std::chrono::seconds(60)) {
    port = io::testing::free_port();
    bob.door = {name_of(kBob),
                SecretBytes::from_text("secret of bob"),
                mts::MTAName("north"),
                SecretBytes::from_text("secret of north"),
                false,
                {},
                {},
                {},
                {}};
    mta.name = mts::MTAName("north");
    mta.idle = idle;
    CalledUser called;
    called.user = name_of(kBob);
    called.address = {{}, {}, {}, "127.0.0.1", port};
    called.reliable = reliable;
    called.our_password = SecretBytes::from_text("secret of north");
    called.tls.required = false;
    mta.called_users.push_back(std::move(called));
    if (also) mta.called_users.push_back(*std::move(also));
    calls = std::make_shared<ForcedAccess>(ForcedAccess::Parts{
        mta, *node.gate, *node.loops, node.resolver, node.random, "test", {{std::chrono::seconds(1)}, std::chrono::hours(1), 0}, {}});
    node.node->deliveries().set_while_absent([this](const auto& user) { calls->wanted(user); });
  }
  void listen() {
    io::ListenOptions options;
    options.name = "bob";
    options.address = io::Endpoint::parse("127.0.0.1:" + std::to_string(port)).value();
    auto opened = io::Listener::open(*node.loops, options, [this](io::Stream stream) { return bob.serve(std::move(stream)); });
    ASSERT_TRUE(opened) << opened.error().text();
    listener = *std::move(opened);
  }
  /// Looked at on the loop, where everything of Bob's is.
  template <class F>
  auto seen(F look) {
    return run([](F what) -> io::Task<std::invoke_result_t<F>> { co_return what(); }(std::move(look)));
  }
  template <class F>
  bool until(F condition) {
    for (const auto end = io::deadline_in(std::chrono::seconds(30)); std::chrono::steady_clock::now() < end;) {
      if (seen(condition)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  bool takes(std::size_t count) {
    return until([this, count] { return bob.taken.count() >= count; });
  }
  /// On disk, looked at by nobody.
  bool are_resting(std::size_t count) const {
    for (int tries = 0; tries < 3000 && node.spool->stats().parked < count; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return node.spool->stats().parked == count;
  }
  std::string trouble() const { return calls->users().front().trouble; }
  /// Somebody who says that he is the MTA north; why he was turned away, empty: he was not.
  std::string bind_as_north(const char* password) {
    mts::MTSBindArgument argument;
    argument.initiator_name.value = mts::MTAName("north");
    argument.initiator_credentials = simple_credentials(SecretBytes::from_text(password));
    UserCall call;
    call.address = {{}, {}, {}, "127.0.0.1", port};
    call.tls.required = false;
    UserClient::Bind bind{osi::mts_forced_access(), asn1::to_any(argument).value(), [](const asn1::Any&) { return std::string("no"); }, {}};
    const auto client = run(UserClient::open(std::move(call), std::move(bind), node.resolver, soon(), {}));
    return client ? std::string() : client.error().text;
  }

  Mta mta;
  std::optional<CalledUser> also;  ///< Beside Bob.
  std::uint16_t port = 0;
  Listening bob;
  std::shared_ptr<ForcedAccess> calls;
  std::unique_ptr<io::Listener> listener;
};

TEST_F(ForcedAccessTest, WhatWaitsBringsTheMtaToTheUserAndItUnbindsAfterwards) {  // X.419: mts-forced-access, mts-forced-reliable-access
  for (const bool reliable : {false, true}) {
    SCOPED_TRACE(reliable);
    if (!reliable) begin(false, std::chrono::seconds(1));
    if (reliable) mta.called_users.front().reliable = true;
    if (!reliable) listen();
    const std::size_t before = reliable ? 1 : 0;
    const auto id = send(envelope_to(kBob), 30'000);
    ASSERT_TRUE(takes(before + 1));
    EXPECT_EQ(seen([this] { return bob.taken.messages.back().message_delivery_identifier; }), id);
    EXPECT_EQ(seen([this] { return bob.taken.messages.back().content.octets; }), Bytes(30'000, 'x'));
    ASSERT_TRUE(until([&] { return bob.ends.size() > before; }));
    EXPECT_EQ(seen([this] { return bob.ends.back(); }), "unbound");  // X.411 8.1.2: by its initiator
    EXPECT_EQ(reports(before + 1).back(), std::nullopt);
  }
  EXPECT_TRUE(is_emptied());
  EXPECT_EQ(bob.bound, 2U);
}

TEST_F(ForcedAccessTest, TheUserMayInvokeOnItWhatHeMayOnOneOfHisOwn) {  // X.419: he is the consumer of all three ports
  begin();
  Status registered = fail(ErrorCode::NotFound, "not tried");
  Result<mts::MessageSubmissionResult> submitted = fail(ErrorCode::NotFound, "not tried");
  Result<mts::DeliveryControlResult> controlled = fail(ErrorCode::NotFound, "not tried");
  std::string mts;
  bob.bound_to = [&](P3Client& client) -> io::Task<void> {
    mts = client.responder();
    submitted = co_await client.submit({envelope_to(kAlice, kBob), asn1::OctetString("content")}, soon());
    controlled = co_await client.control_delivery({}, soon());
    registered = co_await client.register_user({}, soon());
    while (bob.taken.count() < 2) {
      const Status there = co_await client.attend(soon());
      if (!there) co_return;
    }
    co_await client.close(soon());
    bob.ends.emplace_back(client.client().over() ? "over" : "not over");
  };
  listen();
  send();
  ASSERT_TRUE(takes(2)) << trouble();  // the message, and the report on what he submitted
  ASSERT_TRUE(until([this] { return !bob.ends.empty(); }));
  EXPECT_EQ(mts, "north");
  EXPECT_TRUE(submitted) << submitted.error().text();
  EXPECT_TRUE(controlled) << controlled.error().text();
  EXPECT_TRUE(registered) << registered.error().text();
  EXPECT_TRUE(is_emptied());
}

TEST_F(ForcedAccessTest, WhoHasAskedForNothingMoreIsLeftAndCalledWhenThereIsMore) {
  begin();  // the MTA itself would stay a minute
  bob.bound_to = [this](P3Client& client) -> io::Task<void> {
    const std::size_t before = bob.taken.count();
    Status there;
    while (there && bob.taken.count() == before) there = co_await client.attend(soon());
    co_await client.close(soon());
    bob.ends.emplace_back("left");
  };
  listen();
  for (const std::size_t each : {1U, 2U}) {
    send();
    ASSERT_TRUE(takes(each));
    ASSERT_TRUE(until([&] { return bob.ends.size() == each; }));
  }
  EXPECT_TRUE(is_emptied());
  EXPECT_EQ(bob.bound, 2U);
}

TEST_F(ForcedAccessTest, WhoCannotBeReachedIsCalledAgain) {
  begin();
  send();
  ASSERT_TRUE(until([this] { return !trouble().empty(); }));
  listen();
  ASSERT_TRUE(takes(1));
  EXPECT_TRUE(until([this] { return trouble().empty(); }));
  EXPECT_EQ(reports(1), Reports{std::nullopt});
}

TEST_F(ForcedAccessTest, WhatRestsSinceAnEarlierRunBringsTheMtaAtTheStart) {
  start();
  send();  // nobody is there, and nobody is called
  ASSERT_TRUE(are_resting(1));
  make_calls();
  listen();
  calls->start();
  ASSERT_TRUE(takes(1));
  EXPECT_EQ(reports(1), Reports{std::nullopt});
  EXPECT_TRUE(is_emptied());
}

TEST_F(ForcedAccessTest, ALongBacklogRestsAndComesInItsOrderOnOneAssociation) {
  constexpr std::size_t kMany = 100;
  node.resting.units = 20;
  node.resting.route_units = 10;
  begin();
  for (std::size_t size = 1; size <= kMany; ++size) send(envelope_to(kBob), size);
  ASSERT_TRUE(until([this] { return !trouble().empty(); }));
  listen();
  ASSERT_TRUE(takes(kMany));
  const auto sizes = seen([this] {
    std::vector<std::size_t> out;
    for (const auto& each : bob.taken.messages) out.push_back(each.content.octets.size());
    return out;
  });
  std::vector<std::size_t> in_order(kMany);
  std::iota(in_order.begin(), in_order.end(), std::size_t{1});
  EXPECT_EQ(sizes, in_order);
  EXPECT_EQ(seen([this] { return bob.bound; }), 1U);
  EXPECT_TRUE(is_emptied());
}

TEST_F(ForcedAccessTest, ACallLooksAtAPageOfABacklogAndNotAtAllOfIt) {
  constexpr std::size_t kMany = 60;
  node.resting.units = 20;
  node.resting.route_units = 10;
  start();
  for (std::size_t size = 1; size <= kMany; ++size) send(envelope_to(kBob), size);
  ASSERT_TRUE(are_resting(kMany));
  make_calls();
  std::atomic<std::size_t> looked_at{0};
  node.node->deliveries().set_while_absent([&looked_at](const auto&) { ++looked_at; });
  calls->start();
  for (int tries = 0; tries < 1000 && looked_at == 0; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(are_resting(kMany));  // again
  EXPECT_GE(looked_at, 1U);
  EXPECT_LE(looked_at, 2 * node.resting.route_units) << "one page, and one that may have been on its way";
}

TEST_F(ForcedAccessTest, TheMtaMustShowItsNameAndPassword) {  // X.411 8.1.1.1.1
  begin();
  bob.door.mta_password = SecretBytes::from_text("another secret");
  listen();
  send();
  ASSERT_TRUE(until([this] { return !bob.refused.empty() && !trouble().empty(); }));
  EXPECT_EQ(seen([this] { return bob.refused.front().code; }), ErrorCode::Denied);
  EXPECT_EQ(trouble(), "bind: " + mts::words_of(mts::BindError::AuthenticationError));
  seen([this] {
    bob.door.mta_password = SecretBytes::from_text("secret of north");
    bob.door.mta = mts::MTAName("south");
    return true;
  });
  const std::size_t before = seen([this] { return bob.refused.size(); });
  ASSERT_TRUE(until([&] { return bob.refused.size() > before; }));
  EXPECT_NE(seen([this] { return bob.refused.back().what; }).find("not south"), std::string::npos);
  EXPECT_EQ(seen([this] { return bob.taken.count(); }), 0U);
  seen([this] {
    bob.door.mta = mts::MTAName("north");
    return true;
  });
  EXPECT_TRUE(takes(1));
}

TEST_F(ForcedAccessTest, ThePasswordOfTheMtaCannotBeGuessed) {  // whoever has it is shown the user's
  PasswordGuesses guesses(node.clock);
  begin();
  bob.door.guesses = &guesses;
  listen();
  EXPECT_EQ(bind_as_north("secret of north"), "");
  for (int guess = 0; guess < vault::kLockoutFailures; ++guess) EXPECT_EQ(bind_as_north("a guess"), "bind: no");
  EXPECT_EQ(bind_as_north("secret of north"), "bind: no") << "it is not looked at any more";
  EXPECT_NE(seen([this] { return bob.refused.back().what; }).find("locked for"), std::string::npos);
}

TEST_F(ForcedAccessTest, TheUserMustShowHisNameAndPassword) {  // X.411 8.1.1.1.2
  begin();
  bob.door.password = SecretBytes::from_text("wrong");
  listen();
  send();
  ASSERT_TRUE(until([this] { return !trouble().empty(); }));
  EXPECT_EQ(trouble(), "bind: the user shows a wrong password, or is no user here");
  seen([this] {
    bob.door.password = SecretBytes::from_text("secret of alice");
    bob.door.user = name_of(kAlice);
    return true;
  });
  ASSERT_TRUE(until([this] { return trouble() == "bind: whoever answers is not the user that was called"; }));
  EXPECT_EQ(seen([this] { return bob.taken.count(); }), 0U) << "nothing is told to a stranger";
}

TEST_F(ForcedAccessTest, APlainRoadIsNoRoadWhereTlsIsAgreedOn) {
  begin();
  bob.door.tls_required = true;
  listen();
  send();
  ASSERT_TRUE(until([this] { return !trouble().empty(); }));
  EXPECT_EQ(trouble(), "bind: " + mts::words_of(mts::BindError::InadequateAssociationConfidentiality));
}

TEST_F(ForcedAccessTest, WhoBindsHimselfIsNotCalled) {
  begin();
  listen();
  Taken own;
  auto client = receiver(own);
  ASSERT_TRUE(client);
  send();
  ASSERT_TRUE(receive(*client, own, 1));
  EXPECT_TRUE(is_emptied());
  EXPECT_EQ(seen([this] { return bob.bound; }), 0U);
  close(std::move(client));
}

TEST_F(ForcedAccessTest, OfTwoAssociationsWhoeverOpenedThemOneGetsIt) {
  begin();
  listen();
  send();
  ASSERT_TRUE(takes(1));
  Taken own;
  auto client = receiver(own);
  ASSERT_TRUE(client);
  for (int i = 0; i < 20; ++i) send();
  while (seen([&] { return bob.taken.count(); }) + own.count() < 21)
    if (!run(receive(*client, own, own.count() + 1, in_ms(100))) && client->client().over()) break;
  EXPECT_TRUE(is_quiet(*client, own));
  EXPECT_EQ(seen([this] { return bob.taken.count(); }) + own.count(), 21U);
  EXPECT_EQ(reports(21).size(), 21U);
  EXPECT_TRUE(is_emptied());
  close(std::move(client));
}

TEST_F(ForcedAccessTest, WhoHoldsEverythingBackIsNotCalledWithoutEnd) {
  mts::RegisterArgument88 registered;
  registered.default_delivery_controls = mts::nothing_permitted();
  node.mailboxes.register_user(kBob, registered);
  begin(false, std::chrono::seconds(1));
  listen();
  send();
  ASSERT_TRUE(until([this] { return bob.ends.size() >= 2; }));  // a second idle, a second's pause
  EXPECT_EQ(seen([this] { return bob.taken.count(); }), 0U);
  EXPECT_LE(seen([this] { return bob.bound; }), 3U);
  node.mailboxes.register_user(kBob, {});
  EXPECT_TRUE(takes(1));
}

TEST_F(ForcedAccessTest, AnAssociationThatBreaksOffLosesNothing) {
  begin();
  bool first = true;
  bob.bound_to = [&](P3Client& client) -> io::Task<void> {
    if (std::exchange(first, false)) co_return;  // the connection is gone, whatever is under way
    Status there;
    while (there) there = co_await client.attend(soon());
  };
  listen();
  const auto id = send();
  ASSERT_TRUE(takes(1));
  EXPECT_EQ(seen([this] { return bob.taken.messages.front().message_delivery_identifier; }), id);
  EXPECT_EQ(reports(1), Reports{std::nullopt});
  EXPECT_EQ(seen([this] { return bob.bound; }), 2U);
}

TEST_F(ForcedAccessTest, WhoBindsAndTakesNothingIsTrouble) {
  begin();
  bob.bound_to = [](P3Client& client) -> io::Task<void> { co_await client.client().wire().flush(); };  // accepts, and is gone
  listen();
  send();
  ASSERT_TRUE(until([this] { return trouble().starts_with("took nothing"); })) << trouble();
  seen([this] {
    bob.bound_to = nullptr;
    return true;
  });
  EXPECT_TRUE(takes(1));
  EXPECT_TRUE(until([this] { return trouble().empty(); })) << trouble();
}

TEST_F(ForcedAccessTest, WhoIsNobodyHereIsTroubleBeforeAnythingIsSent) {  // a typing error in the settings
  also.emplace();
  also->user = name_of(kNobody);
  also->address = {{}, {}, {}, "127.0.0.1", 1};
  begin();
  const auto users = calls->users();
  ASSERT_EQ(users.size(), 2U);
  for (const CalledUserState& each : users) {
    const bool is_bob = each.user.find("Bob") != std::string::npos;
    EXPECT_EQ(each.trouble.find("postern x400 ms add") == std::string::npos, is_bob) << each.user << each.trouble;
  }
}

TEST_F(ForcedAccessTest, WhatIsIdleForLongIsReleasedAndNotAborted) {  // X.411 8.1.2, also where x400.idle is longer than a user's own
  begin(false, std::chrono::seconds(2));
  node.gate->idle = std::chrono::seconds(1);
  listen();
  send();
  ASSERT_TRUE(takes(1));
  ASSERT_TRUE(until([this] { return !bob.ends.empty(); }));
  EXPECT_EQ(seen([this] { return bob.ends.back(); }), "unbound");
}

// ---- what is registered counts for the association that stands: X.411 8.4.1.1
TEST_F(DeliveryFixture, NewDefaultControlsCountAtOnceWhereTheUserHasNotSaidOtherwise) {
  start();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  mts::RegisterArgument88 registered;
  registered.default_delivery_controls.emplace().permissible_maximum_content_length = 1000;
  node.mailboxes.register_user(kBob, registered);
  ASSERT_TRUE(run(client->register_user(registered, soon())));
  send(envelope_to(kBob), 1001);
  EXPECT_TRUE(is_quiet(*client, taken));
  mts::DeliveryControlArgument longer;
  longer.permissible_maximum_content_length = 2000;
  control(*client, longer);
  EXPECT_TRUE(receive(*client, taken, 1));
  ASSERT_TRUE(run(client->register_user(registered, soon())));
  send(envelope_to(kBob), 1001);
  EXPECT_TRUE(receive(*client, taken, 2)) << "what he said on the association stays";
  close(std::move(client));
}

TEST_F(DeliveryFixture, WhatIsHeldBackAndCanBeTakenNoMoreIsReported) {
  start();
  Taken taken;
  auto client = receiver(taken);
  ASSERT_TRUE(client);
  mts::DeliveryControlArgument nothing;
  static_cast<mts::Controls&>(nothing) = mts::nothing_permitted();
  control(*client, nothing);
  send(envelope_to(kBob), 1001);
  EXPECT_TRUE(is_quiet(*client, taken));
  mts::RegisterArgument88 registered;
  registered.deliverable_maximum_content_length = 1000;
  node.mailboxes.register_user(kBob, registered);
  ASSERT_TRUE(run(client->register_user(registered, soon())));
  EXPECT_TRUE(is_quiet(*client, taken));
  EXPECT_EQ(reports(1), Reports{mts::NonDeliveryDiagnosticCode::ContentTooLong});
  EXPECT_TRUE(is_emptied());
  close(std::move(client));
}

}  // namespace
}  // namespace postern::mhs
