// What went over one connection of RFC 1006, layer by layer, for people: TPDUs, SPDUs, PPDUs, ACSE, RTSE, ROSE, and the APDUs of P1, P3 and
// P7 in value notation (mhs/notation.hpp), down to the content. For recorded traffic of anybody; nothing is judged.
//
//   Dissection dissection;
//   for (piece : connection) for (DissectedUnit& unit : dissection.feed(piece.from_client, piece.octets)) show(unit);
//
// Total: what cannot be read is said at its place and shown as far as it goes; where the framing itself cannot be read, that direction
// ends. Holds one TSDU and one APDU in each direction, and what was interrupted; never more than was fed. Binds are shown with their
// passwords.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace postern::mhs {

/// A protocol data unit of one layer: "COTP CONNECT REQUEST", "session ACTIVITY START", "ACSE AARQ", "P1".
struct DissectedLayer {
  std::string name;
  boost::json::value value;
};
/// One TPDU that is no data, or one TSDU, from the bottom up.
struct DissectedUnit {
  bool from_initiator = false;
  std::size_t tpdus = 0;
  std::vector<DissectedLayer> layers;
  std::string trouble;  ///< What could not be read, in words; the octets are in the last layer. Empty: all was.
};

class Dissection {
 public:
  /// APDUs that are longer are told with their size only.
  static constexpr std::size_t kMaxShown = 16U * 1024 * 1024;

  Dissection();
  ~Dissection();
  Dissection(Dissection&&) noexcept;
  Dissection& operator=(Dissection&&) noexcept;

  [[nodiscard]] std::vector<DissectedUnit> feed(bool from_initiator, ByteView octets);
  /// Octets of this direction that wait for the rest of their TPKT or TSDU.
  [[nodiscard]] std::size_t pending(bool from_initiator) const;

 private:
  class Machine;
  std::unique_ptr<Machine> m_machine;
};

}  // namespace postern::mhs
