#include "seals/factory.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "seals/pkcs11_seal.hpp"
#include "seals/tpm_seal.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kMostName = 64;

std::string in_folder(const std::string& folder, const std::string& path) {
  return folder.empty() || path.starts_with('/') ? path : folder + "/" + path;
}

Result<std::unique_ptr<Seal>> secret_seal(const SealSettings& settings, SecretSealType type, const std::string& reference) {
  POSTERN_TRY(RootKeySource source, parse_root_key_source(reference, settings.keychain));
  if (source.kind == RootKeySource::Kind::File) source.place = in_folder(settings.folder, source.place);
  POSTERN_TRY(auto seal, make_secret_seal({.type = type,
                                           .name = settings.name,
                                           .source = std::move(source),
                                           .keychain = settings.keychain,
                                           .create = settings.create ? CreateRootKey::IfMissing : CreateRootKey::No,
                                           .cost = settings.cost}));
  // The session bus is foreign code; a file and a variable are not.
  return type == SecretSealType::SecretService ? with_deadline(std::move(seal), settings.deadline) : std::move(seal);
}

Result<std::unique_ptr<Seal>> pkcs11_seal(const SealSettings& settings) {
  POSTERN_TRY(Pkcs11Uri uri, parse_pkcs11_uri(settings.seal));
  POSTERN_TRY(auto seal, make_pkcs11_seal({.name = settings.name, .uri = std::move(uri), .create = settings.create}));
  return with_deadline(std::move(seal), settings.deadline);
}

Result<std::unique_ptr<Seal>> tpm_seal(const SealSettings& settings) {
  POSTERN_TRY(TpmAddress address, parse_tpm_address(settings.seal));
  return with_deadline(make_tpm_seal({.name = settings.name, .address = std::move(address)}), settings.deadline);
}

Result<std::unique_ptr<Seal>> transit_seal(const SealSettings& settings, std::string_view place) {
  POSTERN_TRY(TransitKey key, parse_transit_key(place));
  return make_transit_seal({.name = settings.name, .key = std::move(key), .exchange = settings.transit});
}

Error unknown(std::string_view scheme) {
  const std::string_view near = nearest(scheme, {"file", "passphrase", "keychain", "pkcs11", "tpm2", "transit"});
  return {ErrorCode::Unsupported,
          "no such seal" + (near.empty() ? std::string() : ", did you mean \"" + std::string(near) + "\"?") +
              " Write file, passphrase, keychain, pkcs11:URI, tpm2:OPTIONS or transit:MOUNT/KEY",
          "seal"};
}

}  // namespace

Result<std::unique_ptr<Seal>> make_seal(const SealSettings& settings) {
  const bool printable_name = std::ranges::all_of(settings.name, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (settings.name.size() > kMostName || !printable_name)
    return fail(ErrorCode::BadInput, "a seal's name has 1 to 64 printable characters", "name");
  const std::string_view text = settings.seal;
  const std::size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  const std::string rest(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  const std::string whole(text);
  const bool alone = colon == std::string_view::npos;
  if (scheme == "file") return secret_seal(settings, SecretSealType::File, alone ? settings.keys_root : whole);
  if (scheme == "passphrase") return secret_seal(settings, SecretSealType::Passphrase, alone ? settings.keys_root : rest);
  if (scheme == "keychain") return secret_seal(settings, SecretSealType::SecretService, alone ? settings.keys_root : whole);
  if (scheme == "pkcs11") return pkcs11_seal(settings);
  if (scheme == "tpm2") return tpm_seal(settings);
  if (scheme == "transit") return transit_seal(settings, rest);
  if (scheme == "shamir")
    return fail(ErrorCode::Unsupported, "shares are the barrier's own: leave the setting out to unseal with them", "seal");
  return fail(unknown(scheme));
}

}  // namespace postern::seals
