// The legal transitions of RTSE's two sides as data (X.228 Annex A, reduced to an open association).
#pragma once

#include <array>
#include <cstdint>

#include "osi/rtse.hpp"

namespace postern::osi {

enum class SenderInput : std::uint8_t {
  Transfer,
  Supply,
  Ended,
  CheckpointConfirmed,
  EndConfirmed,
  Interrupt,
  Discard,
  Exception,
  InterruptConfirmed,
  DiscardConfirmed
};
inline constexpr std::size_t kSenderInputs = 10;
enum class ReceiverInput : std::uint8_t {
  Start,
  Resume,
  Data,
  Checkpoint,
  End,
  Interrupt,
  Discard,
  ConfirmCheckpoint,
  ConfirmEnd,
  Refuse,
  AcceptResume
};
inline constexpr std::size_t kReceiverInputs = 11;

inline constexpr std::uint8_t kIllegal = 0xFF;

namespace detail {
using S = RtseSender::State;
using R = RtseReceiver::State;
constexpr std::uint8_t to(S state) { return static_cast<std::uint8_t>(state); }
constexpr std::uint8_t to(R state) { return static_cast<std::uint8_t>(state); }
constexpr std::uint8_t no = kIllegal;
}  // namespace detail

// clang-format off
/// [state][input] -> next state.
inline constexpr std::array<std::array<std::uint8_t, kSenderInputs>, 5> kSenderTable = [] {
  using detail::S, detail::no, detail::to;
  constexpr std::uint8_t idle = to(S::Idle), sending = to(S::Sending), end = to(S::WaitEnd), interrupt = to(S::WaitInterrupt), discard = to(S::WaitDiscard);
  return std::array<std::array<std::uint8_t, kSenderInputs>, 5>{{
      //               Transfer  Supply   Ended  CheckpC    EndConf  Interrupt  Discard  Exception  IntConf  DiscConf
      /* Idle     */ {{sending,  no,      no,    no,        no,      no,        no,      no,        no,      no}},
      /* Sending  */ {{no,       sending, end,   sending,   no,      interrupt, discard, sending,   no,      no}},
      /* WaitEnd  */ {{no,       no,      no,    end,       idle,    interrupt, discard, end,       no,      no}},
      // What was under way when the interrupt or discard was sent still arrives, and does not matter any more.
      /* WaitInt  */ {{no,       no,      no,    interrupt, no,      no,        discard, interrupt, idle,    no}},
      /* WaitDisc */ {{no,       no,      no,    discard,   no,      no,        no,      discard,   no,      idle}},
  }};
}();

inline constexpr std::array<std::array<std::uint8_t, kReceiverInputs>, 5> kReceiverTable = [] {
  using detail::R, detail::no, detail::to;
  constexpr std::uint8_t idle = to(R::Idle), receiving = to(R::Receiving), resume = to(R::WaitResume), commit = to(R::WaitCommit), recovery = to(R::WaitRecovery);
  return std::array<std::array<std::uint8_t, kReceiverInputs>, 5>{{
      //                  Start      Resume  Data       Checkp     End       Interr Discard ConfirmC   ConfEnd Refuse    AcceptRes
      /* Idle         */ {{receiving, resume, no,        no,        no,       no,    no,     no,        no,     no,       no}},
      /* Receiving    */ {{no,        no,     receiving, receiving, commit,   idle,  idle,   receiving, no,     recovery, no}},
      /* WaitResume   */ {{no,        no,     no,        no,        no,       idle,  idle,   no,        no,     recovery, receiving}},
      /* WaitCommit   */ {{no,        no,     no,        no,        no,       idle,  idle,  commit,            idle,   recovery, no}},
      // After an exception report what was under way is void until the sender interrupts or discards.
      /* WaitRecovery */ {{no,        no,     recovery,  recovery,  recovery, idle,  idle,   no,        no,     no,       no}},
  }};
}();
// clang-format on

}  // namespace postern::osi
