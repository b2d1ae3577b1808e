// For tests: two MTAs on loopback, north with Alice, south with Bob and Carol, each a route to the other.
#pragma once

#include <gtest/gtest.h>

#include "mhs/testing/node.hpp"

namespace postern::mhs::testing {

inline constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
inline constexpr const char* kBob = "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob";
inline constexpr const char* kCarol = "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Carol";

inline mts::ORName name_of(const char* address) {
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(address).value();
  return out;
}

inline mts::MessageSubmissionEnvelope envelope_to(std::vector<const char*> recipients, bool report = true) {
  mts::MessageSubmissionEnvelope out;
  out.originator_name = name_of(kAlice);
  out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  for (const char* recipient : recipients) {
    mts::PerRecipientMessageSubmissionFields one;
    one.recipient_name = name_of(recipient);
    one.originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
    if (report) one.originator_report_request.set(mts::OriginatorReportRequestBit::Report);
    out.per_recipient_fields.push_back(std::move(one));
  }
  return out;
}

inline Bytes content_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>(i * 2654435761U >> 9);
  return out;
}

struct TwoNodes : ::testing::Test {
  TwoNodes() : north({"north", domain("DE", " ", "NORTH")}), south({"south", domain("GB", "GOLD", "SOUTH")}) {
    north.mailboxes.add(kAlice);
    south.mailboxes.add(kBob);
    south.mailboxes.add(kCarol);
    north.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
    north.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Peer, "south");
    south.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Store);
    south.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Peer, "north");
  }
  void start(TransferMode mode = TransferMode::Normal) {
    // The ports are known once both listen: start, note, start again with the peers.
    for (TestNode* node : {&north, &south}) {
      node->start();
      node->stop();
    }
    north.peers.clear();
    north.peers.push_back(peer_of(south.who(), mode));
    north.peers.back().address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", south.port};
    south.peers.clear();
    south.peers.push_back(peer_of(north.who(), mode));
    south.peers.back().address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", north.port};
    north.start();
    south.start();
  }
  TestNode north, south;
};

}  // namespace postern::mhs::testing
