// Checks of handshake, errors, handles and binding.
#include <cstring>

#include "base/text.hpp"
#include "sdk/conformance_checks.hpp"
#include "sdk/inspect.hpp"
#include "sdk/lend.hpp"

namespace postern::sdk::kit {
namespace {

constexpr Handle kNever = 0x7FFF'FFFF'FFFF'FFF1;  // nobody counts so far

Status loads(Bench& bench) {
  Complaint complaint;
  return bench.must(bench.table.close(bench.handle, complaint.raw()), POSTERN_X400_OK, complaint, "close()");
}

/// A host of another major version, and one that is older and knows less of the table.
Status versions(Bench& bench) {
  postern_x400_sdk other{};
  other.struct_size = sizeof other;
  const auto status = bench.library.entry()(POSTERN_X400_SDK_VERSION + 0x10000, &other);
  POSTERN_CHECK(expect(status == POSTERN_X400_UNSUPPORTED, "postern_x400_sdk_entry() answers " + status_name(status) +
                                                               " to a host of the next major version; POSTERN_X400_UNSUPPORTED is right"));
  return expect(major_of(bench.table.version) == major_of(POSTERN_X400_SDK_VERSION), "the table's version is of another major");
}

Status smaller_table(Bench& bench) {
  constexpr std::size_t known = offsetof(postern_x400_sdk, summarize);
  std::array<unsigned char, sizeof(postern_x400_sdk)> place{};
  place.fill(0xA5);
  auto* table = reinterpret_cast<postern_x400_sdk*>(place.data());
  const auto size = static_cast<std::uint32_t>(known);
  std::memcpy(&table->struct_size, &size, sizeof size);
  const auto status = bench.library.entry()(POSTERN_X400_SDK_VERSION, table);
  for (std::size_t i = known; i < place.size(); ++i)
    POSTERN_CHECK(expect(place[i] == 0xA5, "postern_x400_sdk_entry() writes beyond the struct_size of a host that knows less"));
  return expect(status != POSTERN_X400_OK || table->struct_size <= known, "struct_size of the table says more than the host offered");
}

Status status_texts(Bench& bench) {
  for (postern_x400_status status = -1; status < 100; ++status) {
    const char* words = bench.table.status_text(status);
    POSTERN_CHECK(expect(words != nullptr && *words != '\0' && is_utf8(words), "status_text(" + std::to_string(status) + ") is no text"));
  }
  return {};
}

Status identity(Bench& bench) {
  Complaint complaint;
  Held<postern_x400_identity> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.identify(bench.handle, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "identify()"));
  Inspector inspector;
  (void)inspector.identity(result.get());
  return inspector.fault() ? Status(wrong(inspector.fault()->what)) : Status();
}

Status health(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  Complaint complaint;
  Held<postern_x400_health> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.health(bench.handle, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "health()"));
  Inspector inspector;
  const Health seen = inspector.health(result.get());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  POSTERN_CHECK(expect(seen.associations >= 1, "health() counts no association while one is bound"));
  return bench.unbind(association);
}

Status unknown_profile(Bench& bench) {
  postern_x400_open_args args{};
  args.struct_size = sizeof args;
  args.profile = lend(std::string_view("no such profile, for sure"));
  const auto limit = call();
  Complaint complaint;
  Handle handle = 0;
  const auto status = bench.table.open(&limit, &args, &handle, complaint.raw());
  POSTERN_CHECK(expect(status != POSTERN_X400_OK, "open() takes a profile that cannot exist"));
  POSTERN_CHECK(expect(handle == 0, "open() fails and gives out a handle"));
  return complaint.keeps_rules(status);
}

Status closed_twice(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_CHECK(bench.unbind(association));
  const auto limit = call();
  Complaint first, second, third;
  POSTERN_CHECK(bench.must(bench.table.unbind(association, &limit, first.raw()), POSTERN_X400_UNKNOWN_HANDLE, first, "a second unbind()"));
  POSTERN_CHECK(bench.must(bench.table.close(bench.handle, second.raw()), POSTERN_X400_OK, second, "close()"));
  return bench.must(bench.table.close(bench.handle, third.raw()), POSTERN_X400_UNKNOWN_HANDLE, third, "a second close()");
}

