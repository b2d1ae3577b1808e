// The address of a key on a PKCS#11 token (RFC 7512), as far as a seal needs it:
//
//   pkcs11:token=Postern;object=root?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/postern/pin
//
// Path: token, serial, manufacturer, model, slot-id (which token); object, id, type=secret-key|private (which key).
// Query: module-path (absolute, required), pin-source (file:PATH or an absolute path; left out for a token without login or with a PIN
// pad). Refused, each with its reason: pin-value (a PIN does not belong into a setting), module-name, "|command" as a source of the PIN,
// every attribute that is not named here (RFC 7512 2.3 lets such a path match nothing and ignores such a query; a setting is better
// refused). Limits: 4 KiB of text; a value has at most 255 bytes, a label of a token what its field holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace postern::seals {

enum class Pkcs11KeyType { Any, SecretKey, Private };

struct Pkcs11Uri {
  std::string token, serial, manufacturer, model;  ///< Empty: any.
  std::optional<std::uint64_t> slot_id;
  std::string object;  ///< CKA_LABEL; empty only when `id` is not.
  Bytes id;            ///< CKA_ID
  Pkcs11KeyType type = Pkcs11KeyType::Any;
  std::string module_path;
  std::string pin_file;  ///< A path; empty: none.

  /// The token, for errors and logs: "token=Postern;serial=1".
  [[nodiscard]] std::string token_text() const;
};

/// BadInput with the attribute as its field; TooLarge. Needs something that names the token and something that names the key.
[[nodiscard]] Result<Pkcs11Uri> parse_pkcs11_uri(std::string_view text);

}  // namespace postern::seals
