// For answers of OpenSSL that cannot be: a digest that fails, an algorithm that every build has and this one lacks. Inside crypto/ only.
#pragma once

#include <stdexcept>
#include <string>

#include "crypto/openssl.hpp"

namespace postern::detail {

[[noreturn]] inline void impossible(const char* what) { throw std::runtime_error(openssl_error(ErrorCode::Internal, what).text()); }
inline void must(int ok, const char* what) {
  if (ok != 1) impossible(what);
}
template <class T>
T* must(T* object, const char* what) {
  if (object == nullptr) impossible(what);
  return object;
}

}  // namespace postern::detail
