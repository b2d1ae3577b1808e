// Checks of submission and the message store.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sdk/conformance_checks.hpp"
#include "sdk/inspect.hpp"
#include "sdk/lend.hpp"

namespace postern::sdk::kit {
namespace {

constexpr std::size_t kHuge = std::size_t{16} << 20;
constexpr std::uint64_t kNoEntry = 0x7FFF'FFF1;

Result<EntryList> list(Bench& bench, Handle association, const postern_x400_list_args& args) {
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_entry_list> result(bench.table);
  POSTERN_CHECK(
      bench.must(bench.table.list(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "list()"));
  Inspector inspector;
  EntryList out = inspector.entry_list(result.get(), args.limit);
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return out;
}

Result<Summary> summary(Bench& bench, Handle association) {
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_summary> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.summarize(association, &limit, nullptr, result.place(), complaint.raw()), POSTERN_X400_OK, complaint,
                           "summarize()"));
  Inspector inspector;
  Summary out = inspector.summary(result.get());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return out;
}

Result<Event> poll(Bench& bench, Handle association, std::uint32_t timeout_ms) {
  const auto limit = call(timeout_ms);
  Complaint complaint;
  Held<postern_x400_event> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.poll(association, &limit, result.place(), complaint.raw()), POSTERN_X400_OK, complaint, "poll()"));
  Inspector inspector;
  Event out = inspector.event(result.get());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  return out;
}

Status submission(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  std::vector<std::string> identifiers;
  for (int i = 0; i < 2; ++i) {
    POSTERN_TRY(std::string identifier, bench.submit(association, interpersonal_message(10)));
    identifiers.push_back(std::move(identifier));
  }
  POSTERN_CHECK(expect(identifiers[0] != identifiers[1], "two messages have the same MTS identifier"));
  if (bench.hello.user.role != POSTERN_X400_P7_USER) return bench.unbind(association);
  for (const std::string& one : identifiers) {
    POSTERN_TRY(const std::uint64_t sequence, bench.arrived(association, one));
    POSTERN_CHECK(bench.remove(association, sequence));
  }
  return bench.unbind(association);
}

Status round_trip(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  const Bytes content = interpersonal_message(1000);
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, content));
  POSTERN_TRY(const Bytes fetched, bench.fetch(association, sequence));
  POSTERN_CHECK(expect(fetched == content, "the content that was fetched is not the content that was submitted, octet for octet"));
  POSTERN_CHECK(bench.remove(association, sequence));
  auto args = list_args(sequence, 1);
  args.to = sequence;
  POSTERN_TRY(const EntryList left, list(bench, association, args));
  POSTERN_CHECK(expect(left.entries.empty(), "an entry that was deleted is still listed"));
  return bench.unbind(association);
}

Status huge_content(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  const Bytes content = interpersonal_message(kHuge);
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, content));
  POSTERN_TRY(const Bytes fetched, bench.fetch(association, sequence));
  POSTERN_CHECK(expect(fetched == content, "16 MiB of content do not come back as they went"));
  return bench.remove(association, sequence);
}

Status entry_fields(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  const Bytes content = interpersonal_message(100);
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, content));
  auto args = list_args(sequence, 1);
  POSTERN_TRY(const EntryList whole, list(bench, association, args));
  POSTERN_CHECK(
      expect(whole.entries.size() == 1 && whole.entries[0].sequence == sequence, "list() from a sequence number does not begin with it"));
  const Entry& one = whole.entries[0];
  POSTERN_CHECK(expect(!one.content_size || *one.content_size >= content.size(), "content_size of an entry is less than its content"));
  POSTERN_CHECK(
      expect(one.mts_identifier.has_value() && one.time.has_value(), "an entry of a delivered message has no MTS identifier or no time"));
  args.wanted = 0;
  POSTERN_TRY(const EntryList bare, list(bench, association, args));
  POSTERN_CHECK(expect(bare.entries.size() == 1, "list() that wants no fields lists no entries"));
  return bench.remove(association, sequence);
}

