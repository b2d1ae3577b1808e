// For tests: somebody with a certificate of his own, for strong credentials.
#pragma once

#include "credentials/authenticator.hpp"
#include "pki/testing/certificates.hpp"

namespace postern::mhs::testing {

struct StrongPerson {
  explicit StrongPerson(const char* name) : made(postern::testing::make_certificate({.name = name})) {}

  /// He himself, at a bind.
  [[nodiscard]] std::shared_ptr<credentials::Authenticator> self(const Clock& clock) const {
    static SystemRandom random;
    auto identity = credentials::make_identity({made.certificate}, share(made.key.get())).value();
    return std::make_shared<credentials::Authenticator>([identity = std::move(identity)] { return identity; }, clock, random);
  }
  /// What others believe of him.
  [[nodiscard]] credentials::Trust trust() const {
    const Sha256 pin = made.certificate.fingerprint();
    return {{}, {}, {Bytes(pin.begin(), pin.end())}};
  }
  postern::testing::Made made;
};

}  // namespace postern::mhs::testing
