// Why a call of the native stack failed, as fine as postern/x400_sdk.h has it: status, sentence, field, and the peer's own octets.
#pragma once

#include <postern/x400_sdk.h>

#include <functional>

#include "mhs/user_client.hpp"

namespace postern::transport {

struct Trouble {
  postern_x400_status status = POSTERN_X400_INTERNAL;
  std::string text;   ///< For an operator: what to do. No secrets.
  std::string field;  ///< In the names of the C header; empty: none.
  Bytes diagnostic;   ///< What the peer sent as its reason, undecoded.
  friend bool operator==(const Trouble&, const Trouble&) = default;
};
template <class T>
using Outcome = tl::expected<T, Trouble>;

[[nodiscard]] tl::unexpected<Trouble> trouble(postern_x400_status status, std::string text, std::string field = {});
/// Of our own checks before anything is sent: BadInput is BAD_ARGUMENT, and so on.
[[nodiscard]] Trouble trouble_of(Error error);
/// With `diagnostics` the text ends with the peer's octets in hexadecimal.
[[nodiscard]] Error error_of(const Trouble& trouble, bool diagnostics);

/// A bind that failed in the step of this name (mhs::CallStep). `is_p7` says whose bind errors they are.
[[nodiscard]] Trouble trouble_of_bind(const mhs::CallFailure& failure, std::string_view step, bool is_p7, bool late);

/// Names the field that a refusal is about, by what the caller asked for.
struct Asked {
  std::vector<oraddress::ORName> recipients;  ///< "recipients[2].address"
  std::vector<std::uint64_t> sequences;       ///< "sequences[3]"; of a fetch "sequence".
  std::vector<asn1::Oid> attributes;          ///< "attributes[0]"
  bool one_sequence = false;
};
/// An invocation that failed with `error`; the client knows what the peer answered, if it did.
[[nodiscard]] Trouble trouble_of_call(const Error& error, const mhs::UserClient& client, mts::Port port, const Asked& asked);
/// The same for the retrieval port of P7 (X.413 10).
[[nodiscard]] Trouble trouble_of_retrieval(const Error& error, const mhs::UserClient& client, const Asked& asked);

}  // namespace postern::transport
