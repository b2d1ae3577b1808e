// The shared objects of tests/programs/CMakeLists.txt: the example and the broken ones. The test program runs itself as their process.
#pragma once

#include <string>

#include "sdk/client.hpp"
#include "sdk/conformance.hpp"

#ifndef POSTERN_SDK_TEST_LIBRARIES
#define POSTERN_SDK_TEST_LIBRARIES "."  // only the test program knows where they are
#endif

namespace postern::sdk::testing {

inline constexpr const char* kPassword = "postern";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// `name` is a defect in lower case, or memory_library.
inline std::string library(const std::string& name) { return std::string(POSTERN_SDK_TEST_LIBRARIES) + "/" + name + ".so"; }

inline ClientOptions client_of(const std::string& name) {
  ClientOptions out;
  out.library = library(name);
  out.connect_timeout = std::chrono::seconds(20);
  out.operation_timeout = std::chrono::seconds(20);
  out.first_pause = out.longest_pause = std::chrono::milliseconds(0);
  return out;
}

inline Bind user(const std::string& name = "C=XX;A=MEMORY;P=EXAMPLE;S=Test") {
  return {.role = Role::P7User, .peer = "localhost", .name = name, .domain = {}, .password = to_bytes(kPassword)};
}

inline Submission to(const std::string& address) {
  Submission out;
  out.originator = "C=XX;A=MEMORY;P=EXAMPLE;S=Test";
  out.recipients.push_back({address, {}, ReportRequest::NonDelivery});
  return out;
}

}  // namespace postern::sdk::testing
