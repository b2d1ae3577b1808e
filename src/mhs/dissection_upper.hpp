// Of dissection.hpp: what is above session, of one connection. Private to it.
#pragma once

#include <map>

#include "mhs/dissection.hpp"
#include "osi/acse_pdu.hpp"
#include "osi/presentation.hpp"
#include "osi/rtse_pdu.hpp"
#include "osi/spdu.hpp"

namespace postern::mhs {

class UpperDissection {
 public:
  /// Appends the layers in this SPDU's user data. BadInput: the last of them is the octets that could not be read, as BER.
  [[nodiscard]] Status take(bool from_initiator, const osi::Spdu& spdu, std::vector<DissectedLayer>& out);

 private:
  using Layers = std::vector<DissectedLayer>;
  enum class Family : std::uint8_t { P1, P1Of1984, P3, P7 };
  enum class BindPart : std::uint8_t { Argument, Result, Error };
  /// An APDU in transfer (X.228), or one that was interrupted.
  struct Activity {
    Bytes octets;
    std::map<std::uint32_t, std::size_t> points;  ///< Octets at each minor synchronization point.
    bool known = true;                            ///< False: resumed, and its beginning was not seen.
  };
  struct Side {
    Bytes overflow;  ///< User data of a CONNECT whose rest comes in CONNECT DATA OVERFLOW (X.225 8.3.1.16).
    Bytes sawn;      ///< Of an SSDU in several DATA TRANSFERs.
    Bytes id;        ///< Of the activity.
    std::optional<Activity> activity;
    std::map<Bytes, Activity> interrupted;
  };

  [[nodiscard]] Status connect(ByteView octets, Layers& out);
  [[nodiscard]] Status answer(ByteView octets, Layers& out);
  [[nodiscard]] Status refuse(ByteView octets, Layers& out);
  [[nodiscard]] Status abort(ByteView octets, Layers& out);
  [[nodiscard]] Status data(Side& side, const osi::Spdu& spdu, Layers& out);
  [[nodiscard]] Status values(Side& side, ByteView user_data, Layers& out);
  [[nodiscard]] Status values(Side& side, const std::optional<osi::UserData>& user_data, Layers& out);
  [[nodiscard]] Status values(Side& side, std::vector<osi::PresentationValue> values, Layers& out);
  [[nodiscard]] Status value(Side& side, const asn1::Oid& syntax, ByteView octets, Layers& out);
  [[nodiscard]] static BindPart part_of(const osi::AcseApdu& apdu);
  [[nodiscard]] Status acse(Side& side, ByteView octets, Layers& out);
  [[nodiscard]] Status rtse(Side& side, ByteView octets, Layers& out);
  [[nodiscard]] Status rtse(Side& side, osi::RtseApdu apdu, Layers& out);
  [[nodiscard]] Status bind(BindPart part, const asn1::Any& value, Layers& out);
  [[nodiscard]] Status apdu(ByteView octets, Layers& out);
  void define(const std::vector<osi::ContextDefinition>& definitions);
  static void resume(Side& side, const osi::Spdu& spdu);
  [[nodiscard]] Status end_activity(Side& side, Layers& out);

  bool m_x410 = false;
  Family m_family = Family::P1;
  osi::PresentationContexts m_contexts;
  Side m_sides[2];
};

}  // namespace postern::mhs
