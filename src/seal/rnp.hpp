// Owners for RNP's objects and the few calls everything OpenPGP here needs. Inside this room only.
//
// An Ffi is one RNP object: not thread safe, made for one operation, on the stack of one call.
#pragma once

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace postern::rnp {

template <auto Destroy>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    static_cast<void>(Destroy(object));
  }
};
template <class Handle, auto Destroy>
using Owner = std::unique_ptr<std::remove_pointer_t<Handle>, Deleter<Destroy>>;

using Ffi = Owner<rnp_ffi_t, rnp_ffi_destroy>;
using Key = Owner<rnp_key_handle_t, rnp_key_handle_destroy>;
using Uid = Owner<rnp_uid_handle_t, rnp_uid_handle_destroy>;
using Input = Owner<rnp_input_t, rnp_input_destroy>;
using Output = Owner<rnp_output_t, rnp_output_destroy>;
using Verify = Owner<rnp_op_verify_t, rnp_op_verify_destroy>;
using Encrypt = Owner<rnp_op_encrypt_t, rnp_op_encrypt_destroy>;
using Iterator = Owner<rnp_identifier_iterator_t, rnp_identifier_iterator_destroy>;

/// "doing: RNP's reason".
[[nodiscard]] Error error(ErrorCode code, std::string_view doing, rnp_result_t result);

/// An empty FFI that judges keys and signatures at `now` and believes neither SHA-1 nor MD5 anywhere, bindings included.
[[nodiscard]] Result<Ffi> open(WallTime now);
/// Adds public keys; BadInput when there are none.
[[nodiscard]] Status add_certificates(rnp_ffi_t ffi, ByteView armored_or_binary);
/// Borrows the bytes.
[[nodiscard]] Result<Input> read(ByteView bytes);
/// `limit` 0: unlimited.
[[nodiscard]] Result<Output> buffer(std::size_t limit);
[[nodiscard]] Result<Bytes> bytes_of(rnp_output_t output);
[[nodiscard]] Result<Key> find(rnp_ffi_t ffi, const char* by, const std::string& value);

/// Takes a string that RNP allocated; empty when the call failed.
template <class Call>
[[nodiscard]] std::string text(Call call) {
  char* raw = nullptr;
  if (call(&raw) != RNP_SUCCESS || raw == nullptr) return {};
  std::string out(raw);
  rnp_buffer_destroy(raw);
  return out;
}
/// A yes-or-no question; no when the call failed.
template <class Call>
[[nodiscard]] bool yes(Call call) {
  bool answer = false;
  return call(&answer) == RNP_SUCCESS && answer;
}

}  // namespace postern::rnp
