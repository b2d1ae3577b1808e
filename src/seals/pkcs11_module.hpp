// A PKCS#11 library, loaded through p11-kit: which counts its users, so that ours and another's C_Initialize do not collide, and works
// on after a fork.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <p11-kit/pkcs11.h>

#include "base/bytes.hpp"

namespace postern::seals {

/// Initialized; the last owner finalizes and unloads it. The functions may be called from any thread.
using Pkcs11Module = std::shared_ptr<CK_FUNCTION_LIST>;

/// Where a module comes from; a seam for tests that make calls fail.
using Pkcs11Loader = std::function<Result<Pkcs11Module>(const std::string& path)>;

/// Unavailable when the library is not there, is not for PKCS#11, or does not initialize.
[[nodiscard]] Result<Pkcs11Module> load_pkcs11_module(const std::string& path);

/// What an answer of the library means for a caller: Denied (PIN, rights), Unsupported (mechanism, kind of key), Internal (calls that we
/// got wrong), else Unavailable, which is worth one fresh start (token pulled, session lost, device error).
[[nodiscard]] Error pkcs11_error(CK_RV answer, const std::string& doing);

}  // namespace postern::seals
