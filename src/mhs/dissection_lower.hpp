// Of dissection.hpp: TPDUs and SPDUs as JSON. Private to it.
#pragma once

#include "mhs/dissection.hpp"
#include "osi/spdu.hpp"
#include "osi/tpdu.hpp"

namespace postern::mhs {

/// A data TPDU is shown by its number of octets.
[[nodiscard]] DissectedLayer layer_of(const osi::Tpdu& tpdu);
/// All parameters but user data, which the layers above show.
[[nodiscard]] DissectedLayer layer_of(const osi::Spdu& spdu);
/// "'0AFF'H", as value notation has octets.
[[nodiscard]] boost::json::value json_of_octets(ByteView octets);

}  // namespace postern::mhs
