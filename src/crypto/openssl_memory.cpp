#include "crypto/openssl_memory.hpp"

#include <openssl/crypto.h>

#include <cstring>
#include <new>

#include "base/secret_arena.hpp"

namespace postern {
namespace {

void* take(std::size_t size, const char* /*file*/, int /*line*/) noexcept {
  try {
    return secret_arena::allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;  // OpenSSL reports it
  }
}

void give(void* piece, const char* /*file*/, int /*line*/) noexcept { secret_arena::release(piece); }

void* resize(void* piece, std::size_t size, const char* file, int line) noexcept {
  if (size == 0) {
    give(piece, file, line);
    return nullptr;
  }
  const std::size_t room = secret_arena::capacity_of(piece);
  if (size <= room) return piece;  // what is beyond a smaller size is wiped with the rest
  void* larger = take(size, file, line);
  if (larger == nullptr || piece == nullptr) return larger;
  std::memcpy(larger, piece, room);
  give(piece, file, line);
  return larger;
}

}  // namespace

Status use_secret_memory_for_openssl() {
  if (CRYPTO_set_mem_functions(take, resize, give) == 1) return {};
  return fail(ErrorCode::Conflict, "OpenSSL has allocated memory already; its memory functions are set before anything uses it");
}

}  // namespace postern
