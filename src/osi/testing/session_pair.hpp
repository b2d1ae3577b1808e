// Two session engines back to back, for tests, fuzzers and the layers above: TSDUs of one are handed to the other.
#pragma once

#include <utility>
#include <vector>

#include "osi/session.hpp"

namespace postern::osi::testing {

struct SessionSide {
  Session session;
  std::vector<SessionEvent> events;  ///< All that came, in order.

  template <class Primitive>
  [[nodiscard]] const Primitive* last() const {
    return events.empty() ? nullptr : std::get_if<Primitive>(&events.back());
  }
};

class SessionPair {
 public:
  explicit SessionPair(SessionOptions initiator = {}, SessionOptions responder = {})
      : a{Session(as(std::move(initiator), SessionRole::Initiator), SteadyTime()), {}},
        b{Session(as(std::move(responder), SessionRole::Responder), SteadyTime()), {}} {}

  SessionSide a, b;  ///< Initiator, responder.
  SteadyTime now{};
  std::vector<Bytes> from_a, from_b;  ///< TSDUs that went over.

  /// Hands everything over until both are quiet, and disconnects the transport where one side wants it.
  void pump() {
    while (move(a, b, from_a) || move(b, a, from_b)) continue;
  }

  template <class Primitive>
  Result<SerialNumber> ask(SessionSide& side, Primitive primitive) {
    auto result = side.session.request(std::move(primitive), now);
    pump();
    return result;
  }

  /// S-CONNECT with these units, accepted as proposed (half-duplex where both modes are).
  bool connect(FunctionalUnits units = kRtseUnits, TokenSettings settings = {}) {
    SConnect request;
    request.requirements = units;
    request.token_settings = settings;
    if (!ask(a, request) || b.last<SConnect>() == nullptr) return false;
    SConnectAccept accept;
    accept.requirements = units.has(FunctionalUnit::HalfDuplex) ? units.without(FunctionalUnit::Duplex) : units;
    return ask(b, accept).has_value() && a.last<SConnectAccept>() != nullptr;
  }

 private:
  static SessionOptions as(SessionOptions options, SessionRole role) {
    options.role = role;
    return options;
  }

  bool move(SessionSide& from, SessionSide& to, std::vector<Bytes>& log) {
    bool moved = false;
    while (auto event = from.session.next_event()) from.events.push_back(std::move(*event));
    while (auto tsdu = from.session.take_tsdu()) {
      to.session.receive(*tsdu, now);
      log.push_back(std::move(*tsdu));
      moved = true;
    }
    while (auto event = to.session.next_event()) to.events.push_back(std::move(*event));
    if (from.session.wants_disconnect() && !moved) {
      from.session.transport_disconnected("disconnected by this side");
      to.session.transport_disconnected("disconnected by the peer");
      while (auto event = to.session.next_event()) to.events.push_back(std::move(*event));
      moved = true;
    }
    return moved;
  }
};

}  // namespace postern::osi::testing
