// rooms: transport
// A profile of X.400 with any octets in it. Never a crash; what is taken names a peer, somebody who binds, and fingerprints only.
#include <cstdlib>

#include "pki/certificate.hpp"
#include "transport/profile.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const auto profile = transport::parse_profile({reinterpret_cast<const char*>(data), size}, "profile.toml");
  if (!profile) {
    if (profile.error().what.find("profile.toml") == std::string::npos) std::abort();
    return 0;
  }
  if (profile->peer.empty() || profile->user.empty() || (profile->role == "p1") != !profile->domain.empty()) std::abort();
  for (const std::string& pin : profile->pins)
    if (!parse_fingerprint(pin)) std::abort();
  return 0;
}
