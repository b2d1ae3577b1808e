#include "mhs/dissection.hpp"

#include "mhs/dissection_lower.hpp"
#include "mhs/dissection_upper.hpp"
#include "osi/tpkt.hpp"

namespace postern::mhs {
namespace {

struct Side {
  osi::TpktReader reader;
  Bytes tsdu;
  std::size_t tpdus = 0;  ///< Of the TSDU so far.
  bool broken = false;
};

}  // namespace

class Dissection::Machine {
 public:
  std::vector<DissectedUnit> feed(bool from_initiator, ByteView octets) {
    Side& side = of(from_initiator);
    std::vector<DissectedUnit> out;
    if (side.broken) return out;
    side.reader.feed(octets);
    for (;;) {
      const auto tpdu = side.reader.next();
      if (!tpdu) {
        side.broken = true;
        out.push_back({from_initiator, 0, {}, "RFC 1006: " + tpdu.error().text()});
        return out;
      }
      if (!*tpdu) return out;
      if (auto unit = take(side, **tpdu)) {
        unit->from_initiator = from_initiator;
        out.push_back(*std::move(unit));
      }
    }
  }
  std::size_t pending(bool from_initiator) { return of(from_initiator).tsdu.size() + of(from_initiator).reader.pending(); }

 private:
  Side& of(bool from_initiator) { return m_sides[from_initiator ? 0 : 1]; }

  std::optional<DissectedUnit> take(Side& side, ByteView octets) {
    const auto tpdu = osi::read_tpdu(octets);
    if (!tpdu) return DissectedUnit{false, 1, {{"COTP", json_of_octets(octets)}}, "transport: " + tpdu.error().what};
    const auto* data = std::get_if<osi::DataTpdu>(&*tpdu);
    if (data == nullptr) return DissectedUnit{false, 1, {layer_of(*tpdu)}, {}};
    append(side.tsdu, data->data);
    ++side.tpdus;
    if (!data->end_of_tsdu) return std::nullopt;
    DissectedUnit out;
    out.tpdus = std::exchange(side.tpdus, 0);
    read_tsdu(&side == &m_sides[0], std::exchange(side.tsdu, {}), out);
    return out;
  }
  void read_tsdu(bool from_initiator, const Bytes& tsdu, DissectedUnit& out) {
    osi::TsduReader reader(tsdu, true);
    while (!reader.at_end()) {
      const auto spdu = reader.next();
      if (!spdu) {
        out.layers.push_back({"session", json_of_octets(tsdu)});
        return void(out.trouble = "session: at octet " + std::to_string(spdu.error().offset) + ": " + spdu.error().what);
      }
      out.layers.push_back(layer_of(*spdu));
      const Status read = m_upper.take(from_initiator, *spdu, out.layers);
      if (!read) out.trouble = read.error().text();
    }
  }

  Side m_sides[2];
  UpperDissection m_upper;
};

Dissection::Dissection() : m_machine(std::make_unique<Machine>()) {}
Dissection::~Dissection() = default;
Dissection::Dissection(Dissection&&) noexcept = default;
Dissection& Dissection::operator=(Dissection&&) noexcept = default;

std::vector<DissectedUnit> Dissection::feed(bool from_initiator, ByteView octets) { return m_machine->feed(from_initiator, octets); }
std::size_t Dissection::pending(bool from_initiator) const { return m_machine->pending(from_initiator); }

}  // namespace postern::mhs
