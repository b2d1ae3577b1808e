// The conformance kit: named checks of a vendor's library against postern/x400_sdk.h, each in a process of its own.
//
// A check that crashes, hangs or writes to standard output has failed, and the next one runs. Nothing here needs a running Postern.
#pragma once

#include <functional>
#include <span>

#include "sdk/launch.hpp"

namespace postern::sdk {

struct CheckName {
  const char* name;    ///< Stable: vendors name it in their tests.
  const char* proves;  ///< One sentence.
};
/// In the order in which they run.
[[nodiscard]] std::span<const CheckName> check_names();

struct KitOptions {
  std::string library;                      ///< Absolute path.
  std::string profile, settings;            ///< For open().
  KitUser user;                             ///< Whom to bind as; needs a mailbox that can submit to itself.
  std::vector<std::string> only;            ///< Names; empty: all.
  std::chrono::milliseconds limit{30'000};  ///< Of one check.
  LaunchPlan plan;
};

enum class CheckOutcome { Passed, Failed, Skipped };
[[nodiscard]] const char* name_of(CheckOutcome outcome) noexcept;

struct CheckResult {
  CheckName check{};
  CheckOutcome outcome = CheckOutcome::Failed;
  std::string why;  ///< Of a failure what is wrong and which rule says so; of a skip what is not there.
};

/// `seen` is told of each as it ends. NotFound when `only` names no check; Unavailable when no process can be started.
[[nodiscard]] Result<std::vector<CheckResult>> run_kit(const KitOptions& options, const std::function<void(const CheckResult&)>& seen = {});

}  // namespace postern::sdk
