// The sealed forms on disk: a value under its term, the keyring under the root key. Inside barrier/ only.
#pragma once

#include "barrier/keyring.hpp"
#include "barrier/sealed_store.hpp"
#include "crypto/aead.hpp"

namespace postern::detail {

inline constexpr std::string_view kKeyringPath = "barrier/keyring";
inline constexpr std::string_view kValues = "d/";
inline constexpr std::string_view kCustody = "k/";
inline constexpr std::string_view kPlain = "p/";

/// `path` as on the disk.
[[nodiscard]] Result<Bytes> seal_value(const Aead& cipher, std::uint32_t term, std::string_view path, ByteView value);
/// The term a sealed value says it is of; IntegrityFailed when it has not the form of one.
[[nodiscard]] Result<std::uint32_t> term_of(ByteView sealed, std::string_view path);
/// IntegrityFailed when the value is not what was stored at `path`.
[[nodiscard]] Result<SecretBytes> open_value(const Aead& cipher, std::string_view path, ByteView sealed);

[[nodiscard]] Result<Bytes> seal_keyring(const Keyring& ring, ByteView root_key);
/// Denied for another root key or a changed keyring: the two cannot be told apart.
[[nodiscard]] Result<Keyring> open_keyring(ByteView sealed, ByteView root_key);

[[nodiscard]] tl::unexpected<Error> damaged_value(std::string_view path);

}  // namespace postern::detail
