// rooms: mhs
//
// P1 between two MTAs in one process: messages of 10 KB wait at the first, and are transferred, committed (fsync, encrypted) and delivered
// at the second. Both ends share the machine, as the promise has it; delivery is into memory, the queue of both is the real one.
//
//   mta_bench [--messages 4000] [--size 10240] [--associations 4] [--rounds 3] [--promise RATE]
// Exit status 1 below the promised rate (median)
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "mhs/testing/node.hpp"

namespace {

using namespace postern;
using namespace postern::mhs;
using testing::domain;
using testing::peer_of;
using testing::TestNode;

struct Options {
  std::size_t messages = 4000, size = 10'240, associations = 4, rounds = 3, promise = 0;
};

mts::MessageSubmissionEnvelope envelope() {
  const auto name = [](const char* text) {
    mts::ORName out;
    static_cast<oraddress::ORAddress&>(out) = oraddress::parse(text).value();
    return out;
  };
  mts::MessageSubmissionEnvelope out;
  out.originator_name = name("C=DE;A= ;P=NORTH;S=Alice");
  out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  mts::PerRecipientMessageSubmissionFields one;
  one.recipient_name = name("C=GB;A=GOLD;P=SOUTH;S=Bob");
  one.originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
  out.per_recipient_fields.push_back(std::move(one));
  return out;
}

/// Messages a second, from the moment the second MTA opens to the last delivery.
double round(const Options& options) {
  TestNode north({"north", domain("DE", " ", "NORTH")}), south({"south", domain("GB", "GOLD", "SOUTH")});
  south.mailboxes.add("C=GB;A=GOLD;P=SOUTH;S=Bob");
  north.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Peer, "south");
  south.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Store);
  south.start();
  south.stop();
  Peer peer = peer_of(south.who());
  peer.address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", south.port};
  peer.associations = options.associations;
  north.peers.push_back(std::move(peer));
  south.peers.push_back(peer_of(north.who()));
  north.schedule.delays = {std::chrono::seconds(1)};
  north.start();
  const Bytes content(options.size, 'x');
  for (std::size_t i = 0; i < options.messages; ++i)
    if (!north.submit(envelope(), content)) std::abort();
  const auto begun = std::chrono::steady_clock::now();
  south.start();
  const auto all = south.mailboxes.wait("C=GB;A=GOLD;P=SOUTH;S=Bob", options.messages, std::chrono::seconds(300)).size();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (all != options.messages) std::abort();
  return static_cast<double>(options.messages) / took.count();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto value = static_cast<std::size_t>(std::strtoull(argv[i + 1], nullptr, 10));
    if (std::strcmp(argv[i], "--messages") == 0) options.messages = value;
    if (std::strcmp(argv[i], "--size") == 0) options.size = value;
    if (std::strcmp(argv[i], "--associations") == 0) options.associations = value;
    if (std::strcmp(argv[i], "--rounds") == 0) options.rounds = value;
    if (std::strcmp(argv[i], "--promise") == 0) options.promise = value;
  }
  log::configure(log::Level::Error, log::Format::Text);
  std::vector<double> rates;
  for (std::size_t i = 0; i < options.rounds; ++i) rates.push_back(round(options));
  std::ranges::sort(rates);
  std::printf("%zu messages of %zu octets over %zu associations: %.0f messages/s (%.0f to %.0f)\n", options.messages, options.size,
              options.associations, rates[rates.size() / 2], rates.front(), rates.back());
  return rates[rates.size() / 2] < static_cast<double>(options.promise) ? 1 : 0;
}
