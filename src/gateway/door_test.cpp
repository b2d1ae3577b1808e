#include "gateway/door.hpp"

#include <gtest/gtest.h>

#include <array>

#include "io/loops.hpp"
#include "io/testing/run.hpp"

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

/// Takes every message; has a key for the first.
class Keyed final : public Reception {
 public:
  io::Task<Result<std::optional<User>>> find_user(std::string) override { co_return std::optional<User>(); }
  io::Task<Result<bool>> check_password(std::string, SecretBytes) override { co_return false; }
  io::Task<void> login_ended(Road, std::string, std::string, bool) override { co_return; }
  smtp::Reply check_sender(const Road&, const smtp::MailFrom&) override { return {}; }
  smtp::Reply check_recipient(const Road&, const smtp::RcptTo&) override { return {}; }
  std::shared_ptr<KeyAhead> key_ahead(const Road&) override { return std::exchange(key, nullptr); }
  void answered(bool lone) noexcept override { alone += lone; }
  io::Task<std::vector<smtp::Reply>> take(Arrival arrival) override {
    taken.push_back(std::move(arrival));
    co_return std::vector<smtp::Reply>(1, smtp::Reply{250, {2, 0, 0}, "taken"});
  }
  std::shared_ptr<KeyAhead> key = std::make_shared<KeyAhead>(MessageId("of-the-key"), fail(ErrorCode::Unavailable, "none"), nullptr);
  std::vector<Arrival> taken;
  std::atomic<int> alone{0};
};

struct KeysAhead : testing::Test {
  KeysAhead() {
    auto options = std::make_shared<smtp::ServerOptions>();
    options->tls = smtp::TlsMode::Off;
    DoorOptions door_options;
    door_options.name = "mx";
    door_options.smtp = std::move(options);
    door.emplace(std::move(door_options), reception, clock, random);
    loops.start();
  }
  ~KeysAhead() override {
    loops.stop();
    loops.join();
    loops.clear();
  }
  [[nodiscard]] io::Stream visit() {
    auto streams = *io::Stream::pair(loops.at(0));
    io::spawn(loops.at(0), door->serve(std::move(streams.first)), "door");
    say(streams.second, "", "220");
    return std::move(streams.second);
  }
  /// Sends what it is given and waits for an answer that begins so.
  void say(io::Stream& client, std::string_view text, std::string_view code) {
    run_on(loops.at(0), exchange(client, std::string(text), std::string(code)));
  }
  io::Task<void> exchange(io::Stream& client, std::string text, std::string code) {
    if (!text.empty()) EXPECT_TRUE(co_await client.write_all(text, soon()));
    std::array<Byte, 2048> answer{};
    const auto got = co_await client.read_some(answer, soon());
    EXPECT_TRUE(got && as_text(ByteView(answer).first(*got)).starts_with(code));
  }
  void send_message(io::Stream& client) {
    for (const char* command : {"EHLO c.example\r\n", "MAIL FROM:<a@b.example>\r\n", "RCPT TO:<x@y.example>\r\n"})
      say(client, command, "250");
    say(client, "DATA\r\n", "354");
    say(client, "Subject: x\r\n\r\nx\r\n.\r\n", "250");
    say(client, "NOOP\r\n", "250");  // behind what follows the answer
  }

  SystemClock clock;
  SystemRandom random;
  io::Loops loops{1};
  Keyed reception;
  std::optional<Door> door;
};

TEST_F(KeysAhead, AMessageOfASessionThatIsAloneGetsTheKeyAndItsId) {
  io::Stream client = visit();
  send_message(client);
  send_message(client);
  ASSERT_EQ(reception.taken.size(), 2U);
  EXPECT_TRUE(reception.taken[0].key_ahead);
  EXPECT_EQ(reception.taken[0].id, MessageId("of-the-key"));
  EXPECT_FALSE(reception.taken[1].key_ahead) << "there was none";
  EXPECT_EQ(reception.taken[1].id.get().size(), 26U);
  EXPECT_EQ(reception.alone, 2);
}

TEST_F(KeysAhead, InCompanyMessagesAskTogether) {
  io::Stream client = visit(), other = visit();
  send_message(client);
  EXPECT_FALSE(reception.taken.at(0).key_ahead);
  EXPECT_EQ(reception.alone, 0);
}

}  // namespace
}  // namespace postern::gateway
