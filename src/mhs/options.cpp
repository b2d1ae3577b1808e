#include "mhs/options.hpp"

#include <algorithm>

namespace postern::mhs {

std::string_view name_of(TransferMode mode) noexcept {
  switch (mode) {
    case TransferMode::Normal: return "1988";
    case TransferMode::X410: return "x410";
    case TransferMode::X410_1984: break;
  }
  return "1984";
}

osi::AssociationService service_of(TransferMode mode) {
  switch (mode) {
    case TransferMode::Normal: return osi::mts_transfer();
    case TransferMode::X410: return osi::mts_transfer_protocol();
    case TransferMode::X410_1984: break;
  }
  return osi::mts_transfer_protocol_1984();
}

const Peer* Mta::peer_named(std::string_view wanted) const noexcept {
  const auto found = std::ranges::find(peers, wanted, &Peer::name);
  return found == peers.end() ? nullptr : &*found;
}

}  // namespace postern::mhs
