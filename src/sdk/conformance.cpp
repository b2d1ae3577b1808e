#include "sdk/conformance.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

#include "sdk/stream.hpp"

namespace postern::sdk {
namespace {

constexpr std::chrono::milliseconds kEndTime{500};
constexpr std::string_view kFirst = "load";  // without it no other makes sense

Hello greeting(const KitOptions& options, const char* check) {
  Hello hello;
  hello.mode = Mode::Check;
  hello.library = options.library;
  hello.check = check;
  hello.profile = options.profile;
  hello.settings = options.settings;
  hello.user = options.user;
  return hello;
}

struct Outputs {
  Heard output, errors;
};

/// The verdict; Timeout, or Unavailable when the process ended without one.
Result<Verdict> hear(FrameStream& stream, Launched& child, Outputs& outputs, SteadyTime deadline) {
  for (;;) {
    auto read = stream.poll_frame();
    if (!read && read.error().code == ErrorCode::Unavailable) return fail(std::move(read).error());
    if (!read || (*read && (**read).kind != Kind::Verdict)) return fail(ErrorCode::Internal, "damaged its process's channel");
    if (*read) return decode<Verdict>((**read).body);
    std::array<pollfd, 3> on{{{stream.fd(), POLLIN, 0}, {child.output.get(), POLLIN, 0}, {child.errors.get(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return fail(ErrorCode::Timeout, "did not come back");
    (void)::poll(on.data(), on.size(), static_cast<int>(left));
    if (on[1].revents != 0 && !outputs.output.drain(child.output.get())) child.output.reset();
    if (on[2].revents != 0 && !outputs.errors.drain(child.errors.get())) child.errors.reset();
  }
}

std::string said(const Outputs& outputs) {
  const std::string line = outputs.errors.last_line();
  return line.empty() ? "" : "; it wrote: " + line;
}

Result<CheckResult> run_one(const KitOptions& options, const CheckName& check) {
  POSTERN_TRY(Launched child, launch(options.plan));
  FrameStream stream(std::move(child.channel));
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.limit;
  Outputs outputs;
  Result<Verdict> verdict = fail(ErrorCode::Unavailable, "");
  if (stream.send(Kind::Hello, 0, encode(greeting(options, check.name)), deadline)) verdict = hear(stream, child, outputs, deadline);
  const std::string how = reap(
      child, verdict || verdict.error().code == ErrorCode::Unavailable ? std::chrono::steady_clock::now() + kEndTime : SteadyTime::min());
  if (child.output) (void)outputs.output.drain(child.output.get());
  if (child.errors) (void)outputs.errors.drain(child.errors.get());
  if (!verdict && verdict.error().code == ErrorCode::Timeout)
    return CheckResult{check, CheckOutcome::Failed,
                       "the library did not come back within " + std::to_string(options.limit.count()) + " ms"};
  if (!verdict && verdict.error().code != ErrorCode::Unavailable)
    return CheckResult{check, CheckOutcome::Failed, "the library " + verdict.error().what};
  if (!verdict) return CheckResult{check, CheckOutcome::Failed, "the library " + how + said(outputs)};
  if (verdict->skipped) return CheckResult{check, CheckOutcome::Skipped, verdict->words};
  if (!verdict->passed) return CheckResult{check, CheckOutcome::Failed, verdict->words};
  if (outputs.output.octets() > 0)
    return CheckResult{check, CheckOutcome::Failed,
                       "the library wrote to standard output (\"" + outputs.output.last_line() + "\"); say things through open_args.log"};
  return CheckResult{check, CheckOutcome::Passed, {}};
}

}  // namespace

const char* name_of(CheckOutcome outcome) noexcept {
  switch (outcome) {
    case CheckOutcome::Passed: return "passed";
    case CheckOutcome::Failed: return "failed";
    case CheckOutcome::Skipped: return "skipped";
  }
  return "failed";
}

Result<std::vector<CheckResult>> run_kit(const KitOptions& options, const std::function<void(const CheckResult&)>& seen) {
  for (const std::string& name : options.only) {
    const auto known = check_names();
    if (std::ranges::none_of(known, [&](const CheckName& one) { return name == one.name; }))
      return fail(ErrorCode::NotFound, "there is no check \"" + name + "\"; without --check all run and are listed", "check");
  }
  std::vector<CheckResult> out;
  for (const CheckName& check : check_names()) {
    if (!options.only.empty() && std::ranges::find(options.only, check.name) == options.only.end()) continue;
    if (!out.empty() && std::string_view(out.front().check.name) == kFirst && out.front().outcome == CheckOutcome::Failed) {
      out.push_back({check, CheckOutcome::Skipped, "the library does not load"});
      if (seen) seen(out.back());
      continue;
    }
    POSTERN_TRY(CheckResult result, run_one(options, check));
    if (seen) seen(result);
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace postern::sdk
