// rooms: osi asn1
// The reliable transfer machine in both roles. Octet 0: mode, turn, checkpoint and window; then pairs: what the session layer or our user
// does, and its argument. The session layer's own order is not kept: this machine has to stand by itself.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "osi/rtse.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

void must(bool holds) {
  if (!holds) std::abort();
}

SessionEvent event_from(unsigned kind, unsigned argument, ByteView more) {
  const Bytes some(more.begin(), more.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(more.size(), argument)));
  SActivityResume resume;
  resume.old_activity = {2, 1, static_cast<Byte>(argument)};
  resume.serial = argument;
  resume.calling_reference = resume.common_reference = some;
  const std::array<SessionEvent, 16> all{SActivityStart{{2, 1, 1}, {}},
                                         resume,
                                         SData{some},
                                         SSyncMinor{true, argument, {}},
                                         SActivityEnd{},
                                         SActivityInterrupt{},
                                         SActivityDiscard{},
                                         SSyncMinorResponse{argument, {}},
                                         SActivityEndResponse{},
                                         SActivityInterruptResponse{},
                                         SActivityDiscardResponse{},
                                         SUExceptionReport{static_cast<ExceptionReason>(argument & 7U), {}},
                                         SPExceptionReport{},
                                         SControlGive{},
                                         STokenPlease{Tokens(1), some},
                                         STokenGive{Tokens(static_cast<std::uint8_t>(argument))}};
  return all.at(kind % all.size());
}

void user(Rtse& rtse, unsigned kind, unsigned argument, SteadyTime now) {
  switch (kind % 12) {
    case 0: (void)rtse.transfer({5, argument == 0 ? std::nullopt : std::optional<std::uint64_t>(argument * 100U)}, now); break;
    case 1:
      (void)rtse.resume({5, std::nullopt}, ResumePoint{{2, 1, 1}, {}, argument, argument * 1000U, {}, {}}, (argument & 1) != 0, now);
      break;
    case 2: (void)rtse.supply(Bytes(std::min<std::size_t>(rtse.wants_octets(), argument * 8U)), (argument & 3) == 0); break;
    case 3: (void)rtse.interrupt(now); break;
    case 4: (void)rtse.discard(now); break;
    case 5: (void)rtse.confirm_checkpoint(argument); break;
    case 6: (void)rtse.confirm_end(); break;
    case 7: (void)rtse.refuse(static_cast<ExceptionReason>(argument & 7U)); break;
    case 8: (void)rtse.accept_resume(ResumePoint{{2, 1, 1}, {}, argument, 0, {}, ExternalReader().save()}); break;
    case 9: (void)rtse.give_turn(); break;
    case 10: (void)rtse.please_turn(argument); break;
    default: (void)rtse.tick(now); break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  RtseAgreement agreement;
  agreement.mode = (data[0] & 1) != 0 ? RtseMode::X410 : RtseMode::Normal;
  agreement.turn = (data[0] & 2) != 0;
  agreement.dialogue = (data[0] & 4) != 0 ? DialogueMode::TwoWayAlternate : DialogueMode::Monologue;
  agreement.checkpoint = (data[0] & 8) != 0 ? 1024 : 0;
  agreement.window = data[0] >> 4 & 7;
  RtseLimits limits;
  limits.apdu = 5000;
  limits.piece = 600;
  Rtse rtse(agreement, limits);
  SteadyTime now{};
  std::uint64_t received = 0;
  for (std::size_t at = 1; at + 1 < size; at += 2) {
    now += std::chrono::seconds(data[at + 1]);
    if (data[at] < 128) {
      user(rtse, data[at], data[at + 1], now);
    } else if (!rtse.waits_for_decision() || data[at] >= 192) {
      if (!rtse.receive(event_from(data[at] & 63U, data[at + 1], ByteView(data, size).subspan(at + 2)), now)) break;
    }
    must(!(rtse.sending() && rtse.wants_octets() > limits.piece));
    while (const auto request = rtse.take_request())
      if (const auto* piece = std::get_if<SData>(&*request)) must(!piece->user_data.empty() && piece->user_data.size() <= limits.piece);
    while (const auto event = rtse.next_event()) {
      if (std::holds_alternative<RtTransferBegin>(*event)) received = 0;
      if (const auto* octets = std::get_if<RtTransferOctets>(&*event)) received += octets->octets.size();
      must(received <= limits.apdu + 64);
    }
  }
  rtse.broken("end");
  must(rtse.idle());
  return 0;
}
