// The parts of the OpenSSL provider behind evp_handle() (inside keys/ only).
//
// How it works: an OSSL_LIB_CTX of its own holds one built-in provider, "postern-keeper", with key management, signature, decryption and
// key agreement for RSA, EC and Ed25519. A handle is an EVP_PKEY of that context. When OpenSSL, in any context, is asked to sign with it,
// it first tries to export the key to its own default provider; our key management refuses to export anything private, so OpenSSL falls
// back to the provider the key came from, which is this one, and this one asks the keeper.
#pragma once

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "keys/keeper.hpp"

namespace postern::detail {

enum class HandleFamily { Rsa, Ec, Ed25519 };

/// Whom to ask for private operations.
struct KeeperRef {
  std::shared_ptr<Keeper> keeper;
  KeyName name;
  std::uint32_t version = 0;
};

/// The provider's key object. `keeper` is null for public keys (the other side of an agreement, a certificate's key in a comparison);
/// `pub` is empty for bare curve parameters. Copied, never shared: OpenSSL says when.
struct HandleKey {
  HandleFamily family = HandleFamily::Rsa;
  std::optional<KeyKind> curve;
  std::optional<PublicKey> pub;
  std::shared_ptr<const KeeperRef> keeper;
};

/// The one parameter by which evp_handle() gives a new key object its KeeperRef: a number that can be redeemed once, in this process.
inline constexpr const char* kTicketParam = "postern-ticket";
[[nodiscard]] std::uint64_t issue_ticket(HandleKey key);
[[nodiscard]] std::optional<HandleKey> redeem_ticket(std::uint64_t ticket);

[[nodiscard]] const OSSL_ALGORITHM* handle_keymgmt() noexcept;
[[nodiscard]] const OSSL_ALGORITHM* handle_signatures() noexcept;
[[nodiscard]] const OSSL_ALGORITHM* handle_ciphers() noexcept;
[[nodiscard]] const OSSL_ALGORITHM* handle_exchanges() noexcept;

inline constexpr const char* kHandleProperties = "provider=postern-keeper";

template <class Function>
OSSL_DISPATCH dispatch(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}
inline constexpr OSSL_DISPATCH kDispatchEnd{0, nullptr};

/// Nothing may be thrown through OpenSSL: an exception (no memory) is a failure of the call.
template <class Body>
int guarded(Body body) noexcept {
  try {
    return body() ? 1 : 0;
  } catch (...) {
    return 0;
  }
}
template <class Body>
auto guarded_pointer(Body body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return nullptr;
  }
}

/// Reads a digest's name from a UTF-8 parameter; false when it is none of ours.
[[nodiscard]] bool read_hash(const OSSL_PARAM& param, HashAlgorithm& out);
/// Writes a digest's name where the parameter is asked for.
[[nodiscard]] bool write_hash(OSSL_PARAM* params, const char* name, HashAlgorithm value);
/// Reads OpenSSL's padding mode, given as a number or a name; nullopt for what is not "pkcs1", "pss" or "oaep".
[[nodiscard]] std::optional<int> read_padding(const OSSL_PARAM& param);
/// Copies a secret result out by OpenSSL's convention: with `to` null only the size is told.
[[nodiscard]] bool hand_out(ByteView result, unsigned char* to, std::size_t* size, std::size_t room);
/// Puts a reason on OpenSSL's queue and the keeper's answer in the log; false.
bool refuse(std::string_view operation, const HandleKey* key, const Error& error);

}  // namespace postern::detail
