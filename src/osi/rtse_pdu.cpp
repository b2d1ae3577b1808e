#include "osi/rtse_pdu.hpp"

namespace postern::osi {

using asn1::alternative;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<CallingSSuserReference>) {
  static const Type type = asn1::choice<&CallingSSuserReference::value>("CallingSSuserReference",
                                                                        {
                                                                            alternative<&CallingSSuserReference::value, 0>("t61String"),
                                                                            alternative<&CallingSSuserReference::value, 1>("octetString"),
                                                                        });
  return type;
}

const Type& schema(Of<SessionConnectionIdentifier>) {
  using T = SessionConnectionIdentifier;
  static const Type type =
      asn1::sequence<T>("SessionConnectionIdentifier",
                        {
                            field<&T::calling_ss_user_reference>("callingSSuserReference"),
                            field<&T::common_reference>("commonReference"),
                            field<&T::additional_reference_information>("additionalReferenceInformation").implicitly(context(0)),
                        });
  return type;
}

const Type& schema(Of<ConnectionData>) {
  static const Type type =
      asn1::choice<&ConnectionData::value>("ConnectionData", {
                                                                 alternative<&ConnectionData::value, 0>("open").explicitly(context(0)),
                                                                 alternative<&ConnectionData::value, 1>("recover").implicitly(context(1)),
                                                             });
  return type;
}

const Type& schema(Of<DialogueMode>) {
  static const Type type = asn1::integer<DialogueMode>("dialogueMode", {{"monologue", 0}, {"twa", 1}});
  return type;
}

const Type& schema(Of<RTORQapdu>) {
  using T = RTORQapdu;
  static const Type type = asn1::set<T>("RTORQapdu",
                                        {
                                            field<&T::checkpoint_size>("checkpointSize").implicitly(context(0)).defaulted(),
                                            field<&T::window_size>("windowSize").implicitly(context(1)).defaulted(),
                                            field<&T::dialogue_mode>("dialogueMode").implicitly(context(2)).defaulted(),
                                            field<&T::connection_data>("connectionDataRQ").explicitly(context(3)),
                                            field<&T::application_protocol>("applicationProtocol").implicitly(context(4)),
                                        })
                               .extensible();
  return type;
}

const Type& schema(Of<RTOACapdu>) {
  using T = RTOACapdu;
  static const Type type = asn1::set<T>("RTOACapdu",
                                        {
                                            field<&T::checkpoint_size>("checkpointSize").implicitly(context(0)).defaulted(),
                                            field<&T::window_size>("windowSize").implicitly(context(1)).defaulted(),
                                            field<&T::connection_data>("connectionDataAC").explicitly(context(2)),
                                        })
                               .extensible();
  return type;
}

const Type& schema(Of<RtseRefuseReason>) {
  static const Type type = asn1::integer<RtseRefuseReason>(
      "RefuseReason", {{"rtsBusy", 0}, {"cannotRecover", 1}, {"validationFailure", 2}, {"unacceptableDialogueMode", 3}});
  return type;
}

const Type& schema(Of<RTORJapdu>) {
  using T = RTORJapdu;
  static const Type type = asn1::set<T>("RTORJapdu",
                                        {
                                            field<&T::refuse_reason>("refuseReason").implicitly(context(0)),
                                            field<&T::user_data>("userDataRJ").explicitly(context(1)),
                                        })
                               .extensible();
  return type;
}

const Type& schema(Of<RtseAbortReason>) {
  static const Type type = asn1::integer<RtseAbortReason>("AbortReason", {{"localSystemProblem", 0},
                                                                          {"invalidParameter", 1},
                                                                          {"unrecognizedActivity", 2},
                                                                          {"temporaryProblem", 3},
                                                                          {"protocolError", 4},
                                                                          {"permanentProblem", 5},
                                                                          {"userError", 6},
                                                                          {"transferCompleted", 7}});
  return type;
}

const Type& schema(Of<RTABapdu>) {
  using T = RTABapdu;
  static const Type type = asn1::set<T>("RTABapdu",
                                        {
                                            field<&T::abort_reason>("abortReason").implicitly(context(0)),
                                            field<&T::reflected_parameter>("reflectedParameter").implicitly(context(1)),
                                            field<&T::user_data>("userdataAB").explicitly(context(2)),
                                        })
                               .extensible();
  return type;
}

const Type& schema(Of<RtseApdu>) {
  static const Type type =
      asn1::choice<&RtseApdu::value>("RTSE-apdus", {
                                                       alternative<&RtseApdu::value, 0>("rtorq-apdu").implicitly(context(16)),
                                                       alternative<&RtseApdu::value, 1>("rtoac-apdu").implicitly(context(17)),
                                                       alternative<&RtseApdu::value, 2>("rtorj-apdu").implicitly(context(18)),
                                                       alternative<&RtseApdu::value, 3>("rttp-apdu"),
                                                       alternative<&RtseApdu::value, 4>("rttr-apdu"),
                                                       alternative<&RtseApdu::value, 5>("rtab-apdu").implicitly(context(22)),
                                                   });
  return type;
}

std::string describe(RtseRefuseReason reason) {
  switch (reason) {
    case RtseRefuseReason::Busy: return "the peer's reliable transfer is busy: try again later";
    case RtseRefuseReason::CannotRecover: return "the peer cannot recover the old association: open a new one";
    case RtseRefuseReason::ValidationFailure: return "the peer's validation failed: check names and passwords";
    case RtseRefuseReason::UnacceptableDialogueMode: return "the peer does not accept the dialogue mode (monologue or two-way alternate)";
  }
  return "refuse reason " + std::to_string(static_cast<std::int64_t>(reason));
}

std::string describe(RtseAbortReason reason) {
  switch (reason) {
    case RtseAbortReason::LocalSystemProblem: return "local system problem";
    case RtseAbortReason::InvalidParameter: return "invalid parameter";
    case RtseAbortReason::UnrecognizedActivity: return "unrecognized activity";
    case RtseAbortReason::TemporaryProblem: return "temporary problem: no connection for a while";
    case RtseAbortReason::ProtocolError: return "protocol error";
    case RtseAbortReason::PermanentProblem: return "permanent problem";
    case RtseAbortReason::UserError: return "user error";
    case RtseAbortReason::TransferCompleted: return "transfer completed already";
  }
  return "abort reason " + std::to_string(static_cast<std::int64_t>(reason));
}

}  // namespace postern::osi
