// Real traffic, as captured from other implementations: every octet of it is read, written again and the same; and the session engine is
// led through whole conversations. The captures stand outside the repository; without them the tests say so.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "osi/cotp.hpp"
#include "osi/session.hpp"
#include "osi/spdu.hpp"
#include "osi/testing/capture.hpp"
#include "osi/tpdu.hpp"
#include "osi/tpkt.hpp"

namespace postern::osi {
namespace {

using testing::Conversation;
using testing::conversations;
using testing::read_capture;

// --- What is in a stream

struct Layers {
  std::vector<Bytes> tpdus, tsdus;
};
Layers layers(const Bytes& octets) {
  Layers found;
  TpktReader reader;
  reader.feed(octets);
  Bytes tsdu;
  while (const auto tpdu = reader.next().value()) {
    found.tpdus.emplace_back(tpdu->begin(), tpdu->end());
    const auto read = read_tpdu(*tpdu);
    const auto* data = read ? std::get_if<DataTpdu>(&*read) : nullptr;
    if (data == nullptr) continue;
    append(tsdu, data->data);
    if (data->end_of_tsdu) found.tsdus.push_back(std::exchange(tsdu, {}));
  }
  EXPECT_EQ(reader.pending(), 0U);
  return found;
}

void expect_same_spdus(const Bytes& tsdu, std::map<std::string_view, int>& seen) {
  TsduReader reader(tsdu);
  Bytes again;
  do {
    const auto spdu = reader.next();
    ASSERT_TRUE(spdu) << spdu.error().what << " in " << hex_encode(tsdu);
    write_spdu(again, *spdu);
    ++seen[name_of(spdu->kind)];
  } while (!reader.at_end());
  EXPECT_EQ(hex_encode(again), hex_encode(tsdu));
}

void expect_same_tpdu(const Bytes& octets) {
  const auto tpdu = read_tpdu(octets);
  ASSERT_TRUE(tpdu) << tpdu.error().what << " in " << hex_encode(octets);
  Bytes again;
  write_tpdu(again, *tpdu);
  // PP writes the called TSAP-ID before the calling one and nothing for an empty one; the values are what counts.
  const auto once_more = read_tpdu(again);
  ASSERT_TRUE(once_more);
  if (const auto* request = std::get_if<ConnectionRequest>(&*tpdu)) EXPECT_EQ(std::get<ConnectionRequest>(*once_more), *request);
  EXPECT_EQ(again.size(), octets.size());
}

TEST(Capture, EveryTpduAndSpduReadsAndWritesTheSame) {
  std::map<std::string_view, int> seen;
  for (const char* name : {"pp-p1-1988-normal.pcap", "bind-rebuilt.pcap"}) {
    const auto file = read_capture(name);
    if (!file) GTEST_SKIP() << "no shared captures";
    const auto found = conversations(*file);
    EXPECT_FALSE(found.empty()) << name;
    for (const Conversation& each : found) {
      for (const Bytes* octets : {&each.to_responder, &each.to_initiator}) {
        const Layers layer = layers(*octets);
        for (const Bytes& tpdu : layer.tpdus) expect_same_tpdu(tpdu);
        for (const Bytes& tsdu : layer.tsdus) expect_same_spdus(tsdu, seen);
      }
    }
  }
  EXPECT_GE(seen["CONNECT"], 60);
  EXPECT_GE(seen["ACCEPT"], 60);
  EXPECT_GE(seen["ACTIVITY START"], 6);
  EXPECT_GE(seen["ACTIVITY END"], 6);
  EXPECT_GE(seen["DATA TRANSFER"], 100);
}

TransportOptions responding() {
  TransportOptions options;
  options.role = TransportRole::Responder;
  return options;
}

// The responder's engine is given what the initiator of a capture sent, and answers as its user would.
struct Responder {
  Transport transport;
  Session session{SessionOptions{.role = SessionRole::Responder, .selector = {}, .timeouts = {}}, SteadyTime()};
  std::size_t data = 0, activities = 0, releases = 0;
  std::string error;

  Responder() : transport(Transport::open(responding(), SteadyTime()).value()) {}

