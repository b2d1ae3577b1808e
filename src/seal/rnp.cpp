#include "seal/rnp.hpp"

namespace postern::rnp {

Error error(ErrorCode code, std::string_view doing, rnp_result_t result) {
  return {code, std::string(doing) + ": " + rnp_result_to_string(result), {}};
}

Result<Ffi> open(WallTime now) {
  rnp_ffi_t raw = nullptr;
  if (const auto result = rnp_ffi_create(&raw, "GPG", "GPG"); result != RNP_SUCCESS)
    return fail(error(ErrorCode::Internal, "starting RNP", result));
  Ffi ffi(raw);
  bool ok = rnp_set_timestamp(raw, static_cast<std::uint64_t>(unix_seconds(now))) == RNP_SUCCESS;
  // RNP believes SHA-1 bindings of old keys; RFC 9580 9.5 says "MUST NOT" for new ones and calls old ones suspect.
  for (const char* weak : {"SHA1", "MD5", "RIPEMD160"}) {
    ok = ok && rnp_add_security_rule(raw, RNP_FEATURE_HASH_ALG, weak, RNP_SECURITY_OVERRIDE, 0, RNP_SECURITY_INSECURE) == RNP_SUCCESS;
  }
  if (!ok) return fail(ErrorCode::Internal, "RNP does not accept its settings");
  return ffi;
}

Status add_certificates(rnp_ffi_t ffi, ByteView armored_or_binary) {
  POSTERN_TRY(const Input input, read(armored_or_binary));
  const auto result = rnp_load_keys(ffi, RNP_KEYSTORE_GPG, input.get(), RNP_LOAD_SAVE_PUBLIC_KEYS);
  std::size_t count = 0;
  if (result != RNP_SUCCESS) return fail(error(ErrorCode::BadInput, "reading the OpenPGP certificate", result));
  if (rnp_get_public_key_count(ffi, &count) != RNP_SUCCESS || count == 0) return fail(ErrorCode::BadInput, "holds no OpenPGP certificate");
  return {};
}

Result<Input> read(ByteView bytes) {
  rnp_input_t raw = nullptr;
  // RNP refuses a null pointer even for an empty input.
  static const Byte nothing = 0;
  const Byte* data = bytes.empty() ? &nothing : bytes.data();
  if (const auto result = rnp_input_from_memory(&raw, data, bytes.size(), false); result != RNP_SUCCESS) {
    return fail(error(ErrorCode::Internal, "opening an input", result));
  }
  return Input(raw);
}

Result<Output> buffer(std::size_t limit) {
  rnp_output_t raw = nullptr;
  if (const auto result = rnp_output_to_memory(&raw, limit); result != RNP_SUCCESS)
    return fail(error(ErrorCode::Internal, "opening an output", result));
  return Output(raw);
}

Result<Bytes> bytes_of(rnp_output_t output) {
  Byte* data = nullptr;
  std::size_t size = 0;
  if (const auto result = rnp_output_memory_get_buf(output, &data, &size, false); result != RNP_SUCCESS) {
    return fail(error(ErrorCode::Internal, "taking the output", result));
  }
  return Bytes(data, data + size);
}

Result<Key> find(rnp_ffi_t ffi, const char* by, const std::string& value) {
  rnp_key_handle_t raw = nullptr;
  if (rnp_locate_key(ffi, by, value.c_str(), &raw) != RNP_SUCCESS || raw == nullptr)
    return fail(ErrorCode::NotFound, "no such OpenPGP key", value);
  return Key(raw);
}

}  // namespace postern::rnp
