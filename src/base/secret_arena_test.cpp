#include "base/secret_arena.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/secret.hpp"

namespace postern {
namespace {

using secret_arena::allocate, secret_arena::release;

bool zero(const void* piece, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(piece);
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

/// The flags of the mapping that holds `address`, from /proc/self/smaps.
std::string flags_at(const void* address) {
  std::ifstream file("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    unsigned long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      inside = reinterpret_cast<unsigned long>(address) - begin < end - begin;
    else if (inside && line.rfind("VmFlags:", 0) == 0)
      return line + " ";
  }
  return {};
}

/// The end of a child that ran `work`; its signal, or minus its status.
template <class Work>
int fate_of(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

TEST(SecretArena, EverySizeIsZeroAlignedAndItsOwn) {
  std::vector<std::pair<unsigned char*, std::size_t>> taken;
  for (std::size_t size = 1; size < 70'000; size += size < 600 ? 1 : 777) {
    auto* piece = static_cast<unsigned char*>(allocate(size));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 16, 0U) << size;
    ASSERT_TRUE(zero(piece, size)) << size;
    ASSERT_GE(secret_arena::capacity_of(piece), size);
    std::memset(piece, static_cast<int>(size % 255 + 1), size);
    taken.emplace_back(piece, size);
  }
  for (const auto& [piece, size] : taken) {
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(piece[i], size % 255 + 1) << size;
    release(piece, size);
  }
  EXPECT_EQ(allocate(0), nullptr);
  release(nullptr, 0);
  release(nullptr);
}

TEST(SecretArena, AReleasedPieceIsWiped) {
  for (const std::size_t size : {1, 32, 264, 4000}) {
    auto* piece = static_cast<unsigned char*>(allocate(size));
    std::memset(piece, 0xAA, size);
    release(piece);
    EXPECT_TRUE(zero(piece, size)) << size;  // the chunk stays mapped
  }
}

TEST(SecretArena, PagesStayOutOfCoresAndSwap) {
  void* small = allocate(32);
  const auto stats = secret_arena::stats();
  const std::string flags = flags_at(small);
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  if (stats.unlocked_bytes == 0) EXPECT_NE(flags.find(" lo "), std::string::npos) << flags;
  void* large = allocate(100'000);
  EXPECT_NE(flags_at(large).find(" dd "), std::string::npos);
  release(small, 32);
  release(large, 100'000);
}

TEST(SecretArena, PagesOfMemfdSecretCannotBeReadThroughProc) {
  auto* piece = static_cast<unsigned char*>(allocate(32));
  piece[0] = 1;
  if (secret_arena::stats().secret_bytes == 0) GTEST_SKIP() << "this kernel has no memfd_secret, or RLIMIT_MEMLOCK forbids it";
  std::ifstream memory("/proc/self/mem", std::ios::binary);
  memory.seekg(static_cast<std::streamoff>(reinterpret_cast<std::uintptr_t>(piece)));
  char read = 0;
  EXPECT_FALSE(memory.read(&read, 1));
  release(piece, 32);
}

TEST(SecretArena, OverrunsAndDoubleReleasesEndTheProcess) {
  EXPECT_EQ(fate_of([] {
              auto* piece = static_cast<unsigned char*>(allocate(33));
              piece[33] = 1;
              release(piece, 33);
            }),
            SIGABRT);
  EXPECT_EQ(fate_of([] {
              auto* piece = static_cast<unsigned char*>(allocate(33));
              piece[secret_arena::capacity_of(piece)] ^= 1;  // the last word
              release(piece);
            }),
            SIGABRT);
  EXPECT_EQ(fate_of([] {
              void* piece = allocate(64);
              release(piece, 64);
              release(piece, 64);
            }),
            SIGABRT);
  EXPECT_EQ(fate_of([] {
              auto* piece = static_cast<volatile unsigned char*>(allocate(100'000));
              piece[100'016] = 1;  // the page after it faults
            }),
            SIGSEGV);
  EXPECT_EQ(fate_of([] {
              int other = 0;
              release(&other, sizeof other);
            }),
            SIGABRT);
}

TEST(SecretArena, AForkedChildSeesZeroAndLeavesItsParentAlone) {
  auto* small = static_cast<unsigned char*>(allocate(40));
  auto* large = static_cast<unsigned char*>(allocate(20'000));
  std::memset(small, 0x55, 40);
  std::memset(large, 0x55, 20'000);
  EXPECT_EQ(fate_of([&] {
              if (!zero(small, 40) || !zero(large, 20'000)) ::_exit(1);
              std::memset(small, 0x77, 40);
              release(small, 40);
              release(large, 20'000);
              for (int i = 0; i < 1000; ++i) {  // it goes on with the arena
                auto* own = static_cast<unsigned char*>(allocate(40));
                if (!zero(own, 40)) ::_exit(2);
                own[39] = 1;
                if (i % 2 == 0) release(own, 40);
              }
            }),
            0);
  EXPECT_EQ(small[0], 0x55);
  EXPECT_EQ(large[0], 0x55);
  release(small, 40);
  release(large, 20'000);
}

TEST(SecretArena, WithoutLockableMemoryItStillServes) {
  EXPECT_EQ(fate_of([] {
              if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(3);  // root has no limit
              const struct rlimit none{0, 0};
              (void)::setrlimit(RLIMIT_MEMLOCK, &none);
              const auto before = secret_arena::stats();
              for (int i = 0; i < 2000; ++i) static_cast<unsigned char*>(allocate(500))[0] = 1;
              const auto after = secret_arena::stats();
              if (after.unlocked_bytes <= before.unlocked_bytes || after.secret_bytes != before.secret_bytes) ::_exit(4);
            }),
            0);
}

TEST(SecretArena, PiecesTravelBetweenThreads) {
  for (int round = 0; round < 20; ++round) {
    std::vector<SecretBytes> made;
    std::thread maker([&] {
      for (int i = 0; i < 500; ++i) made.push_back(SecretBytes::from_text("piece " + std::to_string(i)));
    });
    maker.join();
    std::thread user([&made] {
      for (int i = 0; i < 500; ++i) EXPECT_EQ(as_text(made[static_cast<std::size_t>(i)].view()), "piece " + std::to_string(i));
      made.clear();
    });
    user.join();
  }
}

}  // namespace
}  // namespace postern
