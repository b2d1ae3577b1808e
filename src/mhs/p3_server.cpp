#include "mhs/p3_server.hpp"

#include "base/log.hpp"
#include "mhs/mts_ports.hpp"
#include "mhs/rose_caller.hpp"

namespace postern::mhs {
namespace {

/// Whose bind it is: a user's, or that of a store in his place (X.411 8.1.1.1.1.1). nullptr: an MTA, which does not come by P3.
const mts::ORName* user_of(const mts::ObjectName& name) {
  if (const auto* user = std::get_if<0>(&name.value)) return user;
  return std::get_if<2>(&name.value);
}

class P3Session {
 public:
  P3Session(P3Parts& parts, Wire& wire, bool with_tags)
      : m_parts(parts), m_wire(wire), m_with_tags(with_tags), m_rose(wire, &m_table), m_ports(parts, wire, m_rose, m_user) {}

  io::Task<void> run(osi::AssociationRequested requested) {
    const auto refused = co_await bind(std::move(requested));
    if (refused) {
      refuse(*refused);
    } else {
      ++m_parts.stats.associations;
      m_ports.add_to(m_table);
    }
    RoseCaller::Serving serving;
    serving.idle = m_parts.idle;
    if (!refused) {
      serving.every = m_parts.look_for_news;
      serving.meanwhile = [this] { return m_ports.look(); };
    }
    const std::string end = co_await m_rose.serve(std::move(serving));
    if (!refused) log::info("x400.user_gone", {{"user", m_user.text}, {"reason", end}});
  }

 private:
  // ---- bind
  io::Task<std::optional<BindRefusal>> bind(osi::AssociationRequested requested) {
    const auto* open = std::get_if<asn1::Any>(&requested.data.value);
    if (open == nullptr) co_return BindRefusal{mts::BindError::AuthenticationError, "recovery of a session connection without a bind"};
    auto argument = asn1::from_any<mts::MTSBindArgument>(untagged(*open, RoseTag::BindInvoke));
    if (!argument) co_return BindRefusal{mts::BindError::AuthenticationError, "no bind of P3: " + argument.error().text()};
    const mts::ORName* name = user_of(argument->initiator_name);
    if (name == nullptr) co_return BindRefusal{mts::BindError::AuthenticationError, "the bind is that of an MTA, not of a user"};
    auto admitted = co_await admit_user(m_parts.gate, *name, std::move(argument->initiator_credentials), road_of(m_wire.stream()));
    if (!admitted) co_return admitted.error();
    m_user = std::move(admitted->user);
    const Status opened = co_await m_ports.open_delivery();
    if (!opened) co_return BindRefusal{mts::BindError::Busy, "what waits for " + m_user.text + " cannot be read: " + opened.error().text()};
    co_return accept(std::move(admitted->answer));
  }
  std::optional<BindRefusal> accept(mts::ResponderCredentials ours) {
    mts::MTSBindResult result;
    result.responder_name.value = m_parts.gate.mta.name;
    result.responder_credentials = std::move(ours);
    auto value = asn1::to_any(result);
    if (!value) return BindRefusal{mts::BindError::Busy, value.error().text()};
    osi::AssociationAccept answer;
    answer.data.value = m_with_tags ? tagged(*value, RoseTag::BindResult) : *std::move(value);
    if (const Status accepted = m_wire->accept(std::move(answer)); !accepted)
      return BindRefusal{mts::BindError::Busy, accepted.error().text()};
    m_wire->allow(m_parts.gate.apdu_octets);
    log::info("x400.user_bound", {{"user", m_user.text}, {"protocol", "p3"}, {"address", m_wire.stream().peer().text()}});
    return std::nullopt;
  }
  void refuse(const BindRefusal& refusal) {
    ++m_parts.stats.binds_refused;
    log::warn("x400.bind_refused", {{"peer", m_wire.stream().peer().text()}, {"protocol", "p3"}, {"reason", refusal.why}});
    static_cast<void>(m_wire->refuse(refusal_of(refusal.error, m_with_tags)));
  }

  P3Parts& m_parts;
  Wire& m_wire;
  const bool m_with_tags;
  BoundUser m_user;
  RoseOperations m_table;
  RoseCaller m_rose;
  MtsPorts m_ports;
};

io::Task<void> serve_p3(P3Parts& parts, Wire& wire, osi::AssociationRequested requested, bool with_tags) {
  P3Session session(parts, wire, with_tags);
  co_await session.run(std::move(requested));
}

}  // namespace

std::vector<UserService> p3_services(P3Parts& parts) {
  const auto service = [&parts](osi::AssociationService which) {
    const bool with_tags = which.profile != osi::AssociationProfile::RtseX410;  // X.219: in normal mode a bind has its tags
    return UserService{std::move(which), [&parts, with_tags](Wire& wire, osi::AssociationRequested requested) {
                         return serve_p3(parts, wire, std::move(requested), with_tags);
                       }};
  };
  return {service(osi::mts_access()), service(osi::mts_reliable_access())};
}

}  // namespace postern::mhs
