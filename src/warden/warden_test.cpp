#include "warden/warden.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "warden/library_ward.hpp"

namespace postern::warden {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

SteadyTime soon() { return std::chrono::steady_clock::now() + 5s; }

TEST(RestartPolicy, ALongLifeIsFollowedAtOnce) {
  RestartPolicy policy;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(policy.ended(60s), milliseconds(0));
}

TEST(RestartPolicy, ShortLivesWaitLongerAndEnd) {
  RestartPolicy policy({.first_delay = 50ms, .longest_delay = 1000ms, .long_enough = 1000ms, .early_ends = 9});
  std::vector<std::int64_t> delays;
  for (;;) {
    const auto delay = policy.ended(delays.size() % 2 == 0 ? std::nullopt : std::optional(999ms));
    if (!delay) break;
    delays.push_back(delay->count());
  }
  EXPECT_EQ(delays, (std::vector<std::int64_t>{0, 50, 100, 200, 400, 800, 1000, 1000}));
}

TEST(RestartPolicy, OneGoodLifeBeginsTheCountAnew) {
  RestartPolicy policy({.early_ends = 3});
  EXPECT_EQ(policy.ended(std::nullopt), milliseconds(0));
  EXPECT_EQ(policy.ended(1ms), milliseconds(50));
  EXPECT_EQ(policy.ended(2s), milliseconds(0));
  EXPECT_EQ(policy.ended(std::nullopt), milliseconds(0));
  EXPECT_EQ(policy.ended(std::nullopt), milliseconds(50));
  EXPECT_EQ(policy.ended(std::nullopt), std::nullopt);
}

TEST(Control, TextsAndChannelsArrive) {
  auto [warden, child] = Control::pair().value();
  auto [left, right] = Control::channel_pair().value();
  ASSERT_TRUE(warden.send(ControlKind::Channel, "keeper", left.get()));
  ASSERT_TRUE(warden.send(ControlKind::Quit));
  auto first = child.receive(soon());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->kind, ControlKind::Channel);
  EXPECT_EQ(first->text, "keeper");
  EXPECT_NE(::fcntl(first->channel.get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(::write(first->channel.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(right.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_EQ(child.receive(soon())->kind, ControlKind::Quit);
  EXPECT_EQ(child.receive(std::chrono::steady_clock::now()).error().code, ErrorCode::Timeout);
  warden = Control(UniqueFd());
  EXPECT_EQ(child.receive(soon()).error().code, ErrorCode::Unavailable);
}

TEST(Control, WhatIsNoMessageIsRefusedAndLeavesNoDescriptor) {
  auto [warden, child] = Control::pair().value();
  const std::string large(kControlText + 2, 'x');
  for (const std::string& bad : {std::string("\x0Azzz"), std::string("\0", 1), "\x03" + large}) {
    ASSERT_GT(::send(child.fd(), bad.data(), bad.size(), 0), 0);
    EXPECT_EQ(warden.receive(soon()).error().code, ErrorCode::BadInput);
  }
  ASSERT_TRUE(child.send(ControlKind::Ready, "", STDERR_FILENO)) << "a descriptor that belongs to no Ready";
  const int next = ::dup(STDERR_FILENO);
  ::close(next);
  EXPECT_EQ(warden.receive(soon()).error().code, ErrorCode::BadInput);
  const int after = ::dup(STDERR_FILENO);
  EXPECT_EQ(after, next);
  ::close(after);
  ASSERT_TRUE(child.send(ControlKind::Channel, "no descriptor"));
  EXPECT_EQ(warden.receive(soon()).error().code, ErrorCode::BadInput);
  EXPECT_EQ(child.send(ControlKind::Ready, large).error().code, ErrorCode::TooLarge);
}

TEST(Control, ALibraryComesWithItsThreeDescriptors) {
  auto [warden, child] = Control::pair().value();
  auto [left, right] = Control::channel_pair().value();
  const int three[] = {left.get(), STDOUT_FILENO, STDERR_FILENO}, two[] = {left.get(), STDOUT_FILENO};
  ASSERT_TRUE(warden.send(ControlKind::Library, "", three));
  const auto message = child.receive(soon());
  ASSERT_TRUE(message);
  ASSERT_EQ(::write(message->channel.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(right.get(), &byte, 1), 1);
  EXPECT_TRUE(message->output && message->errors);
  ASSERT_TRUE(warden.send(ControlKind::Library, "", two));
  EXPECT_EQ(child.receive(soon()).error().code, ErrorCode::BadInput);
}

TEST(Control, AReceiverThatDoesNotReadIsNotWaitedFor) {
  auto [warden, child] = Control::pair().value();
  const std::string text(1000, 'x');
  Status sent;
  for (int i = 0; i < 10'000 && sent; ++i) sent = child.send(ControlKind::Ready, text);
  EXPECT_EQ(sent.error().code, ErrorCode::Unavailable);
}

// The child is this program again, with other tests.
ChildPlan library_plan(std::vector<std::string> arguments) { return {"library", std::move(arguments), {}, {}, {}}; }

/// What the gate hears next; meanwhile the warden looks at its children.
Result<ControlMessage> hear(Control& gate, Control& warden, LibraryWard& ward) {
  for (int i = 0; i < 500; ++i) {
    ward.reap(warden);
    auto message = gate.receive(std::chrono::steady_clock::now() + 20ms);
    if (message || message.error().code != ErrorCode::Timeout) return message;
  }
  return fail(ErrorCode::Timeout, "nothing was heard");
}

TEST(Library, OneIsStartedAndItsEndIsTold) {
  auto [warden, gate] = Control::pair().value();
  LibraryWard ward(library_plan({"--gtest_filter=Nothing"}));
  EXPECT_TRUE(ward.hears(ControlKind::Launch) && !ward.hears(ControlKind::Again));
  ward.obey(ControlKind::Launch, warden);
  ward.obey(ControlKind::Launch, warden);
  EXPECT_EQ(gate.receive(soon())->kind, ControlKind::Library);
  EXPECT_EQ(gate.receive(soon())->kind, ControlKind::NoLibrary) << "one at a time";
  const auto ended = hear(gate, warden, ward);
  ASSERT_TRUE(ended) << ended.error().text();
  EXPECT_EQ(ended->kind, ControlKind::LibraryEnded);
  EXPECT_EQ(ended->text, "0");
}

TEST(Library, OneThatHangsIsEnded) {
  const std::vector<std::string> arguments = ::testing::internal::GetArgvs();
  if (std::ranges::find(arguments, "--hang") != arguments.end()) ::pause();  // we are the child
  auto [warden, gate] = Control::pair().value();
  LibraryWard ward(library_plan({"--gtest_filter=Library.OneThatHangsIsEnded", "--hang"}));
  ward.obey(ControlKind::Launch, warden);
  ASSERT_EQ(gate.receive(soon())->kind, ControlKind::Library);
  ward.obey(ControlKind::EndLibrary, warden);
  EXPECT_EQ(hear(gate, warden, ward)->text, std::to_string(SIGKILL));
}

TEST(Library, WithoutOneNothingIsStarted) {
  const LibraryWard ward(std::nullopt);
  EXPECT_FALSE(ward.hears(ControlKind::Launch));
}

TEST(Ports, AreNamesAndNumbers) {
  const auto ports = read_ports("http 8080\nmx 25\nmy door 465\n").value();
  ASSERT_EQ(ports.size(), 3U);
  EXPECT_EQ(ports[2].name, "my door");
  EXPECT_EQ(ports[2].port, 465);
  EXPECT_TRUE(read_ports("").value().empty());
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "a 1\n";
  for (const std::string& bad : {std::string("http"), std::string("http "), std::string(" 80"), std::string("http 65536"),
                                 std::string("http -1"), std::string("http 1x"), std::string("\n"), many})
    EXPECT_EQ(read_ports(bad).error().code, ErrorCode::BadInput) << bad.substr(0, 20);
}

TEST(Ends, AreDescribed) {
  EXPECT_EQ(describe_end(W_EXITCODE(5, 0)), "status 5");
  EXPECT_EQ(describe_end(W_EXITCODE(0, SIGKILL)), "signal 9 (Killed)");
}

}  // namespace
}  // namespace postern::warden
