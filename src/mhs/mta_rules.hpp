// What an MTA decides about an APDU that arrives: loops, critical functions, routes, alternates. Pure functions over settings and envelope;
// the rules of each step are those of mts/.
#pragma once

#include <functional>

#include "mhs/fate.hpp"
#include "mhs/options.hpp"
#include "mts/p1.hpp"
#include "mts/rules_envelope.hpp"
#include "mts/rules_report.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mhs {

/// The route of the queue to a user of ours; nullopt: the address is nobody's.
using RouteToUser = std::function<std::optional<std::string>(const oraddress::ORAddress& address)>;

struct Arrival {
  mts::ArrivalFrom from = mts::ArrivalFrom::OtherDomain;
  mts::Time time;
};
/// From which side of the domain's border this peer's messages come.
[[nodiscard]] mts::ArrivalFrom arrival_from(const Mta& mta, const Peer& peer);
[[nodiscard]] mts::Here here_of(const Mta& mta);

class MtaRules {
 public:
  /// Both must outlive it.
  MtaRules(const Mta& mta, RouteToUser route_to_user) : m_mta(mta), m_route_to_user(std::move(route_to_user)) {}

  /// A message or probe that comes in: notes our trace and says what becomes of each recipient that is ours to serve; redirects to the
  /// originator's alternate where that helps. TooLarge: its trace is full beyond what may be kept.
  [[nodiscard]] Result<std::vector<Fate>> arrive(mts::MessageTransferEnvelope& envelope, const Arrival& arrival) const;
  [[nodiscard]] Result<std::vector<Fate>> arrive(mts::ProbeTransferEnvelope& envelope, const Arrival& arrival) const;
  /// A message or probe of a user of ours, whose trace to_transfer() has begun.
  [[nodiscard]] Result<std::vector<Fate>> submitted(mts::MessageTransferEnvelope& envelope, const Arrival& arrival) const;
  [[nodiscard]] Result<std::vector<Fate>> submitted(mts::ProbeTransferEnvelope& envelope, const Arrival& arrival) const;
  /// A report: where it goes. nullopt: nowhere, it ends here (a loop, or nobody to tell); `why` says so.
  [[nodiscard]] Result<std::optional<Fate>> arrive(mts::Report& report, const Arrival& arrival, std::string& why) const;

  /// The route of one name, and what to report where there is none.
  [[nodiscard]] Fate route_of(const mts::ORName& name, std::size_t recipient) const;

 private:
  template <class Envelope>
  Result<std::vector<Fate>> arrive_with_recipients(Envelope& envelope, const Arrival& arrival) const;
  template <class Envelope>
  std::vector<Fate> fates_of(Envelope& envelope, const mts::Time& now) const;
  template <class Envelope>
  Fate fate_of(Envelope& envelope, std::size_t recipient, const mts::Time& now) const;

  const Mta& m_mta;
  RouteToUser m_route_to_user;
};

}  // namespace postern::mhs
