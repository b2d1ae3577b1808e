// Strong credentials of a user who binds, as a command line or a profile has them (own_proof.hpp reads them).
#pragma once

#include <string>
#include <vector>

namespace postern::mhs {

/// Strong credentials as somebody configures them: PEM files and names.
struct StrongFiles {
  std::string certificate, key;                 ///< What we show: chain, and the key of its first.
  std::string responder_name;                   ///< Of the MTA that is called by P3.
  std::vector<std::string> responder_pins;      ///< sha256:HEX of the certificate or key with which the responder must answer;
  std::string responder_ca, responder_subject;  ///< or what its certificate leads to, and of whom it is.
};

}  // namespace postern::mhs
