// Checks of conduct: ownership, time, threads, and what a library may not touch.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "sdk/conformance_checks.hpp"
#include "sdk/inspect.hpp"
#include "sdk/lend.hpp"
#include "sdk/serve.hpp"

namespace postern::sdk::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLate{2'000};  // beyond a limit
constexpr int kRounds = 50;

milliseconds since(SteadyTime start) { return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start); }

Result<EntryList> read(const postern_x400_entry_list* from) {
  Inspector inspector;
  EntryList out = inspector.entry_list(from, 100);
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return out;
}

bool same(const EntryList& a, const EntryList& b) { return encode(a) == encode(b); }

/// A result stays as it is while everything else goes on, beyond unbind() and close(), until it is given back, by another thread.
Status ownership(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, interpersonal_message(100)));
  const auto args = list_args(sequence, 10);
  const auto limit = call();
  Complaint first, second, third, fourth;
  Held<postern_x400_entry_list> kept(bench.table), other(bench.table);
  POSTERN_CHECK(bench.must(bench.table.list(association, &limit, &args, kept.place(), first.raw()), POSTERN_X400_OK, first, "list()"));
  POSTERN_TRY(const EntryList before, read(kept.get()));
  POSTERN_CHECK(bench.must(bench.table.list(association, &limit, &args, other.place(), second.raw()), POSTERN_X400_OK, second, "list()"));
  POSTERN_CHECK(expect(kept.get() != other.get(), "list() hands the same result out twice"));
  other.give_back();
  POSTERN_CHECK(bench.remove(association, sequence));
  POSTERN_CHECK(bench.unbind(association));
  POSTERN_CHECK(bench.must(bench.table.close(bench.handle, third.raw()), POSTERN_X400_OK, third, "close()"));
  const auto after = read(kept.get());
  POSTERN_CHECK(
      expect(after && same(before, *after), "a result changed before it was given back by release(); it is the host's to read until then"));
  std::thread([&] { kept.give_back(); }).join();
  return {};
}

Status releases_null(Bench& bench) {
  bench.table.release(nullptr);
  return {};
}

/// The caller's memory is gone after the call: a library that kept pointers into it shows that now.
Status arguments_are_copied(Bench& bench) {
  auto request = std::make_unique<Bind>(bench.credentials());
  const auto args = std::make_unique<postern_x400_bind_args>(lend(*request));
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_binding> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.bind(bench.handle, &limit, args.get(), result.place(), complaint.raw()), POSTERN_X400_OK, complaint,
                           "bind()"));
  const Handle association = result->association;
  std::ranges::fill(request->name, '#');
  std::ranges::fill(request->peer, '#');
  std::ranges::fill(request->password, Byte{'#'});
  std::memset(args.get(), 0x5A, sizeof *args);
  Bytes content = interpersonal_message(100);
  const Bytes copy = content;
  POSTERN_TRY(const std::string identifier, bench.submit(association, content));
  std::ranges::fill(content, Byte{'#'});
  POSTERN_TRY(const std::uint64_t sequence, bench.arrived(association, identifier));
  POSTERN_TRY(const Bytes fetched, bench.fetch(association, sequence));
  POSTERN_CHECK(expect(fetched == copy, "a message changed when the caller's memory did; what is kept must be copied"));
  return bench.remove(association, sequence);
}

struct Polled {
  postern_x400_status status = POSTERN_X400_OK;
  std::uint32_t kind = 0;
  milliseconds took{0};
};
Polled poll_for(Bench& bench, Handle association, std::uint32_t timeout_ms, std::uint64_t id = 0) {
  const auto limit = call(timeout_ms, id);
  Complaint complaint;
  Held<postern_x400_event> result(bench.table);
  const SteadyTime start = steady_clock::now();
  Polled out;
  out.status = bench.table.poll(association, &limit, result.place(), complaint.raw());
  out.took = since(start);
  if (result.get() != nullptr) out.kind = result->kind;
  return out;
}

/// Until nothing new is there, so that the next poll has to wait.
Status drain(Bench& bench, Handle association) {
  for (int i = 0; i < 1000; ++i) {
    const Polled one = poll_for(bench, association, 0);
    if (one.status == POSTERN_X400_OK && one.kind == POSTERN_X400_NOTHING) return {};
    POSTERN_CHECK(expect(one.status == POSTERN_X400_OK, "poll() with no time answers " + status_name(one.status)));
  }
  return wrong("poll() has no end of events");
}

Status deadlines(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_CHECK(drain(bench, association));
  for (const std::uint32_t limit : {0U, 200U}) {
    const Polled one = poll_for(bench, association, limit);
    POSTERN_CHECK(expect(one.status == POSTERN_X400_OK && one.kind == POSTERN_X400_NOTHING,
                         "poll() for " + std::to_string(limit) + " ms answers " + status_name(one.status) +
                             "; POSTERN_X400_OK with POSTERN_X400_NOTHING is right"));
    POSTERN_CHECK(expect(one.took < milliseconds(limit) + kLate,
                         "poll() for " + std::to_string(limit) + " ms takes " + std::to_string(one.took.count()) + " ms"));
    POSTERN_CHECK(expect(one.took + milliseconds(20) >= milliseconds(limit), "poll() with nothing new comes back before its time is up"));
  }
  return bench.unbind(association);
}

