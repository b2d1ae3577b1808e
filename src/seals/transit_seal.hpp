// A seal by the transit engine of another OpenBao or Vault (or Postern). It locks a key of the blob's own, never the root key itself,
// which therefore stays unknown to that server (envelope.hpp).
//
// The HTTP exchange is a port: address, TLS, namespace, token and its renewal are the business of who plugs it in.
// A blob remembers mount and key, and the ciphertext its key version, so that rotation there needs nothing here as long as the server's
// min_decryption_version stays low enough.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "seals/envelope.hpp"

namespace postern::seals {

struct TransitRequest {
  std::string path;  ///< To POST to, below /v1/: "transit/encrypt/postern-root".
  SecretBytes body;  ///< JSON.
};
struct TransitReply {
  unsigned status = 0;
  SecretBytes body;  ///< At most kTransitReply bytes are looked at.
};
inline constexpr std::size_t kTransitReply = 64U * 1024;
/// One request, one reply of whatever status. Unavailable when the server cannot be reached, within 30 seconds.
using TransitExchange = std::function<Result<TransitReply>(TransitRequest request)>;

/// MOUNT/KEY as in the setting transit:MOUNT/KEY. Either is made of letters, digits, '-', '_' and '.'; the mount may have several segments.
struct TransitKey {
  std::string mount;
  std::string key;
};
/// BadInput, TooLarge (255 bytes). No segment is "." or "..".
[[nodiscard]] Result<TransitKey> parse_transit_key(std::string_view text);

/// What a blob remembers. Foreign bytes.
struct TransitRecipe {
  TransitKey key;
  std::string ciphertext;  ///< "vault:v1:...", at most 4 KiB.
};
[[nodiscard]] Result<TransitRecipe> read_transit_recipe(ByteView bytes);
[[nodiscard]] Bytes write_transit_recipe(const TransitRecipe& recipe);

struct TransitSealOptions {
  std::string name;
  TransitKey key;
  TransitExchange exchange;
};
/// BadInput without an exchange.
[[nodiscard]] Result<std::unique_ptr<Seal>> make_transit_seal(TransitSealOptions options);

}  // namespace postern::seals