Status closing_ends_associations(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  Complaint first, second;
  POSTERN_CHECK(bench.must(bench.table.close(bench.handle, first.raw()), POSTERN_X400_OK, first, "close() with an association bound"));
  const auto limit = call();
  Held<postern_x400_summary> result(bench.table);
  return bench.must(bench.table.summarize(association, &limit, nullptr, result.place(), second.raw()), POSTERN_X400_UNKNOWN_HANDLE, second,
                    "summarize() after close()");
}

template <class T, class Invoke>
Status answers_unknown(Bench& bench, const char* name, Invoke invoke) {
  Complaint complaint;
  Held<T> result(bench.table);
  const auto status = invoke(result.place(), complaint.raw());
  POSTERN_CHECK(bench.must(status, POSTERN_X400_UNKNOWN_HANDLE, complaint, std::string(name) + "() of a handle that was never given out"));
  return expect(result.get() == nullptr, std::string(name) + "() fails and hands a result out");
}

Status unknown_handles(Bench& bench) {
  const auto limit = call(1000);
  const auto& table = bench.table;
  const Submission envelope = bench.message();
  const Bytes content = interpersonal_message(10);
  const LentSubmission submission(envelope, content);
  const Bind request = bench.credentials();
  const auto credentials = lend(request);
  const auto list = list_args(1, 1);
  postern_x400_fetch_args fetch{};
  fetch.struct_size = sizeof fetch;
  fetch.sequence = 1;
  for (const Handle handle : {Handle{0}, kNever}) {
    POSTERN_CHECK(
        answers_unknown<postern_x400_identity>(bench, "identify", [&](auto** r, auto* e) { return table.identify(handle, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_health>(bench, "health", [&](auto** r, auto* e) { return table.health(handle, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_binding>(bench, "bind",
                                                        [&](auto** r, auto* e) { return table.bind(handle, &limit, &credentials, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_submission_result>(
        bench, "submit", [&](auto** r, auto* e) { return table.submit(handle, &limit, &submission.out, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_entry_list>(bench, "list",
                                                           [&](auto** r, auto* e) { return table.list(handle, &limit, &list, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_summary>(bench, "summarize",
                                                        [&](auto** r, auto* e) { return table.summarize(handle, &limit, nullptr, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_fetched>(bench, "fetch",
                                                        [&](auto** r, auto* e) { return table.fetch(handle, &limit, &fetch, r, e); }));
    POSTERN_CHECK(answers_unknown<postern_x400_event>(bench, "poll", [&](auto** r, auto* e) { return table.poll(handle, &limit, r, e); }));
    POSTERN_CHECK(answers_unknown<int>(bench, "unbind", [&](auto**, auto* e) { return table.unbind(handle, &limit, e); }));
    POSTERN_CHECK(answers_unknown<int>(bench, "close", [&](auto**, auto* e) { return table.close(handle, e); }));
  }
  return {};
}

Status handles_are_new(Bench& bench) {
  std::vector<Handle> seen;
  for (int i = 0; i < 20; ++i) {
    POSTERN_TRY(const Handle association, bench.bind());
    for (const Handle before : seen)
      POSTERN_CHECK(expect(before != association, "bind() gives out a handle that was used before; handles are never used twice"));
    seen.push_back(association);
    POSTERN_CHECK(bench.unbind(association));
  }
  return {};
}

Status refused_bind(Bench& bench, const Bind& request, std::initializer_list<postern_x400_status> right, const std::string& doing,
                    bool diagnostics) {
  const auto args = lend(request);
  const auto limit = call();
  Complaint complaint(512, 128, diagnostics ? 256 : 0);
  Held<postern_x400_binding> result(bench.table);
  const auto status = bench.table.bind(bench.handle, &limit, &args, result.place(), complaint.raw());
  POSTERN_CHECK(expect(status != POSTERN_X400_OK, "bind() with " + doing + " succeeds"));
  for (const auto one : right) {
    if (status != one) continue;
    POSTERN_CHECK(expect(complaint.text().find(as_text(request.password)) == std::string_view::npos || request.password.size() < 4,
                         "the error of a bind() with " + doing + " has the password in its text"));
    return bench.must(status, one, complaint, "bind() with " + doing);
  }
  return bench.must(status, *right.begin(), complaint, "bind() with " + doing);
}

Status wrong_password(Bench& bench) {
  Bind request = bench.credentials();
  request.password = to_bytes("certainly-wrong-4711");
  POSTERN_CHECK(refused_bind(bench, request, {POSTERN_X400_NOT_AUTHENTICATED}, "a wrong password", false));
  POSTERN_CHECK(refused_bind(bench, request, {POSTERN_X400_NOT_AUTHENTICATED}, "a wrong password", true));
  request.password.clear();
  return refused_bind(bench, request, {POSTERN_X400_NOT_AUTHENTICATED, POSTERN_X400_BAD_ARGUMENT}, "no password", false);
}

Status unreachable_peer(Bench& bench) {
  Bind request = bench.credentials();
  request.peer = bench.hello.user.unreachable;
  return refused_bind(bench, request, {POSTERN_X400_UNAVAILABLE, POSTERN_X400_TIMED_OUT}, "a peer that is not there (" + request.peer + ")",
                      false);
}

Status unknown_role(Bench& bench) {
  Bind request = bench.credentials();
  request.role = static_cast<Role>(99);
  return refused_bind(bench, request, {POSTERN_X400_BAD_ARGUMENT, POSTERN_X400_UNSUPPORTED}, "role 99", false);
}

/// Small buffers, none at all, and a host whose structures are longer than this header's.
Status error_buffers(Bench& bench) {
  Bind request = bench.credentials();
  request.password = to_bytes("certainly-wrong-4711");
  const auto args = lend(request);
  const auto limit = call();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
    Complaint complaint(size, size, size);
    Held<postern_x400_binding> result(bench.table);
    const auto status = bench.table.bind(bench.handle, &limit, &args, result.place(), complaint.raw());
    POSTERN_CHECK(expect(status == POSTERN_X400_NOT_AUTHENTICATED, "bind() with small error buffers answers " + status_name(status)));
    POSTERN_CHECK(complaint.keeps_rules(status));
  }
  return {};
}

Status longer_structures(Bench& bench) {
  struct Longer {
    postern_x400_bind_args args;
    std::array<std::uint64_t, 8> later;
  } longer{};
  const Bind request = bench.credentials();
  longer.args = lend(request);
  longer.args.struct_size = sizeof longer;
  longer.later.fill(~std::uint64_t{0});
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_binding> result(bench.table);
  return bench.must(bench.table.bind(bench.handle, &limit, &longer.args, result.place(), complaint.raw()), POSTERN_X400_OK, complaint,
                    "bind() by a host whose structure is longer");
}

Status not_utf8(Bench& bench) {
  Bind request = bench.credentials();
  request.name = "C=XX;A=\xC3\x28;S=Kit";
  return refused_bind(bench, request, {POSTERN_X400_BAD_ARGUMENT}, "a name that is not UTF-8", false);
}

constexpr NamedCheck kChecks[] = {
    {{"load", "it loads, its table is whole, it opens and closes"}, loads, false},
    {{"versions", "a host of another major version is refused"}, versions, false},
    {{"smaller-table", "nothing is written beyond the table of a host that knows less"}, smaller_table, false},
    {{"status-texts", "every status has words, unknown ones too"}, status_texts, false},
    {{"identity", "it says who made it"}, identity, false},
    {{"health", "it says how it is, and counts its associations"}, health, false},
    {{"unknown-profile", "a profile that does not exist is refused in words"}, unknown_profile, false},
    {{"wrong-password", "a bind with a wrong password is refused, and no password stands in the error"}, wrong_password, false},
    {{"unreachable-peer", "a peer that is not there is an error in time"}, unreachable_peer, false},
    {{"unknown-role", "a role that does not exist is refused"}, unknown_role, false},
    {{"not-utf8", "text that is not UTF-8 is refused"}, not_utf8, false},
    {{"error-buffers", "errors fit the buffers they are given, small and none"}, error_buffers, false},
    {{"longer-structures", "a newer host with longer structures is understood"}, longer_structures, false},
    {{"closed-twice", "what is closed twice is an unknown handle, not a crash"}, closed_twice, false},
    {{"close-ends-associations", "close() ends the associations"}, closing_ends_associations, false},
    {{"unknown-handles", "handles never given out are answered by every function"}, unknown_handles, false},
    {{"handles-are-new", "a handle is never used again"}, handles_are_new, false},
};

}  // namespace

std::span<const NamedCheck> checks_of_opening() { return kChecks; }

}  // namespace postern::sdk::kit