Status cancelling(Bench& bench) {
  POSTERN_CHECK(bench.needs(POSTERN_X400_CAN_CANCEL, "POSTERN_X400_CAN_CANCEL"));
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_CHECK(drain(bench, association));
  constexpr std::uint64_t id = 4711;
  const auto nobody = bench.table.cancel(bench.handle, 1);
  POSTERN_CHECK(expect(nobody == POSTERN_X400_OK, "cancel() of a call that does not run answers " + status_name(nobody)));
  Polled polled;
  std::atomic<bool> done{false};
  std::thread waiting([&] {
    polled = poll_for(bench, association, 6'000, id);
    done = true;
  });
  for (int i = 0; i < 60 && !done; ++i) {  // again and again: the poll may not have begun
    (void)bench.table.cancel(bench.handle, id);
    std::this_thread::sleep_for(milliseconds(50));
  }
  waiting.join();
  return expect(polled.status == POSTERN_X400_CANCELLED && polled.took < milliseconds(3'000),
                "a poll() that is cancelled answers " + status_name(polled.status) + " after " + std::to_string(polled.took.count()) +
                    " ms; POSTERN_X400_CANCELLED at once is right");
}

/// As many threads as it says it bears; each has its own association.
Status concurrency(Bench& bench) {
  const std::uint32_t threads = std::min<std::uint32_t>(bench.table.max_calls, kMostWorkers);
  if (threads < 2) return skip("the library declares one call at a time");
  std::mutex mutex;
  Status first;
  const auto work = [&] {
    const auto run = [&]() -> Status {
      POSTERN_TRY(const Handle association, bench.bind());
      for (int i = 0; i < 5; ++i) {
        const Bytes content = interpersonal_message(200);
        POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, content));
        POSTERN_TRY(const Bytes fetched, bench.fetch(association, sequence));
        POSTERN_CHECK(expect(fetched == content, "a content is another when threads work side by side"));
        POSTERN_CHECK(bench.remove(association, sequence));
      }
      return bench.unbind(association);
    };
    const Status done = run();
    const std::lock_guard lock(mutex);
    if (!done && first) first = done;
  };
  std::vector<std::thread> all;
  for (std::uint32_t i = 0; i < threads; ++i) all.emplace_back(work);
  for (std::thread& one : all) one.join();
  return first;
}

Status bind_and_list(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  const auto args = list_args(1, 10);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_entry_list> result(bench.table);
  POSTERN_CHECK(
      bench.must(bench.table.list(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "list()"));
  return bench.unbind(association);
}

Status descriptors(Bench& bench) {
  POSTERN_CHECK(bind_and_list(bench));
  const std::size_t before = open_descriptors();
  for (int i = 0; i < kRounds; ++i) POSTERN_CHECK(bind_and_list(bench));
  const std::size_t after = open_descriptors();
  return expect(after < before + kRounds / 2, "after " + std::to_string(kRounds) + " associations " + std::to_string(after - before) +
                                                  " descriptors more are open; unbind() closes what bind() opened");
}

std::size_t in_use() { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; }

Status memory(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  const Bytes content = interpersonal_message(64 * 1024);
  const auto round = [&]() -> Status {
    POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, content));
    POSTERN_TRY(const Bytes fetched, bench.fetch(association, sequence));
    return bench.remove(association, sequence);
  };
  for (int i = 0; i < 10; ++i) POSTERN_CHECK(round());
  const std::size_t before = in_use();
  for (int i = 0; i < kRounds; ++i) POSTERN_CHECK(round());
  const std::size_t after = in_use(), bound = kRounds * std::size_t{256};
  return expect(after < before + bound, std::to_string(kRounds) + " rounds of submit, fetch and delete keep " +
                                            std::to_string(after - before) + " octets; what release() gets back is to be freed");
}

/// Not those of crashes, which a sanitizer may handle.
Status signals(Bench& bench) {
  POSTERN_CHECK(bind_and_list(bench));
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE}) {
    struct sigaction found{};
    (void)::sigaction(number, nullptr, &found);
    const bool ours = found.sa_handler == SIG_DFL || (number == SIGPIPE && found.sa_handler == SIG_IGN);
    POSTERN_CHECK(expect(ours, std::string("it handles the signal ") + ::strsignal(number) + "; signals are the host's"));
  }
  return {};
}

constexpr NamedCheck kChecks[] = {
    {{"ownership", "a result stays until it is given back, by any thread"}, ownership},
    {{"release-null", "release(NULL) does nothing"}, releases_null, false},
    {{"arguments-are-copied", "nothing of the caller's memory is kept"}, arguments_are_copied},
    {{"deadlines", "a wait ends when its time is up"}, deadlines, false},
    {{"cancel", "a wait ends when it is cancelled"}, cancelling, false},
    {{"concurrency", "it bears as many calls at once as it declares"}, concurrency},
    {{"descriptors", "associations leave no descriptors behind"}, descriptors},
    {{"memory", "what is given back is freed"}, memory},
    {{"signals", "it installs no signal handlers"}, signals},
};

}  // namespace

std::span<const NamedCheck> checks_of_conduct() { return kChecks; }

}  // namespace postern::sdk::kit
