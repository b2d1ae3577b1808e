// rooms: osi
// A session in either role. Octet 0 chooses role, units and version; then records: a kind below 128 is a primitive of our user, with one
// octet of argument; from 128 on it is a TSDU of the peer, with its length in the next octet.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "osi/session.hpp"
#include "osi/spdu.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

void must(bool holds) {
  if (!holds) std::abort();
}

bool is_last(const SessionEvent& event) {
  const auto* release = std::get_if<SReleaseResponse>(&event);
  return std::holds_alternative<SPAbort>(event) || std::holds_alternative<SUAbort>(event) ||
         std::holds_alternative<SConnectRefuse>(event) || (release != nullptr && release->affirmative);
}

SessionRequest primitive_from(unsigned kind, unsigned argument) {
  const Bytes data(argument % 7 == 0 ? argument * 10 : argument % 3, 'd');
  const Tokens tokens(static_cast<std::uint8_t>(argument & Tokens::all().bits));
  const std::array<SessionRequest, 24> all = {
      SConnect{{}, {}, {}, FunctionalUnits(static_cast<std::uint16_t>(argument)), {}, {}, data},
      SConnectAccept{{}, {}, kRtseUnits, TokenSettings::all(TokenSetting::Acceptor), tokens, {}, data},
      SConnectRefuse{},
      SRelease{data},
      SReleaseResponse{(argument & 1) != 0, data},
      SUAbort{data},
      SData{data},
      STypedData{data},
      STokenGive{tokens},
      STokenPlease{tokens, data},
      SControlGive{},
      SSyncMinor{(argument & 1) != 0, 0, data},
      SSyncMinorResponse{argument, data},
      SSyncMajor{0, data},
      SSyncMajorResponse{data},
      SUExceptionReport{ExceptionReason::Unspecified, data},
      SActivityStart{{1}, data},
      SActivityResume{{1}, {2}, argument, {}, {}, {}, {}, data},
      SActivityInterrupt{},
      SActivityInterruptResponse{},
      SActivityDiscard{},
      SActivityDiscardResponse{},
      SActivityEnd{0, data},
      SActivityEndResponse{data}};
  return all[kind % all.size()];
}

SessionOptions options_from(unsigned bits) {
  SessionOptions options;
  options.role = (bits & 1) != 0 ? SessionRole::Initiator : SessionRole::Responder;
  options.versions = (bits & 2) != 0 ? kSessionVersion1 : kSessionVersion1 | kSessionVersion2;
  options.max_tsdu_in = options.max_tsdu_out = (bits & 4) != 0 ? 64 : 0;
  options.extended_concatenation = (bits & 8) != 0;
  options.max_ssdu = 3'000;
  options.max_connect_data = 12'000;
  return options;
}

struct Watch {
  Session& session;
  bool ended = false;

  void look() {
    while (const auto event = session.next_event()) {
      must(!ended);  // Nothing behind the last event.
      ended = is_last(*event);
      if (const auto* data = std::get_if<SData>(&*event)) must(data->user_data.size() <= 3'000);
    }
    while (const auto tsdu = session.take_tsdu()) {
      TsduReader reader(*tsdu);
      do must(reader.next().has_value());
      while (!reader.at_end());
    }
    must(session.available_tokens().contains(session.owned_tokens()));
    must(session.unconfirmed_serial() <= session.next_serial());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Session session(options_from(data[0]), SteadyTime());
  Watch watch{session};
  ByteView rest(data + 1, size - 1);
  while (rest.size() >= 2) {
    const unsigned kind = rest[0], argument = rest[1];
    rest = rest.subspan(2);
    if (kind < 128) {
      const auto before = session.state();
      const auto done = session.request(primitive_from(kind, argument), SteadyTime());
      must(done.has_value() || (session.state() == before && !done.error().what.empty()));
    } else {
      const std::size_t length = std::min<std::size_t>(argument, rest.size());
      session.receive(rest.first(length), SteadyTime());
      rest = rest.subspan(length);
    }
    watch.look();
  }
  if (session.deadline() != SteadyTime::max()) session.tick(session.deadline());
  watch.look();
  session.transport_disconnected("end of input");
  watch.look();
  must(session.closed() && session.deadline() == SteadyTime::max());
  return 0;
}
