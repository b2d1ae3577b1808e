// A large APDU through real layers: in bounded memory, and with the network cut at points that nobody chose.
#include <gtest/gtest.h>
#include <malloc.h>

#include "osi/testing/association_pair.hpp"

namespace postern::osi {
namespace {

using testing::AssociationPair;

constexpr std::uint64_t kSize = std::uint64_t{100} * 1024 * 1024;

/// Octet n of the APDU; nobody holds it.
Byte octet_at(std::uint64_t n) { return static_cast<Byte>((n * 2654435761U) >> 13 ^ n); }

Bytes octets_at(std::uint64_t from, std::size_t count) {
  Bytes made(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = octet_at(from + i);
  return made;
}

/// The receiver's durable side: counts and checks what came, remembers points.
struct Durable {
  std::uint64_t octets = 0;
  bool right = true, whole = false;
  std::vector<ResumePoint> points;  ///< As many as the window may leave unconfirmed.

  void take(const RtTransferOctets& more) {
    for (std::size_t i = 0; i < more.octets.size(); ++i) right &= more.octets[i] == octet_at(octets + i);
    octets += more.octets.size();
  }
};

void receive(AssociationPair& pair, Durable& durable) {
  for (auto& event : std::exchange(pair.b.events, {})) {
    if (const auto* octets = std::get_if<RtTransferOctets>(&event)) durable.take(*octets);
    if (auto* checkpoint = std::get_if<RtTransferCheckpoint>(&event)) {
      (void)pair.b.association.confirm_checkpoint(checkpoint->point.serial);
      durable.points.push_back(std::move(checkpoint->point));
      if (durable.points.size() > 8) durable.points.erase(durable.points.begin());
    }
    if (std::holds_alternative<RtTransferEnd>(event)) {
      durable.whole = true;
      (void)pair.b.association.confirm_end();
    }
    if (const auto* resume = std::get_if<RtResumeRequested>(&event)) {
      if (durable.whole) {
        (void)pair.b.association.refuse_resume(ResumeRefusal::Completed);
      } else {
        // The sender may have missed the last confirmations, and goes on from an older one.
        const auto found = std::ranges::find(durable.points, resume->serial, &ResumePoint::serial);
        ASSERT_NE(found, durable.points.end());
        durable.octets = found->octets;
        ASSERT_TRUE(pair.b.association.accept_resume(*found));
        durable.points.erase(found + 1, durable.points.end());
      }
    }
  }
}

/// One association's worth: until the transfer is confirmed, or the network is cut.
bool run(AssociationPair& pair, Durable& durable, std::uint64_t& at, std::optional<ResumePoint>& point) {
  bool confirmed = false;
  for (bool going = true; going && !pair.cut && !confirmed;) {
    going = false;
    for (std::size_t wanted = pair.a.association.wants_octets(); wanted != 0; wanted = pair.a.association.wants_octets()) {
      EXPECT_TRUE(pair.a.association.supply(octets_at(at, wanted), at + wanted == kSize));
      at += wanted;
      going = true;
    }
    pair.pump();
    going |= !pair.b.events.empty();
    receive(pair, durable);
    pair.pump();
    for (auto& event : std::exchange(pair.a.events, {})) {
      if (std::holds_alternative<RtTransferConfirmed>(event)) confirmed = true;
      if (auto* failed = std::get_if<RtTransferFailed>(&event)) point = std::move(failed->point);
    }
  }
  return confirmed;
}

TEST(AssociationTransfer, AHundredMebibytesInBoundedMemory) {
  auto pair = AssociationPair::of(mts_transfer(), [](AssociationOptions& o) { o.checkpoint_size = 64; });
  ASSERT_TRUE(pair.open());
  pair.b.events.clear();
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  ASSERT_TRUE(pair.a.association.transfer({0, kSize}));
  Durable durable;
  std::uint64_t at = 0;
  std::optional<ResumePoint> point;
  EXPECT_TRUE(run(pair, durable, at, point));
  EXPECT_TRUE(durable.right && durable.whole);
  EXPECT_EQ(durable.octets, kSize);
  // Both ends and the pipe between them; what is freed does not count, what lies around after 100 MiB would.
  EXPECT_LT(mallinfo2().uordblks + mallinfo2().hblkhd, before + std::size_t{16} * 1024 * 1024);
}

TEST(AssociationTransfer, GoesOnAfterEveryCut) {
  std::uint32_t random = 7;
  const auto next = [&random](std::uint32_t below) { return (random = random * 1664525 + 1013904223) % below; };
  Durable durable;
  std::uint64_t at = 0;
  std::optional<ResumePoint> point;
  std::size_t cuts = 0;
  for (bool confirmed = false; !confirmed; ++cuts) {
    ASSERT_LT(cuts, 200U);
    auto pair = AssociationPair::of(mts_transfer(), [](AssociationOptions& o) { o.checkpoint_size = 63; });
    ASSERT_TRUE(pair.open());
    pair.b.events.clear();
    pair.a.events.clear();
    pair.cut_after = pair.octets + 1'000'000 + next(20'000'000);
    if (point) {
      at = pair.a.association.resume({0, kSize}, *point, true).value();
    } else {
      at = 0;
      durable = {};
      ASSERT_TRUE(pair.a.association.transfer({0, kSize}));
    }
    point.reset();
    confirmed = run(pair, durable, at, point);
  }
  EXPECT_TRUE(durable.right && durable.whole);
  EXPECT_EQ(durable.octets, kSize);
  EXPECT_GT(cuts, 4U);
}

}  // namespace
}  // namespace postern::osi
