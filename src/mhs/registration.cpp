#include "mhs/registration.hpp"

#include "asn1/ber.hpp"

namespace postern::mhs {

Result<mts::RegisterArgument88> registration_in(MsMailbox& row) {
  POSTERN_TRY(const Bytes octets, row.registration());
  if (octets.empty()) return mts::RegisterArgument88();
  return asn1::decode<mts::RegisterArgument88>(octets);
}

Status keep_registration(MsMailbox& row, const mts::RegisterArgument88& registration) {
  POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(registration));
  return row.keep_registration(octets);
}

}  // namespace postern::mhs
