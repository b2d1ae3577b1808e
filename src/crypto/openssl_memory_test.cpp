#include "crypto/openssl_memory.hpp"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/secret_arena.hpp"
#include "crypto/pkey.hpp"

namespace postern {
namespace {

// OpenSSL's whole heap changes its place, and a forked child finds it empty: the tests below run in a process of their own, which installs
// the functions before its main.
constexpr const char* kInside = "POSTERN_TEST_OPENSSL_MEMORY";
const bool g_installed = std::getenv(kInside) != nullptr && use_secret_memory_for_openssl().has_value();

void lives_in_the_arena_and_is_wiped_when_freed() {
  auto* piece = static_cast<char*>(OPENSSL_malloc(40));
  ASSERT_GE(secret_arena::capacity_of(piece), 40U);
  std::memset(piece, 'k', 40);
  OPENSSL_free(piece);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(piece[i], 0);
}

void resizing_keeps_the_bytes_and_leaves_none_behind() {
  auto* small = static_cast<char*>(OPENSSL_malloc(24));
  std::memset(small, 'k', 24);
  auto* larger = static_cast<char*>(OPENSSL_realloc(small, 20'000));
  ASSERT_NE(larger, nullptr);
  EXPECT_EQ(std::string(larger, 24), std::string(24, 'k'));
  for (int i = 0; i < 24; ++i) ASSERT_EQ(small[i], 0);
  auto* same = static_cast<char*>(OPENSSL_realloc(larger, 10));
  EXPECT_EQ(std::string(same, 10), std::string(10, 'k'));
  EXPECT_EQ(OPENSSL_realloc(same, 0), nullptr);
  OPENSSL_free(OPENSSL_realloc(nullptr, 5));
  OPENSSL_free(OPENSSL_zalloc(0));
}

/// The same test in a process with the functions in place, and tests of keys beside it.
void run_inside() {
  char self[] = "/proc/self/exe", filter[] = "--gtest_filter=OpensslMemory.Serves*:Pkey*:Aead*",
       variable[] = "POSTERN_TEST_OPENSSL_MEMORY=1";
  char* const arguments[] = {self, filter, nullptr};
  char* const environment[] = {variable, nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, self, nullptr, nullptr, arguments, environment), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(OpensslMemory, ServesInAProcessOfItsOwn) {
  if (std::getenv(kInside) == nullptr) return run_inside();
  ASSERT_TRUE(g_installed);
  lives_in_the_arena_and_is_wiped_when_freed();
  resizing_keeps_the_bytes_and_leaves_none_behind();
}

TEST(OpensslMemory, IsRefusedOnceOpensslHasAllocated) {
  const auto key = PrivateKey::generate(KeyKind::Ed25519);
  ASSERT_TRUE(key);
  EXPECT_EQ(use_secret_memory_for_openssl().error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace postern
