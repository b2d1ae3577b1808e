#include "gateway/door.hpp"

#include <gtest/gtest.h>

#include <array>

#include "io/loops.hpp"
#include "io/testing/run.hpp"
#include "keys/transit_keeper.hpp"

namespace postern::gateway {
namespace {

using io::testing::run_on;
using io::testing::soon;

/// Takes no message and refuses none: the answer never comes.
class Undecided final : public Reception {
 public:
  explicit Undecided(std::promise<void>& reached) : m_reached(reached) {}
  io::Task<Result<std::optional<User>>> find_user(std::string) override { co_return std::optional<User>(); }
  io::Task<Result<bool>> check_password(std::string, SecretBytes) override { co_return false; }
  io::Task<void> login_ended(Road, std::string, std::string, bool) override { co_return; }
  smtp::Reply check_sender(const Road&, const smtp::MailFrom&) override { return {}; }
  smtp::Reply check_recipient(const Road&, const smtp::RcptTo&) override { return {}; }
  io::Task<std::vector<smtp::Reply>> take(Arrival arrival) override {
    EXPECT_TRUE(arrival.counted);
    m_reached.set_value();
    co_await io::sleep_until(io::kNoDeadline);
    co_return std::vector<smtp::Reply>();
  }

 private:
  std::promise<void>& m_reached;
};

io::Task<void> send(io::Stream& stream) {
  const std::string text = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n";
  std::array<Byte, 512> greeting{};  // an early talker is refused
  EXPECT_TRUE(co_await stream.read_some(greeting, soon()));
  EXPECT_TRUE(co_await stream.write_all(text, soon()));
}

TEST(Door, AMessageThatIsBeingTakenAtTheEndIsFreedInAnyOrder) {
  const SystemClock clock;
  SystemRandom random;
  io::Loops loops(1);
  auto options = std::make_shared<smtp::ServerOptions>();
  options->tls = smtp::TlsMode::Off;
  options->content_budget = std::make_shared<ContentBudget>(1024 * 1024);
  std::promise<void> reached;
  auto reception = std::make_unique<Undecided>(reached);
  DoorOptions door_options;
  door_options.name = "mx";
  door_options.smtp = options;
  Door door(std::move(door_options), *reception, clock, random);
  auto streams = *io::Stream::pair(loops.at(0));
  io::spawn(loops.at(0), door.serve(std::move(streams.first)), "door");
  loops.start();
  run_on(loops.at(0), send(streams.second));
  reached.get_future().get();
  EXPECT_GT(options->content_budget->used(), 0U);
  loops.stop();
  loops.join();
  reception.reset();
  loops.clear();
  EXPECT_EQ(options->content_budget->used(), 0U);
}

/// The system's, and later by what a test says.
class LaterClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return m_system.now(); }
  [[nodiscard]] SteadyTime steady() const override { return m_system.steady() + later.load(); }
  std::atomic<std::chrono::seconds> later{std::chrono::seconds(0)};

 private:
  SystemClock m_system;
};

/// Takes every message, and asks for its key before it is there.
class Expecting final : public Reception {
 public:
  io::Task<Result<std::optional<User>>> find_user(std::string) override { co_return std::optional<User>(); }
  io::Task<Result<bool>> check_password(std::string, SecretBytes) override { co_return false; }
  io::Task<void> login_ended(Road, std::string, std::string, bool) override { co_return; }
  smtp::Reply check_sender(const Road&, const smtp::MailFrom&) override { return {}; }
  smtp::Reply check_recipient(const Road&, const smtp::RcptTo&) override { return {}; }
  std::shared_ptr<KeyAhead> expect(const MessageId& message) override {
    ++expected;
    return std::make_shared<KeyAhead>(*m_keeper, message, grace);
  }
  io::Task<std::vector<smtp::Reply>> take(Arrival arrival) override {
    with_key.push_back(arrival.key_ahead != nullptr);
    if (arrival.key_ahead) EXPECT_TRUE(arrival.key_ahead->take(arrival.id, key_names::kMailStorage));
    co_return std::vector<smtp::Reply>(1, smtp::Reply{250, {2, 0, 0}, "taken"});
  }
  int expected = 0;
  std::vector<bool> with_key;
  GracePeriod grace;

 private:
  SystemClock m_clock;
  std::shared_ptr<Keeper> m_keeper = make_memory_keeper(m_clock).value();
};

struct ExpectedMessages : testing::Test {
  ExpectedMessages() {
    auto options = std::make_shared<smtp::ServerOptions>();
    options->tls = smtp::TlsMode::Off;
    DoorOptions door_options;
    door_options.name = "mx";
    door_options.smtp = std::move(options);
    door.emplace(std::move(door_options), reception, clock, random);
    auto streams = *io::Stream::pair(loops.at(0));
    io::spawn(loops.at(0), door->serve(std::move(streams.first)), "door");
    client.emplace(std::move(streams.second));
    loops.start();
    say("", "220");
    say("EHLO c.example\r\n", "250");
  }
  ~ExpectedMessages() override {
    loops.stop();
    loops.join();
    loops.clear();
  }
  /// Sends what it is given and waits for an answer that begins so.
  void say(std::string_view text, std::string_view code) { run_on(loops.at(0), exchange(std::string(text), std::string(code))); }
  io::Task<void> exchange(std::string text, std::string code) {
    if (!text.empty()) EXPECT_TRUE(co_await client->write_all(text, soon()));
    std::array<Byte, 2048> answer{};
    const auto got = co_await client->read_some(answer, soon());
    EXPECT_TRUE(got && as_text(ByteView(answer).first(*got)).starts_with(code));
  }
  void begin_message() {
    say("MAIL FROM:<a@b.example>\r\n", "250");
    say("RCPT TO:<x@y.example>\r\n", "250");
  }
  void send_content() {
    say("DATA\r\n", "354");
    say("Subject: x\r\n\r\nx\r\n.\r\n", "250");
  }

  LaterClock clock;
  SystemRandom random;
  io::Loops loops{1};
  Expecting reception;
  std::optional<Door> door;
  std::optional<io::Stream> client;
};

TEST_F(ExpectedMessages, TheKeyIsAskedForWhenTheFirstRecipientIsKnown) {
  begin_message();
  say("RCPT TO:<z@y.example>\r\n", "250");
  send_content();
  begin_message();
  send_content();
  EXPECT_EQ(reception.expected, 2);
  EXPECT_EQ(reception.with_key, (std::vector<bool>{true, true}));
  EXPECT_TRUE(reception.grace.wait(std::chrono::seconds(20)));
}

TEST_F(ExpectedMessages, WhoTakesHisTimeGoesWithoutSoThatVersionsCanBeRetired) {
  begin_message();
  clock.later = std::chrono::seconds(5);
  send_content();
  EXPECT_EQ(reception.with_key, (std::vector<bool>{false}));
  EXPECT_TRUE(reception.grace.wait(std::chrono::seconds(20)));
}

TEST_F(ExpectedMessages, NothingIsAskedForWhatIsThereAlready) {
  say("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 6 LAST\r\nx: y\r\n", "250");
  EXPECT_EQ(reception.expected, 0);
}

}  // namespace
}  // namespace postern::gateway
