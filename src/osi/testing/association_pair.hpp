// Two associations back to back over a byte pipe that cuts as it is told, for tests, fuzzers and the layers above.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "osi/association.hpp"
#include "osi/transcript.hpp"

namespace postern::osi::testing {

struct AssociationSide {
  Association association;
  std::vector<AssociationEvent> events;  ///< All that came, in order.

  template <class Event>
  [[nodiscard]] const Event* last() const {
    for (auto each = events.rbegin(); each != events.rend(); ++each)
      if (const auto* found = std::get_if<Event>(&*each)) return found;
    return nullptr;
  }
  template <class Event>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(events, [](const auto& each) { return std::holds_alternative<Event>(each); }));
  }
  [[nodiscard]] Bytes received() const {
    Bytes all;
    for (const auto& each : events)
      if (const auto* octets = std::get_if<RtTransferOctets>(&each)) append(all, octets->octets);
    return all;
  }
};

/// A bind argument or any other value: an OCTET STRING of this text.
inline asn1::Any octets_value(std::string_view text) {
  Bytes ber{0x04, static_cast<Byte>(text.size())};
  append(ber, as_bytes(text));
  return {std::move(ber)};
}

inline SessionConnectionIdentifier connection_named(std::string_view name) {
  SessionConnectionIdentifier id;
  id.calling_ss_user_reference.value = asn1::TeletexString(name);
  id.common_reference.text = "261126052500Z";
  return id;
}

class AssociationPair {
 public:
  AssociationPair(AssociationOptions initiator, AssociationOptions responder, AssociationOpen open)
      : a{Association::initiate(std::move(initiator), std::move(open), SteadyTime()).value(), {}},
        b{Association::respond(std::move(responder), SteadyTime()).value(), {}} {}

  /// Both sides offer and want this service; the open carries "bind".
  static AssociationPair of(const AssociationService& service, const std::function<void(AssociationOptions&)>& change = {}) {
    AssociationOptions options;
    options.services = {service};
    options.peer = {to_bytes("x400n"), to_bytes("ses"), to_bytes("pres")};
    if (service.profile == AssociationProfile::RtseX410) options.peer.presentation.clear();
    if (change) change(options);
    AssociationOpen open;
    open.data.value = octets_value("bind");
    open.connection = connection_named("alpha");
    AssociationOptions responder = options;
    responder.transcript = {};
    return {options, responder, open};
  }

  AssociationSide a, b;  ///< Initiator, responder.
  SteadyTime now{};
  std::size_t chunk = SIZE_MAX;  ///< Octets handed over at a time.
  std::size_t octets = 0;        ///< That went over, both ways.
  std::size_t cut_after = SIZE_MAX;
  bool cut = false;

  /// Hands everything over until both are quiet.
  void pump() {
    for (bool more = true; more && !cut;) {
      more = move(a, b);
      more = move(b, a) || more;
    }
    collect(a);
    collect(b);
    close();
  }
  void lose() {
    cut = true;
    a.association.network_lost("cut", now);
    b.association.network_lost("cut", now);
    collect(a);
    collect(b);
  }
  bool open() {
    pump();
    if (b.last<AssociationRequested>() == nullptr) return false;
    AssociationAccept accept;
    accept.data.value = octets_value("result");
    if (!b.association.accept(accept)) return false;
    pump();
    return a.association.open() && b.association.open();
  }
  void collect(AssociationSide& side) {
    while (auto event = side.association.next_event()) side.events.push_back(*std::move(event));
  }

 private:
  bool move(AssociationSide& from, AssociationSide& to) {
    collect(from);
    collect(to);
    const Bytes output = from.association.take_output();
    for (std::size_t at = 0; at < output.size(); at += std::min(chunk, output.size() - at)) {
      const std::size_t take = std::min({chunk, output.size() - at, cut_after - std::min(cut_after, octets)});
      if (take == 0) return lose(), true;
      to.association.feed(ByteView(output).subspan(at, take), now);
      octets += take;
      collect(to);
    }
    return !output.empty();
  }
  /// A side that is done closes; the other one learns it.
  void close() {
    if (cut || (!a.association.wants_close() && !b.association.wants_close())) return;
    lose();
  }
};

}  // namespace postern::osi::testing