  void answer(const SessionEvent& event) {
    const auto ask = [&](SessionRequest request) { EXPECT_TRUE(session.request(std::move(request), SteadyTime())); };
    if (const auto* connect = std::get_if<SConnect>(&event)) {
      SConnectAccept accept;
      accept.requirements = connect->requirements;
      ask(accept);
    }
    if (std::holds_alternative<SData>(event)) ++data;
    if (std::holds_alternative<SRelease>(event)) ++releases, ask(SReleaseResponse{});
    if (std::holds_alternative<SActivityEnd>(event)) ++activities, ask(SActivityEndResponse{});
    if (const auto* abort = std::get_if<SPAbort>(&event)) error = abort->text;
  }
  void receive(ByteView octets) {
    transport.receive(octets, SteadyTime());
    while (auto event = transport.next_event()) {
      if (std::holds_alternative<TConnect>(*event)) EXPECT_TRUE(transport.accept());
      if (const auto* tsdu = std::get_if<TData>(&*event)) session.receive(tsdu->tsdu, SteadyTime());
      if (std::holds_alternative<TDisconnect>(*event)) session.transport_disconnected("end of the capture");
    }
    while (auto event = session.next_event()) answer(*event);
  }
};

TEST(Capture, InitiatorsOfTheCaptureAreUnderstood) {
  const auto file = read_capture("pp-p1-1988-normal.pcap");
  if (!file) GTEST_SKIP() << "no shared captures";
  std::size_t sessions = 0, releases = 0, data = 0, activities = 0;
  for (const Conversation& each : conversations(*file)) {
    Responder responder;
    for (const Byte octet : each.to_responder) responder.receive({&octet, 1});
    if (responder.session.state() != Session::State::Idle) ++sessions;
    releases += responder.releases;
    data += responder.data;
    activities += responder.activities;
    // Six conversations were ended by the responder's own trouble: there is no error but the end of the connection.
    const bool fine = responder.error.empty() || responder.error.find("transport connection is gone") != std::string::npos;
    EXPECT_TRUE(fine) << responder.error;
  }
  EXPECT_GE(sessions, 60U);
  EXPECT_GE(releases, 50U);
  EXPECT_GE(data, 50U);
  EXPECT_GE(activities, 6U);
}

TEST(Capture, QuotedVectors) {
  const auto file = read_capture("osi-session-vectors.json");
  if (!file) GTEST_SKIP() << "no shared vectors";
  const boost::json::value root = boost::json::parse(as_text(*file));
  const auto octets = [](const boost::json::value& each, const char* name) {
    return hex_decode(std::string_view(each.at(name).as_string())).value();
  };
  for (const auto& each : root.at("spdu").as_array()) {
    const Bytes tsdu = octets(each, "hex");
    TsduReader reader(tsdu);
    const auto spdu = reader.next();
    ASSERT_TRUE(spdu) << spdu.error().what;
    const auto& expect = each.at("expect");
    EXPECT_EQ(spdu->kind, expect.at("si").to_number<int>() == 13 ? SpduKind::CN : SpduKind::AC);
    EXPECT_EQ(hex_encode(*spdu->user_data), std::string_view(expect.at("user_data_hex").as_string()));
    EXPECT_EQ(as_text(*spdu->common_reference),
              "\x17\x0d"
              "051001144852Z");
    EXPECT_EQ(spdu->calling_selector.has_value(), false);
    EXPECT_EQ(spdu->versions, kSessionVersion2);
    Bytes again;
    write_spdu(again, *spdu);
    EXPECT_EQ(hex_encode(again), hex_encode(tsdu));
  }
  for (const auto& each : root.at("tpdu").as_array()) expect_same_tpdu(octets(each, "hex"));
}

// The quoted ACCEPT answers the quoted CONNECT: an initiator that had sent the one takes the other.
TEST(Capture, QuotedAnswerIsTaken) {
  const auto file = read_capture("osi-session-vectors.json");
  if (!file) GTEST_SKIP() << "no shared vectors";
  const boost::json::value root = boost::json::parse(as_text(*file));
  Session session({}, SteadyTime());
  ASSERT_TRUE(session.request(SConnect{}, SteadyTime()));
  session.receive(hex_decode(std::string_view(root.at("spdu").at(1).at("hex").as_string())).value(), SteadyTime());
  const auto event = session.next_event();
  ASSERT_TRUE(event && std::holds_alternative<SConnectAccept>(*event));
  const auto& accept = std::get<SConnectAccept>(*event);
  EXPECT_EQ(accept.requirements, kRtseUnits);
  EXPECT_EQ(as_text(accept.identifier.user_reference), "\x04\x08Percival") << "it stands in the calling reference of this peer's ACCEPT";
  EXPECT_TRUE(session.connected());
}

}  // namespace
}  // namespace postern::osi
