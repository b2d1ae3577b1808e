#include "seals/pkcs11_module.hpp"

#include <p11-kit/p11-kit.h>

#include "base/text.hpp"

namespace postern::seals {
namespace {

ErrorCode code_of(CK_RV answer) {
  switch (answer) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
    case CKR_USER_PIN_NOT_INITIALIZED:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_SESSION_READ_ONLY: return ErrorCode::Denied;
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_SIZE_RANGE:
    case CKR_ATTRIBUTE_TYPE_INVALID:
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_TEMPLATE_INCONSISTENT:
    case CKR_FUNCTION_NOT_SUPPORTED: return ErrorCode::Unsupported;
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE: return ErrorCode::IntegrityFailed;
    case CKR_BUFFER_TOO_SMALL:
    case CKR_TEMPLATE_INCOMPLETE: return ErrorCode::Internal;
    default: return ErrorCode::Unavailable;
  }
}

}  // namespace

Result<Pkcs11Module> load_pkcs11_module(const std::string& path) {
  CK_FUNCTION_LIST* const module = p11_kit_module_load(path.c_str(), 0);
  if (module == nullptr) {
    const char* reason = p11_kit_message();
    return fail(ErrorCode::Unavailable,
                "the PKCS#11 library " + path + " cannot be loaded (" + printable(reason != nullptr ? reason : "no reason given", 200) +
                    "): install it, or correct module-path",
                "module-path");
  }
  if (const CK_RV answer = p11_kit_module_initialize(module); answer != CKR_OK) {
    p11_kit_module_release(module);
    return fail(pkcs11_error(answer, "initializing the PKCS#11 library " + path));
  }
  return Pkcs11Module(module, [](CK_FUNCTION_LIST* loaded) {
    p11_kit_module_finalize(loaded);
    p11_kit_module_release(loaded);
  });
}

Error pkcs11_error(CK_RV answer, const std::string& doing) {
  const char* text = p11_kit_strerror(answer);
  return {code_of(answer),
          doing + ": " + printable(text != nullptr ? text : "unknown answer", 120) + " (CKR " + std::to_string(answer) + ")", "seal"};
}

}  // namespace postern::seals
