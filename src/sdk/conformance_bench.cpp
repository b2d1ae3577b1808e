#include <poll.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "sdk/conformance_checks.hpp"
#include "sdk/inspect.hpp"
#include "sdk/lend.hpp"
#include "sdk/session.hpp"

namespace postern::sdk {
namespace kit {
namespace {

constexpr std::size_t kGuard = 16;
constexpr char kGuardByte = '\x7E';
constexpr int kArrival = 200, kArrivalPause = 50;  // 10 seconds, in milliseconds

template <class Buffer>
bool guarded(const Buffer& buffer, std::size_t from) {
  return std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(from), buffer.end(),
                     [](auto one) { return static_cast<char>(one) == kGuardByte; });
}

void der(Bytes& out, Byte tag, ByteView inner) {
  out.push_back(tag);
  Bytes length;
  for (std::size_t left = inner.size(); left > 0; left >>= 8) length.insert(length.begin(), static_cast<Byte>(left));
  if (inner.size() >= 0x80) out.push_back(static_cast<Byte>(0x80 | length.size()));
  if (inner.empty()) length = {0};
  append(out, length);
  append(out, inner);
}

Bytes element(Byte tag, std::initializer_list<Bytes> inner) {
  Bytes all, out;
  for (const Bytes& one : inner) append(all, one);
  der(out, tag, all);
  return out;
}

}  // namespace

Status expect(bool holds, std::string otherwise) {
  if (holds) return {};
  return wrong(std::move(otherwise));
}
tl::unexpected<Error> wrong(std::string why) { return fail(ErrorCode::Internal, std::move(why)); }
tl::unexpected<Error> skip(std::string why) { return fail(ErrorCode::Unsupported, std::move(why)); }

std::string status_name(postern_x400_status status) {
  static constexpr const char* names[] = {"OK",          "BAD_ARGUMENT", "UNKNOWN_HANDLE", "UNSUPPORTED",       "NO_MEMORY",
                                          "UNAVAILABLE", "TIMED_OUT",    "CANCELLED",      "NOT_AUTHENTICATED", "REFUSED",
                                          "NOT_FOUND",   "OVER_LIMIT",   "ENDED",          "PROTOCOL",          "INTERNAL"};
  if (status >= 0 && static_cast<std::size_t>(status) < std::size(names)) return std::string("POSTERN_X400_") + names[status];
  return "status " + std::to_string(status);
}

postern_x400_call call(std::uint32_t timeout_ms, std::uint64_t id) noexcept { return {sizeof(postern_x400_call), timeout_ms, id}; }

Bytes interpersonal_message(std::size_t text) {
  Bytes words(text, 'x');
  for (std::size_t i = 0; i < std::min<std::size_t>(text, 128); ++i) words[i] = static_cast<Byte>(i);
  const Bytes identifier = element(0x6B, {element(0x13, {to_bytes("kit")})});
  const Bytes body_part = element(0xA0, {element(0x31, {}), element(0x16, {words})});
  return element(0xA0, {element(0x31, {identifier}), element(0x30, {body_part})});
}

postern_x400_list_args list_args(std::uint64_t from, std::uint32_t limit) noexcept {
  postern_x400_list_args out{};
  out.struct_size = sizeof out;
  out.from = from;
  out.limit = limit;
  out.wanted = POSTERN_X400_HAS_ALL;
  return out;
}

Complaint::Complaint(std::size_t text, std::size_t field, std::size_t diagnostic)
    : m_text(text + kGuard, kGuardByte),
      m_field(field + kGuard, kGuardByte),
      m_diagnostic(diagnostic + kGuard, static_cast<std::uint8_t>(kGuardByte)) {
  m_raw.struct_size = sizeof m_raw;
  m_raw.text = text == 0 ? nullptr : m_text.data();
  m_raw.text_capacity = text;
  m_raw.field = field == 0 ? nullptr : m_field.data();
  m_raw.field_capacity = field;
  m_raw.diagnostic = diagnostic == 0 ? nullptr : m_diagnostic.data();
  m_raw.diagnostic_capacity = diagnostic;
}

Status Complaint::keeps_rules(postern_x400_status status) const {
  POSTERN_CHECK(expect(
      guarded(m_text, m_raw.text_capacity) && guarded(m_field, m_raw.field_capacity) && guarded(m_diagnostic, m_raw.diagnostic_capacity),
      "it writes beyond the capacity of the buffers in postern_x400_error"));
  POSTERN_CHECK(expect(m_raw.text_size <= m_raw.text_capacity && m_raw.field_size <= m_raw.field_capacity &&
                           m_raw.diagnostic_size <= m_raw.diagnostic_capacity,
                       "it says in postern_x400_error that it wrote more than fits"));
  if (status == POSTERN_X400_OK) return {};
  POSTERN_CHECK(expect(m_raw.status == status,
                       "postern_x400_error.status is " + status_name(m_raw.status) + ", and the function answered " + status_name(status)));
  POSTERN_CHECK(expect(m_raw.text_capacity == 0 || m_raw.text_size > 0,
                       "it fails with " + status_name(status) + " and without a text; say what to do"));
  return expect(is_utf8(text()) && is_utf8(field()), "text or field of its postern_x400_error is not UTF-8");
}

Status Bench::needs(std::uint64_t capability, const char* what) const {
  if (library.can(capability)) return {};
  return skip(std::string("the library does not declare ") + what);
}

Status Bench::must(postern_x400_status got, postern_x400_status expected, const Complaint& complaint, const std::string& doing) const {
  POSTERN_CHECK(
      expect(got == expected, doing + " answers " + status_name(got) +
                                  (got == POSTERN_X400_OK || complaint.text().empty() ? "" : " (" + printable(complaint.text()) + ")") +
                                  ", and " + status_name(expected) + " is right"));
  if (const Status rules = complaint.keeps_rules(got); !rules) return wrong(doing + ": " + rules.error().what);
  const std::string_view password = as_text(hello.user.password);
  return expect(password.size() < 4 || complaint.text().find(password) == std::string_view::npos,
                doing + ": the error's text has the password in it");
}

Status Bench::open() {
  postern_x400_open_args args{};
  args.struct_size = sizeof args;
  args.profile = lend(hello.profile);
  args.settings = lend(hello.settings);
  const auto limit = call();
  Complaint complaint;
  POSTERN_CHECK(must(table.open(&limit, &args, &handle, complaint.raw()), POSTERN_X400_OK, complaint, "open()"));
  return expect(handle != 0, "open() gives out handle 0");
}

Bind Bench::credentials() const {
  Bind out;
  out.role = static_cast<Role>(hello.user.role);
  out.peer = hello.user.peer;
  out.name = hello.user.name;
  out.password = hello.user.password;
  return out;
}

Result<Handle> Bench::bind() {
  const Bind request = credentials();
  const auto args = lend(request);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_binding> result(table);
  POSTERN_CHECK(must(table.bind(handle, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "bind()"));
  Inspector inspector;
  const Binding binding = inspector.binding(result.get());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return binding.association.handle;
}

Status Bench::unbind(Handle association) {
  const auto limit = call();
  Complaint complaint;
  return must(table.unbind(association, &limit, complaint.raw()), POSTERN_X400_OK, complaint, "unbind()");
}

Submission Bench::message() const {
  Submission out;
  out.originator = hello.user.name;
  out.recipients.push_back({hello.user.name, {}, ReportRequest::None});
  return out;
}

Result<std::string> Bench::submit(Handle association, ByteView content) {
  const Submission envelope = message();
  const LentSubmission args(envelope, content);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_submission_result> result(table);
  POSTERN_CHECK(
      must(table.submit(association, &limit, &args.out, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "submit()"));
  Inspector inspector;
  Submitted submitted = inspector.submitted(result.get());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return std::move(submitted.mts_identifier);
}

Result<std::uint64_t> Bench::arrived(Handle association, const std::string& mts_identifier) {
  for (int look = 0; look < kArrival; ++look) {
    const auto limit = call();
    for (std::uint64_t from = 1; from != 0;) {
      const auto args = list_args(from, 1000);
      Complaint complaint;
      Held<postern_x400_entry_list> result(table);
      POSTERN_CHECK(must(table.list(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "list()"));
      Inspector inspector;
      const EntryList page = inspector.entry_list(result.get(), args.limit);
      if (inspector.fault()) return wrong(inspector.fault()->what);
      for (const Entry& one : page.entries) {
        if (one.entry_class == EntryClass::DeliveredMessage && one.mts_identifier == mts_identifier) return one.sequence;
      }
      from = page.next;
    }
    (void)::poll(nullptr, 0, kArrivalPause);
  }
  return wrong("a message submitted to ourselves is not in the mailbox after 10 seconds (no entry has its MTS identifier)");
}

Result<std::uint64_t> Bench::deliver(Handle association, ByteView content) {
  POSTERN_TRY(const std::string identifier, submit(association, content));
  return arrived(association, identifier);
}

Result<Bytes> Bench::fetch(Handle association, std::uint64_t sequence) {
  Bytes content;
  postern_x400_fetch_args args{};
  args.struct_size = sizeof args;
  args.sequence = sequence;
  args.wanted = POSTERN_X400_HAS_ALL;
  args.content_data = &content;
  args.on_content = [](void* data, const std::uint8_t* octets, std::size_t size) -> std::int32_t {
    append(*static_cast<Bytes*>(data), {octets, size});
    return 0;
  };
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_fetched> result(table);
  POSTERN_CHECK(must(table.fetch(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "fetch()"));
  Inspector inspector;
  (void)inspector.fetched(result.get(), sequence, content.size());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return content;
}

Status Bench::remove(Handle association, std::uint64_t sequence) {
  const auto limit = call();
  Complaint complaint;
  return must(table.delete_entries(association, &limit, &sequence, 1, complaint.raw()), POSTERN_X400_OK, complaint, "delete_entries()");
}

}  // namespace kit

std::span<const CheckName> check_names() {
  static const std::vector<CheckName> names = [] {
    std::vector<CheckName> out;
    for (const auto list : {kit::checks_of_opening(), kit::checks_of_messages(), kit::checks_of_conduct()}) {
      for (const auto& one : list) out.push_back(one.name);
    }
    return out;
  }();
  return names;
}

Verdict run_check(const Hello& hello) {
  const auto library = Library::load(hello.library);
  if (!library) return {false, false, library.error().text()};
  for (const auto list : {kit::checks_of_opening(), kit::checks_of_messages(), kit::checks_of_conduct()}) {
    for (const auto& one : list) {
      if (hello.check != one.name.name) continue;
      if (one.mailbox && hello.user.role != POSTERN_X400_P7_USER)
        return {false, true, "it needs a mailbox, which only a message store has: run the kit with --role p7 for it"};
      kit::Bench bench(hello, *library);
      Status done = bench.open();
      if (done) done = one.run(bench);
      if (done) return {true, false, {}};
      return {false, done.error().code == ErrorCode::Unsupported, done.error().what};
    }
  }
  return {false, false, "there is no such check"};
}

}  // namespace postern::sdk
