#include "seals/deadline_seal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);

/// Answers when it is allowed to.
class Slow final : public Seal {
 public:
  Slow(std::shared_future<void> gate, std::shared_ptr<std::promise<void>> destroyed)
      : m_gate(std::move(gate)), m_destroyed(std::move(destroyed)) {}
  ~Slow() override { m_destroyed->set_value(); }
  std::string_view type() const noexcept override { return "slow"; }
  std::string_view name() const noexcept override { return "n"; }
  bool needs_operator() const noexcept override { return true; }
  Result<Bytes> wrap(ByteView root_key) override {
    m_gate.wait();
    return Bytes(root_key.begin(), root_key.end());
  }
  Result<SecretBytes> unwrap(ByteView blob) override {
    m_gate.wait();
    if (blob.empty()) return fail(ErrorCode::Denied, "empty");
    return SecretBytes(blob);
  }

 private:
  std::shared_future<void> m_gate;
  std::shared_ptr<std::promise<void>> m_destroyed;
};

struct Gate {
  std::promise<void> open;
  std::shared_ptr<std::promise<void>> destroyed = std::make_shared<std::promise<void>>();
  std::unique_ptr<Seal> seal(std::chrono::milliseconds deadline) {
    return with_deadline(std::make_unique<Slow>(open.get_future().share(), destroyed), deadline);
  }
};

TEST(DeadlineSealTest, PassesAnswersOn) {
  Gate gate;
  const auto seal = gate.seal(std::chrono::minutes(1));
  gate.open.set_value();
  EXPECT_EQ(seal->type(), "slow");
  EXPECT_EQ(seal->name(), "n");
  EXPECT_TRUE(seal->needs_operator());
  EXPECT_EQ(seal->wrap(kRoot), kRoot);
  EXPECT_TRUE(std::ranges::equal(seal->unwrap(kRoot)->view(), kRoot));
  EXPECT_EQ(seal->unwrap({}).error().code, ErrorCode::Denied);
}

TEST(DeadlineSealTest, StuckCallsDoNotPileUp) {
  Gate gate;
  const auto seal = gate.seal(std::chrono::milliseconds(1));
  EXPECT_EQ(seal->unwrap(kRoot).error().code, ErrorCode::Unavailable);
  EXPECT_NE(seal->wrap(kRoot).error().what.find("still busy"), std::string::npos);
  gate.open.set_value();
  // Free again as soon as the call is back. With so short a deadline a call may be late once more.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!seal->wrap(kRoot) && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_LT(std::chrono::steady_clock::now(), until);
}

TEST(DeadlineSealTest, OutlivesItsOwner) {
  Gate gate;
  auto seal = gate.seal(std::chrono::milliseconds(1));
  EXPECT_FALSE(seal->unwrap(kRoot));
  seal.reset();
  auto destroyed = gate.destroyed->get_future();
  EXPECT_EQ(destroyed.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  gate.open.set_value();
  EXPECT_EQ(destroyed.wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

}  // namespace
}  // namespace postern::seals