/// Pages of two over five: each once, in order, and the last says so.
Status paging(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  std::vector<std::uint64_t> made, seen;
  for (int i = 0; i < 5; ++i) {
    POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, interpersonal_message(10)));
    made.push_back(sequence);
  }
  std::size_t pages = 0;
  for (std::uint64_t from = made.front(); from != 0; ++pages) {
    POSTERN_CHECK(expect(pages < 1000, "paging by `next` has no end"));
    POSTERN_TRY(const EntryList page, list(bench, association, list_args(from, 2)));
    POSTERN_CHECK(expect(page.next == 0 || page.entries.size() == 2, "a page is not full and says there are more"));
    for (const Entry& one : page.entries) seen.push_back(one.sequence);
    from = page.next;
  }
  for (const std::uint64_t one : made)
    POSTERN_CHECK(expect(std::ranges::count(seen, one) == 1, "paging by `next` leaves out an entry, or shows one twice"));
  for (const std::uint64_t one : made) POSTERN_CHECK(bench.remove(association, one));
  return {};
}

Status list_limit(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  const auto args = list_args(1, 0);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_entry_list> result(bench.table);
  return bench.must(bench.table.list(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_BAD_ARGUMENT, complaint,
                    "list() with limit 0");
}

Status filtering(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, interpersonal_message(10)));
  Filter filter;
  filter.entry_classes = 1U << POSTERN_X400_DELIVERED_REPORT;
  const LentFilter reports(filter);
  auto args = list_args(sequence, 10);
  args.filter = reports.pointer;
  POSTERN_TRY(const EntryList none, list(bench, association, args));
  for (const Entry& one : none.entries)
    POSTERN_CHECK(expect(one.entry_class == EntryClass::DeliveredReport, "a filter for reports lets other entries through"));
  filter.entry_classes = 1U << POSTERN_X400_DELIVERED_MESSAGE;
  const LentFilter messages(filter);
  args.filter = messages.pointer;
  POSTERN_TRY(const EntryList some, list(bench, association, args));
  POSTERN_CHECK(expect(!some.entries.empty() && some.entries[0].sequence == sequence, "a filter for delivered messages hides one"));
  return bench.remove(association, sequence);
}

Status summaries(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const Summary before, summary(bench, association));
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, interpersonal_message(10)));
  POSTERN_TRY(const Summary after, summary(bench, association));
  POSTERN_CHECK(
      expect(after.total == before.total + 1 && after.highest >= sequence, "summarize() does not count a message that was delivered"));
  POSTERN_TRY(const Bytes ignored, bench.fetch(association, sequence));
  (void)ignored;
  POSTERN_TRY(const Summary read, summary(bench, association));
  POSTERN_CHECK(expect(read.by_status[POSTERN_X400_PROCESSED] == before.by_status[POSTERN_X400_PROCESSED] + 1,
                       "an entry that was fetched does not count as processed (X.413 EntryStatus)"));
  return bench.remove(association, sequence);
}

Status no_entry(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  postern_x400_fetch_args args{};
  args.struct_size = sizeof args;
  args.sequence = kNoEntry;
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_fetched> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.fetch(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_NOT_FOUND,
                           complaint, "fetch() of an entry that is not there"));
  return expect(result.get() == nullptr, "fetch() fails and hands a result out");
}

Status delete_all_or_none(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, interpersonal_message(10)));
  const std::array<std::uint64_t, 2> both{sequence, kNoEntry};
  const auto limit = call();
  Complaint complaint;
  POSTERN_CHECK(bench.must(bench.table.delete_entries(association, &limit, both.data(), both.size(), complaint.raw()),
                           POSTERN_X400_NOT_FOUND, complaint, "delete_entries() with one that is not there"));
  POSTERN_CHECK(expect(complaint.field() == "sequences[1]", "delete_entries() does not say in `field` which entry is not there"));
  POSTERN_TRY(const Bytes still, bench.fetch(association, sequence));
  POSTERN_CHECK(expect(!still.empty(), "delete_entries() failed and deleted an entry all the same"));
  return bench.remove(association, sequence);
}

