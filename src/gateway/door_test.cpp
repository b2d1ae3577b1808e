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

}  // namespace
}  // namespace postern::gateway
