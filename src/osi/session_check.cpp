// Limits of the parameters that a user gives to a primitive (X.215, X.225 8.3), so that every SPDU that is sent is a valid one.
#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

Status at_most(const Bytes& octets, std::size_t limit, std::string_view field) {
  if (octets.size() <= limit) return {};
  return fail(ErrorCode::TooLarge, "has " + std::to_string(octets.size()) + " octets, at most " + std::to_string(limit) + " are allowed",
              std::string(field));
}

Status check_identifier(const ConnectionIdentifier& identifier) {
  POSTERN_CHECK(at_most(identifier.user_reference, 64, "user_reference"));
  POSTERN_CHECK(at_most(identifier.common_reference, 64, "common_reference"));
  return at_most(identifier.additional_information, 4, "additional_information");
}

Status check_activity(const Bytes& identifier, std::string_view field) {
  if (identifier.empty()) return fail(ErrorCode::BadInput, "is needed, 1 to 6 octets", std::string(field));
  return at_most(identifier, 6, field);
}

Status check_serial(SerialNumber serial, std::string_view field) {
  if (serial <= kMaxSerialNumber) return {};
  return fail(ErrorCode::BadInput, "is above 999999", std::string(field));
}

/// How much user data a primitive may have under the version in use.
struct Limits {
  std::size_t usual;
  std::size_t abort;
  std::size_t connect;
  std::size_t refuse;
  std::size_t data;
};

struct Checker {
  const Limits& limits;
  FunctionalUnits proposed;  // For the answer to a CONNECT.

  Status operator()(const SConnect& each) const {
    POSTERN_CHECK(check_identifier(each.identifier));
    POSTERN_CHECK(at_most(each.calling_selector, 16, "calling_selector"));
    POSTERN_CHECK(at_most(each.called_selector, 16, "called_selector"));
    POSTERN_CHECK(check_serial(each.initial_serial.value_or(0), "initial_serial"));
    const FunctionalUnits units = each.requirements;
    if ((units & kSupportedUnits) != units) return fail(ErrorCode::Unsupported, "names a unit that is not built", "requirements");
    if (!units.has(FunctionalUnit::HalfDuplex) && !units.has(FunctionalUnit::Duplex))
      return fail(ErrorCode::BadInput, "needs half-duplex, duplex or both (X.215 8)", "requirements");
    return at_most(each.user_data, limits.connect, "user_data");
  }
  Status operator()(const SConnectAccept& each) const {
    POSTERN_CHECK(check_identifier(each.identifier));
    POSTERN_CHECK(at_most(each.responding_selector, 16, "responding_selector"));
    POSTERN_CHECK(check_serial(each.initial_serial.value_or(0), "initial_serial"));
    if (!has_one_duplex_mode(proposed & each.requirements))
      return fail(ErrorCode::BadInput, "must name exactly one of half-duplex and duplex, of those that are proposed (X.215 12.1.2.8)",
                  "requirements");
    return at_most(each.user_data, limits.usual, "user_data");
  }
  Status operator()(const SConnectRefuse& each) const {
    POSTERN_CHECK(check_identifier(each.identifier));
    if (!each.user_data.empty() && each.reason != RefuseReason::UserData)
      return fail(ErrorCode::BadInput, "goes only with the reason UserData (X.225 8.3.5.10)", "user_data");
    return at_most(each.user_data, limits.refuse, "user_data");
  }
  Status operator()(const SUAbort& each) const { return at_most(each.user_data, limits.abort, "user_data"); }
  Status operator()(const SData& each) const { return check_data(each.user_data); }
  Status operator()(const STypedData& each) const { return check_data(each.user_data); }
  Status operator()(const SSyncMinorResponse& each) const {
    POSTERN_CHECK(check_serial(each.serial, "serial"));
    return at_most(each.user_data, limits.usual, "user_data");
  }
  Status operator()(const SActivityStart& each) const {
    POSTERN_CHECK(check_activity(each.activity, "activity"));
    return at_most(each.user_data, limits.usual, "user_data");
  }
  Status operator()(const SActivityResume& each) const {
    POSTERN_CHECK(check_activity(each.activity, "activity"));
    POSTERN_CHECK(check_activity(each.old_activity, "old_activity"));
    POSTERN_CHECK(check_serial(each.serial, "serial"));
    POSTERN_CHECK(at_most(each.calling_reference, 64, "calling_reference"));
    POSTERN_CHECK(at_most(each.called_reference, 64, "called_reference"));
    POSTERN_CHECK(at_most(each.common_reference, 64, "common_reference"));
    POSTERN_CHECK(at_most(each.additional_information, 4, "additional_information"));
    return at_most(each.user_data, limits.usual, "user_data");
  }
  template <class Primitive>
  Status operator()(const Primitive& each) const {
    if constexpr (requires { each.user_data; })
      return at_most(each.user_data, limits.usual, "user_data");
    else
      return {};
  }

  Status check_data(const Bytes& data) const {
    if (data.empty()) return fail(ErrorCode::BadInput, "has no octets (X.215 13.1)", "user_data");
    return at_most(data, limits.data, "user_data");
  }
};

}  // namespace

Status SessionMachine::check(const SessionRequest& primitive) const {
  const bool version2 = m_selection.version == 2;
  const Limits limits{version2 ? m_options.max_ssdu : kMaxUserDataVersion1, version2 ? m_options.max_ssdu : kMaxAbortDataVersion1,
                      version2 ? m_options.max_connect_data : kMaxUserDataVersion1, version2 ? kMaxUserDataVersion2 : kMaxUserDataVersion1,
                      m_options.max_ssdu};
  // An answer out of turn is for the table to refuse.
  const bool answers = m_state == State::WaitConnectResponse || !std::holds_alternative<SConnectAccept>(primitive);
  return answers ? std::visit(Checker{limits, m_proposal.units}, primitive) : Status();
}

}  // namespace postern::osi
