// rooms: seals
// Addresses of keys: PKCS#11 URIs (RFC 7512), TPMs, transit keys. Read within their bounds or refused with a field.
#include <cstdlib>

#include "seals/factory.hpp"
#include "seals/pkcs11_uri.hpp"
#include "seals/tpm_address.hpp"

using namespace postern;
using namespace postern::seals;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto uri = parse_pkcs11_uri(text)) {
    if (uri->module_path[0] != '/' || uri->token_text().empty() || (uri->object.empty() && uri->id.empty())) std::abort();
    if (uri->module_path.find('\0') != std::string::npos || uri->pin_file.find('\0') != std::string::npos) std::abort();
  }
  if (const auto tpm = parse_tpm_address(text)) {
    if (tpm->pcrs.size() > 24) std::abort();
  }
  if (const auto key = parse_transit_key(text)) {
    if (key->mount + "/" + key->key != text || text.find("..") == 0) std::abort();
  }
  const auto seal = make_seal({.seal = text, .keys_root = "file:/nonexistent/root.key"});
  if (!seal && (seal.error().what.empty() || seal.error().field.empty())) std::abort();
  return 0;
}
