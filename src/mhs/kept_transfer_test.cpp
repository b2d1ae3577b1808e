// A transfer goes on in another process where its last checkpoint was: with the octets, the decisions and the places that were kept.
#include "mhs/kept_transfer.hpp"

#include <gtest/gtest.h>

#include "mts/testing/samples.hpp"
#include "mts/transfer_stream.hpp"
#include "store/test_support.hpp"

namespace postern::mhs {
namespace {

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>(i * 2654435761U >> 13);
  return out;
}

Bytes apdu_of(const Bytes& content) {
  auto writer = mts::MessageWriter::make(mts::testing::envelope(), content.size()).value();
  Bytes out(static_cast<std::size_t>(writer.size()));
  const auto source = [&](std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return into.size();
  };
  EXPECT_EQ(writer.pull(out, source).value(), out.size());
  return out;
}

osi::ResumePoint point(osi::SerialNumber serial, std::uint64_t octets) {
  osi::ResumePoint out;
  out.activity = osi::activity_identifier(7);
  out.connection.emplace().calling_ss_user_reference.value = asn1::OctetString("north");
  out.serial = serial;
  out.octets = octets;
  out.envelope = {1, static_cast<Byte>(serial)};
  return out;
}

struct Kept : ::testing::Test {
  Kept() { restart(); }
  /// As after kill -9: nothing is ended in order.
  void restart() {
    staging.reset();
    keeper.reset();
    store.reset();
    StoreOptions where;
    where.data_dir = directory.path() / "var";
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(directory.path() / "var", clock);
    staging = StagingArea::open({}, *store, **keeper, clock).value();
  }
  OpenTransfer begun(std::size_t recipients = 1) {
    OpenTransfer out;
    out.fates = std::make_shared<std::vector<Fate>>();
    for (std::size_t i = 0; i < recipients; ++i) out.fates->push_back({i, std::string(kStoreRoute), std::nullopt, {}});
    out.fates->back().report.emplace().non_delivery_reason_code = mts::NonDeliveryReasonCode::UnableToTransfer;
    out.fates->back().words = "no";
    out.in = std::make_unique<TransferIn>(TransferInOptions(), *staging, MessageId("M1"),
                                          [](mts::MessageTransferEnvelope&) { return Status(); });
    return out;
  }
  void feed(OpenTransfer& open, ByteView octets, osi::SerialNumber serial) {
    ASSERT_TRUE(open.in->append(octets));
    open.add(point(serial, open.in->octets()));
    const Status done = keep(open, "north");
    ASSERT_TRUE(done) << done.error().text();
  }
  test::TemporaryDirectory directory;
  SystemClock clock;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<StagingArea> staging;
};

TEST_F(Kept, GoesOnBehindItsLastCheckpoint) {
  const Bytes content = pattern(300'000), apdu = apdu_of(content);
  const ByteView all(apdu);
  {
    OpenTransfer open = begun();
    ASSERT_NO_FATAL_FAILURE(feed(open, all.first(100'000), 1));
    ASSERT_NO_FATAL_FAILURE(feed(open, all.subspan(100'000, 77'777), 2));
    ASSERT_TRUE(open.in->append(all.subspan(177'777, 50'000)));  // what no checkpoint kept
  }
  restart();
  auto found = kept(*staging).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].peer, "north");
  OpenTransfer& open = found[0].transfer;
  EXPECT_FALSE(open.in);
  EXPECT_EQ(open.octets, 177'777U);
  ASSERT_EQ(open.points.size(), 2U);
  EXPECT_EQ(open.points[1].connection, point(2, 0).connection);
  const Status woken = wake(open, TransferInOptions(), *staging);
  ASSERT_TRUE(woken) << woken.error().text();
  EXPECT_EQ(open.points[1], point(2, 177'777)) << "whole again";
  ASSERT_EQ(open.fates->size(), 1U);
  EXPECT_EQ(open.fates->at(0).route, kStoreRoute);
  EXPECT_EQ(open.fates->at(0).words, "no");
  ASSERT_TRUE(open.in->append(all.subspan(177'777)));
  const auto incoming = open.in->finish();
  ASSERT_TRUE(incoming) << incoming.error().text();
  EXPECT_EQ(incoming->content_size, content.size());
  EXPECT_EQ(std::get<mts::Message>(incoming->apdu.value).envelope, mts::testing::envelope());
  EXPECT_GT(incoming->staged->octets(), content.size());
}

TEST_F(Kept, AgainAndAgain) {
  const Bytes content = pattern(200'000), apdu = apdu_of(content);
  const ByteView all(apdu);
  {
    OpenTransfer open = begun();
    ASSERT_NO_FATAL_FAILURE(feed(open, all.first(20'000), 1));
  }
  for (osi::SerialNumber serial = 2; serial <= 9; ++serial) {
    restart();
    auto found = kept(*staging).value();
    ASSERT_EQ(found.size(), 1U);
    ASSERT_TRUE(wake(found[0].transfer, TransferInOptions(), *staging));
    ASSERT_NO_FATAL_FAILURE(feed(found[0].transfer, all.subspan((serial - 1) * 20'000, 20'000), serial));
  }
  restart();
  auto found = kept(*staging).value();
  ASSERT_TRUE(wake(found[0].transfer, TransferInOptions(), *staging));
  ASSERT_TRUE(found[0].transfer.in->append(all.subspan(180'000)));
  EXPECT_EQ(found[0].transfer.in->finish()->content_size, content.size());
}

TEST_F(Kept, WhatCannotBeGoneOnWithIsForgotten) {
  const Bytes apdu = apdu_of(pattern(100'000));
  {
    OpenTransfer open = begun(5000);  // their fates do not fit
    ASSERT_NO_FATAL_FAILURE(feed(open, ByteView(apdu).first(50'000), 1));
  }
  {
    auto foreign = staging->begin(MessageId("M2")).value();
    ASSERT_TRUE(foreign->append(apdu));
    ASSERT_TRUE(foreign->checkpoint("a note of somebody else"));
  }
  EXPECT_EQ(staging->kept()->size(), 2U);
  restart();
  EXPECT_TRUE(kept(*staging)->empty());
  EXPECT_TRUE(staging->kept()->empty());
}

TEST_F(Kept, NothingOfTheContentStandsInClear) {
  const Bytes apdu = apdu_of(Bytes(100'000, 'Q'));
  OpenTransfer open = begun();
  open.points.push_back(point(1, 1));
  open.points.back().envelope = Bytes(4, 'Q');
  ASSERT_NO_FATAL_FAILURE(feed(open, ByteView(apdu).first(50'000), 2));
  const std::string note = staging->kept()->at(0).note;
  EXPECT_EQ(note.find("51515151"), std::string::npos);
  EXPECT_EQ(note.find("QQQQ"), std::string::npos);
}

TEST_F(Kept, ADamagedOneIsRefusedAndGone) {
  const Bytes apdu = apdu_of(pattern(300'000));
  {
    OpenTransfer open = begun();
    ASSERT_NO_FATAL_FAILURE(feed(open, ByteView(apdu).first(200'000), 1));
  }
  restart();
  for (const auto& entry : std::filesystem::directory_iterator(store->contents().directory()))
    if (entry.path().extension() == ".part") {
      std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(70'000);
      file.put('!');
      file.put('?');
    }
  auto found = kept(*staging).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(wake(found[0].transfer, TransferInOptions(), *staging));
  EXPECT_TRUE(staging->kept()->empty());
}

}  // namespace
}  // namespace postern::mhs