Status stopped_fetch(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const std::uint64_t sequence, bench.deliver(association, interpersonal_message(1000)));
  int calls = 0;
  postern_x400_fetch_args args{};
  args.struct_size = sizeof args;
  args.sequence = sequence;
  args.content_data = &calls;
  args.on_content = [](void* data, const std::uint8_t*, std::size_t) -> std::int32_t { return ++*static_cast<int*>(data); };
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_fetched> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.fetch(association, &limit, &args, result.place(), complaint.raw()), POSTERN_X400_CANCELLED,
                           complaint, "fetch() whose on_content wants no more"));
  POSTERN_CHECK(expect(calls == 1, "on_content is called again after it wanted no more"));
  return bench.remove(association, sequence);
}

Status bad_submission(Bench& bench, Handle association, const Submission& envelope, const char* field, const char* doing) {
  const Bytes content = interpersonal_message(10);
  const LentSubmission args(envelope, content);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_submission_result> result(bench.table);
  const std::string name = std::string("submit() with ") + doing;
  POSTERN_CHECK(bench.must(bench.table.submit(association, &limit, &args.out, result.place(), complaint.raw()), POSTERN_X400_BAD_ARGUMENT,
                           complaint, name));
  POSTERN_CHECK(expect(result.get() == nullptr, name + " fails and hands a result out"));
  return expect(complaint.field() == field,
                name + " names the field \"" + printable(complaint.field()) + "\", and \"" + field + "\" is right");
}

Status bad_submissions(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  Submission envelope = bench.message();
  envelope.recipients.clear();
  POSTERN_CHECK(bad_submission(bench, association, envelope, "recipients", "no recipient"));
  envelope = bench.message();
  envelope.recipients.push_back({"", {}, ReportRequest::None});
  POSTERN_CHECK(bad_submission(bench, association, envelope, "recipients[1].address", "a recipient without an address"));
  envelope = bench.message();
  envelope.recipients.push_back({"C=XX;S=\xFF\xFE", {}, ReportRequest::None});
  POSTERN_CHECK(bad_submission(bench, association, envelope, "recipients[1].address", "an address that is not UTF-8"));
  envelope = bench.message();
  envelope.content_identifier = "longer than sixteen";
  return bad_submission(bench, association, envelope, "content_identifier", "a content identifier of 19 characters");
}

Status many_recipients(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  Submission envelope = bench.message();
  for (int i = 0; i < 200; ++i)
    envelope.recipients.push_back({"C=XX;A=MEMORY;P=EXAMPLE;S=Nobody" + std::to_string(i), {}, ReportRequest::None});
  const Bytes content = interpersonal_message(10);
  const LentSubmission args(envelope, content);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_submission_result> result(bench.table);
  const auto status = bench.table.submit(association, &limit, &args.out, result.place(), complaint.raw());
  if (status == POSTERN_X400_OVER_LIMIT || status == POSTERN_X400_REFUSED) return complaint.keeps_rules(status);
  POSTERN_CHECK(bench.must(status, POSTERN_X400_OK, complaint, "submit() to 201 recipients"));
  POSTERN_TRY(const std::uint64_t sequence,
              bench.arrived(association, std::string(result->mts_identifier.data, result->mts_identifier.size)));
  return bench.remove(association, sequence);
}

/// The report on a recipient who does not exist, by poll() and again by fetch().
Status reports(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  Submission envelope = bench.message();
  envelope.recipients = {{"C=XX;A=MEMORY;P=EXAMPLE;S=Nobody", {}, ReportRequest::All}};
  const Bytes content = interpersonal_message(10);
  const LentSubmission args(envelope, content);
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_submission_result> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.submit(association, &limit, &args.out, result.place(), complaint.raw()), POSTERN_X400_OK, complaint,
                           "submit() to nobody"));
  const std::string identifier(result->mts_identifier.data, result->mts_identifier.size);
  for (int look = 0; look < 20; ++look) {
    POSTERN_TRY(const Event event, poll(bench, association, 1000));
    if (!event.report || event.report->subject_identifier != identifier) continue;
    POSTERN_CHECK(expect(!event.report->recipients[0].delivered, "the report on a recipient who does not exist says it was delivered"));
    return event.sequence == 0 ? Status() : bench.remove(association, event.sequence);
  }
  return wrong("poll() tells of no report on a recipient who does not exist");
}

