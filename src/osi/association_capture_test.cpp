// Captured conversations of other implementations, through all layers: this side takes the place of one of the two, and the other's octets
// are fed as they came. Without the captures the tests say so.
#include <gtest/gtest.h>

#include "osi/oids.hpp"
#include "osi/spdu.hpp"
#include "osi/testing/association_pair.hpp"
#include "osi/testing/capture.hpp"
#include "osi/testing/p1_sample.hpp"
#include "osi/tpkt.hpp"

namespace postern::osi {
namespace {

using testing::AssociationSide;

/// What PP's own programs speak with each other: ROSE over presentation, without a bind.
AssociationService queue_manager() {
  return {"pp-qmgr", AssociationProfile::Rose, {0, 9, 2342, 60200172, 200, 1}, 0, {}, {{0, 9, 2342, 60200172, 200, 2}}};
}

AssociationOptions options_as_captured() {
  AssociationOptions options;
  options.services = {mts_transfer(), queue_manager()};
  options.checkpoint_size = 1;
  options.window_size = 3;
  return options;
}

/// Answers every event as the captured responder did.
void answer(AssociationSide& side) {
  while (auto event = side.association.next_event()) {
    if (std::holds_alternative<AssociationRequested>(*event)) {
      AssociationAccept accept;
      if (std::get<AssociationRequested>(*event).service == 0) accept.data.value = testing::mta_bind_result("mta-b", "secret");
      EXPECT_TRUE(side.association.accept(accept));
    }
    if (std::holds_alternative<RtTransferEnd>(*event)) EXPECT_TRUE(side.association.confirm_end());
    if (std::holds_alternative<ReleaseRequested>(*event)) EXPECT_TRUE(side.association.answer_release());
    if (const auto* invoked = std::get_if<RoseInvoked>(&*event))
      EXPECT_TRUE(side.association.result(invoked->invoke_id, RorsApdu::Outcome{invoked->operation, {{0x30, 0x02, 0x30, 0x00}}}));
    side.events.push_back(*std::move(event));
  }
}

std::vector<Bytes> packets_of(const Bytes& stream) {
  std::vector<Bytes> found;
  for (std::size_t at = 0; at + 4 <= stream.size();) {
    const std::size_t size = std::min<std::size_t>(std::size_t{stream[at + 2]} << 8 | stream[at + 3], stream.size() - at);
    found.emplace_back(stream.begin() + static_cast<std::ptrdiff_t>(at), stream.begin() + static_cast<std::ptrdiff_t>(at + size));
    at += std::max<std::size_t>(size, 4);
  }
  return found;
}

TEST(AssociationCapture, AsTheResponder) {
  const auto file = testing::read_capture("pp-p1-1988-normal.pcap");
  if (!file) GTEST_SKIP() << "no captures in shared/data/x400";
  std::size_t transfers = 0, operations = 0, binds = 0, released = 0;
  for (const auto& conversation : testing::conversations(*file)) {
    if (conversation.to_responder.empty() || conversation.to_initiator.empty()) continue;  // refused, or another protocol
    for (const bool octetwise : {false, true}) {
      AssociationSide side{Association::respond(options_as_captured(), SteadyTime()).value(), {}};
      for (const Bytes& packet : packets_of(conversation.to_responder)) {
        const std::size_t chunk = octetwise ? 1 : packet.size();
        for (std::size_t at = 0; at < packet.size(); at += chunk) {
          side.association.feed(ByteView(packet).subspan(at, chunk), SteadyTime());
          answer(side);
        }
      }
      const auto* requested = side.last<AssociationRequested>();
      if (requested == nullptr) {
        // One more of PP's own contexts, which is not offered here; or a connection that was given up before its CONNECT.
        if (const auto* aborted = side.last<AssociationAborted>())
          EXPECT_EQ(aborted->text, "application context 0.9.2342.60200172.201.1 is not offered: refused");
        continue;
      }
      EXPECT_EQ(side.last<AssociationAborted>(), nullptr) << side.last<AssociationAborted>()->text;
      if (octetwise) continue;
      ASSERT_TRUE(requested->connection || requested->service == 1);
      released += side.count<AssociationReleased>();
      operations += side.count<RoseInvoked>();
      transfers += side.count<RtTransferEnd>();
      if (requested->service != 0) continue;
      ++binds;
      EXPECT_EQ(requested->checkpoint_size, 63);
      EXPECT_EQ(requested->window_size, 3);
      EXPECT_EQ(requested->dialogue, DialogueMode::Monologue);
      EXPECT_EQ(requested->called.transport, to_bytes("x400n"));
      EXPECT_EQ(std::get<asn1::Any>(requested->data.value), testing::mta_bind("mta-a", "secret"));
      // Each APDU is one whole element: a P1 message, with PP's indefinite lengths.
      const Bytes apdu = side.received();
      if (apdu.empty()) continue;
      EXPECT_EQ(asn1::element_size(apdu).value_or(0), apdu.size());
      EXPECT_EQ(apdu.front(), 0xA0);
    }
  }
  EXPECT_EQ(binds, 7U);
  EXPECT_EQ(transfers, 6U);
  EXPECT_GE(operations, 58U);
  EXPECT_GE(released, 58U);
}

TEST(AssociationCapture, AsTheInitiator) {
  const auto file = testing::read_capture("pp-p1-1988-normal.pcap");
  if (!file) GTEST_SKIP() << "no captures in shared/data/x400";
  std::size_t opened = 0;
  for (auto conversation : testing::conversations(*file)) {
    const std::string_view asked = as_text(conversation.to_responder);
    if (asked.find("x400n") == std::string_view::npos || conversation.to_initiator.size() < 14) continue;
    AssociationOptions options = options_as_captured();
    options.services = {mts_transfer()};
    options.checkpoint_size = 63;
    options.peer.transport = to_bytes("x400n");
    AssociationOpen open{{testing::mta_bind("mta-a", "secret")}, testing::connection_named("vm")};
    AssociationSide side{Association::initiate(options, open, SteadyTime()).value(), {}};
    // CC answers the reference that our CR had: 1.
    conversation.to_initiator[6] = 0;
    conversation.to_initiator[7] = 1;
    for (const Bytes& packet : packets_of(conversation.to_initiator)) {
      side.association.feed(packet, SteadyTime());
      while (auto event = side.association.next_event()) {
        if (std::holds_alternative<AssociationOpened>(*event)) {
          ASSERT_TRUE(side.association.transfer({}));
          ASSERT_TRUE(side.association.supply(testing::p1_message(10), true));
        }
        side.events.push_back(*std::move(event));
      }
    }
    if (const auto* answer = side.last<AssociationOpened>()) {
      ++opened;
      EXPECT_EQ(std::get<asn1::Any>(answer->data.value), testing::mta_bind_result("mta-b", "secret"));
      EXPECT_EQ(side.association.agreement()->checkpoint, 1024U);
      EXPECT_EQ(side.association.agreement()->window, 3U);
    }
    if (const auto* ended = side.last<AssociationAborted>()) ADD_FAILURE() << ended->text;
  }
  // The seventh got no answer, and the capture has none to a transfer.
  EXPECT_EQ(opened, 6U);
}

TEST(AssociationCapture, ThePublicBind) {
  const auto file = testing::read_capture("bind-rebuilt.pcap");
  if (!file) GTEST_SKIP() << "no captures in shared/data/x400";
  const auto all = testing::conversations(*file);
  ASSERT_EQ(all.size(), 1U);
  AssociationSide responder{Association::respond(options_as_captured(), SteadyTime()).value(), {}};
  for (const Bytes& packet : packets_of(all[0].to_responder)) {
    responder.association.feed(packet, SteadyTime());
    answer(responder);
  }
  if (const auto* ended = responder.last<AssociationAborted>()) ADD_FAILURE() << ended->text;
  const auto* requested = responder.last<AssociationRequested>();
  ASSERT_NE(requested, nullptr);
  EXPECT_EQ(requested->called.transport, to_bytes("X400-88"));
  EXPECT_EQ(std::get<asn1::OctetString>(requested->connection->calling_ss_user_reference.value).text(), "Percival");
  EXPECT_EQ(requested->connection->common_reference.text, "051001144852Z");
}

/// The user data of the CONNECT or ACCEPT in a stream.
std::vector<Bytes> connect_data(const Bytes& stream) {
  std::vector<Bytes> found;
  for (const Bytes& packet : packets_of(stream)) {
    if (packet.size() < 8 || packet[5] != 0xF0) continue;
    TsduReader reader(ByteView(packet).subspan(7));
    const auto spdu = reader.next();
    if (spdu && spdu->user_data && (spdu->kind == SpduKind::CN || spdu->kind == SpduKind::AC))
      found.emplace_back(spdu->user_data->begin(), spdu->user_data->end());
  }
  return found;
}

/// Decodes, encodes, decodes again: equal values, and the same octets where the original is definite.
template <class Ppdu>
void expect_same(const Bytes& octets, std::size_t& identical) {
  const auto value = asn1::decode<Ppdu>(octets);
  ASSERT_TRUE(value) << value.error().text() << " in " << hex_encode(octets);
  const auto again = asn1::encode(*value);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(asn1::decode<Ppdu>(*again).value(), *value);
  identical += *again == octets ? 1 : 0;
}

TEST(AssociationCapture, ConnectPpdusAreEqualWhenWrittenAgain) {
  std::size_t requests = 0, answers = 0, identical = 0;
  for (const char* name : {"pp-p1-1988-normal.pcap", "bind-rebuilt.pcap"}) {
    const auto file = testing::read_capture(name);
    if (!file) GTEST_SKIP() << "no captures in shared/data/x400";
    for (const auto& conversation : testing::conversations(*file)) {
      for (const Bytes& data : connect_data(conversation.to_responder)) expect_same<CpPpdu>(data, identical), ++requests;
      for (const Bytes& data : connect_data(conversation.to_initiator)) expect_same<CpaPpdu>(data, identical), ++answers;
    }
  }
  EXPECT_GE(requests, 59U);
  EXPECT_GE(answers, 59U);
  EXPECT_GE(identical, 110U);
}

}  // namespace
}  // namespace postern::osi
