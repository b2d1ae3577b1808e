// The test program is its own child: run again with the child's verb, it holds the library.
#include <gtest/gtest.h>

#include <cstring>

#include "sdk/child.hpp"

/// A crash of the child is to look like one, also where a sanitizer would catch it. Read by their runtimes, if they are there.
extern "C" const char* __asan_default_options() { return "handle_segv=0:abort_on_error=1"; }
extern "C" const char* __tsan_default_options() { return "handle_segv=0:abort_on_error=1:atexit_sleep_ms=0"; }

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], postern::sdk::kChildVerb) == 0) postern::sdk::run_child();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