Status new_message_event(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const std::string identifier, bench.submit(association, interpersonal_message(10)));
  for (int look = 0; look < 20; ++look) {
    POSTERN_TRY(const Event event, poll(bench, association, 1000));
    if (event.kind != EventKind::Message && event.kind != EventKind::Alert) continue;
    POSTERN_TRY(const std::uint64_t sequence, bench.arrived(association, identifier));
    return bench.remove(association, sequence);
  }
  return wrong("poll() does not tell of a message that arrived");
}

Status probing(Bench& bench) {
  POSTERN_CHECK(bench.needs(POSTERN_X400_CAN_PROBE, "POSTERN_X400_CAN_PROBE"));
  POSTERN_TRY(const Handle association, bench.bind());
  POSTERN_TRY(const Summary before, summary(bench, association));
  Submission envelope = bench.message();
  envelope.content_size = 1000;
  const LentSubmission args(envelope, ByteView());
  const auto limit = call();
  Complaint complaint;
  Held<postern_x400_submission_result> result(bench.table);
  POSTERN_CHECK(bench.must(bench.table.probe(association, &limit, &args.out, result.place(), complaint.raw()), POSTERN_X400_OK, complaint,
                           "probe()"));
  Inspector inspector;
  (void)inspector.submitted(result.get());
  if (inspector.fault()) return wrong(inspector.fault()->what);
  Filter filter;
  filter.entry_classes = 1U << POSTERN_X400_DELIVERED_MESSAGE;
  filter.statuses = 1U << POSTERN_X400_NEW;
  const LentFilter messages(filter);
  auto listing = list_args(before.highest + 1, 10);
  listing.filter = messages.pointer;
  POSTERN_TRY(const EntryList arrived, list(bench, association, listing));
  return expect(arrived.entries.empty(), "a probe delivers a message");
}

Status registering(Bench& bench) {
  POSTERN_TRY(const Handle association, bench.bind());
  Register request;
  request.actions.push_back({AutoActionKind::Alert, 1, false, {}, {}, {}});
  const LentRegister args(request);
  const auto limit = call();
  Complaint complaint;
  const auto status = bench.table.register_ms(association, &limit, &args.out, complaint.raw());
  const auto right = bench.library.can(POSTERN_X400_CAN_AUTO_ACTIONS) ? POSTERN_X400_OK : POSTERN_X400_UNSUPPORTED;
  return bench.must(status, right, complaint, "register_ms() of an auto-alert");
}

constexpr NamedCheck kChecks[] = {
    {{"submission", "a message is taken, and has an identifier of its own"}, submission, false},
    {{"round-trip", "submit, list, fetch and delete: the content comes back octet for octet"}, round_trip},
    {{"huge-content", "16 MiB of content go in and are streamed out"}, huge_content},
    {{"entry-fields", "entries have the fields that are wanted"}, entry_fields},
    {{"paging", "pages show each entry once, and the last says so"}, paging},
    {{"list-limit", "a list without room is refused"}, list_limit},
    {{"filtering", "a filter lets through what it says"}, filtering},
    {{"summaries", "counts by status follow what is done"}, summaries},
    {{"no-entry", "an entry that is not there is not found"}, no_entry},
    {{"delete-all-or-none", "one that is not there keeps the others, and is named"}, delete_all_or_none},
    {{"stopped-fetch", "a fetch ends when the host wants no more"}, stopped_fetch},
    {{"bad-submissions", "what is wrong with an envelope is named by field"}, bad_submissions, false},
    {{"many-recipients", "201 recipients are taken, or refused in words"}, many_recipients},
    {{"reports", "a non-delivery report comes, and says of which message"}, reports},
    {{"new-message", "poll() tells of a message that arrives"}, new_message_event},
    {{"probe", "a probe is answered and delivers nothing"}, probing},
    {{"register", "auto-actions are taken, or refused as declared"}, registering},
};

}  // namespace

std::span<const NamedCheck> checks_of_messages() { return kChecks; }

}  // namespace postern::sdk::kit
