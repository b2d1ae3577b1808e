// A user of a message store (X.413): every call of the port. Sequence numbers, statuses and pages are the store's.
#include <algorithm>

#include "ms/oids.hpp"
#include "transport/native_entries.hpp"
#include "transport/native_news.hpp"
#include "transport/native_registration.hpp"
#include "transport/native_user.hpp"

namespace postern::transport {
namespace {

using ms::SequenceNumber;

/// Entries in one page of what is counted here and not by the store.
constexpr std::uint32_t kPage = 1000;

bool in_range(std::uint64_t number) { return number != 0 && number <= static_cast<std::uint64_t>(ms::ub::messages); }

ms::Range range_of(std::uint64_t from, std::uint64_t to) {
  ms::NumberRange numbers{static_cast<SequenceNumber>(std::max<std::uint64_t>(from, 1)), std::nullopt};
  if (to != 0) numbers.to = static_cast<SequenceNumber>(std::min<std::uint64_t>(to, static_cast<std::uint64_t>(ms::ub::messages)));
  ms::Range out;
  out.value = numbers;
  return out;
}

Status check_list(const sdk::List& request) {
  if (request.limit == 0 || request.limit > sdk::kMostEntries)
    return fail(ErrorCode::BadInput, "must be 1 to " + std::to_string(sdk::kMostEntries), "limit");
  if (request.to != 0 && request.to < request.from) return fail(ErrorCode::BadInput, "is below from", "to");
  return {};
}

bool bare(const sdk::Wanted& wanted) { return wanted.fields == 0 && wanted.attributes.empty(); }

/// The listing made its new entries listed: who asks for the new ones once more must take those as well.
std::optional<sdk::Filter> after_listing(std::optional<sdk::Filter> filter) {
  constexpr std::uint32_t is_new = 1U << static_cast<std::uint32_t>(sdk::EntryStatus::New);
  constexpr std::uint32_t is_listed = 1U << static_cast<std::uint32_t>(sdk::EntryStatus::Listed);
  if (filter && (filter->statuses & is_new) != 0) filter->statuses = (filter->statuses & ~is_new) | is_listed;
  return filter;
}

class P7User final : public NativeUser {
 public:
  P7User(mts::ORName user, std::unique_ptr<mhs::P7Client> bound)
      : NativeUser(std::move(user)), m_client(std::move(bound)), m_news(*m_client) {}

  io::Task<Outcome<sdk::EntryList>> list(sdk::List request, SteadyTime deadline) override {
    sdk::EntryList out;
    if (const Status good = check_list(request); !good) co_return tl::unexpected<Trouble>(trouble_of(good.error()));
    if (!in_range(std::max<std::uint64_t>(request.from, 1))) co_return out;
    const std::string contains = request.filter ? request.filter->originator_contains : std::string();
    if (!contains.empty()) request.wanted.fields |= POSTERN_X400_HAS_ORIGINATOR;
    const std::uint32_t limit = request.limit;
    for (;;) {
      request.limit = limit - static_cast<std::uint32_t>(out.entries.size());
      auto page = co_await list_page(request, deadline);
      if (!page) co_return tl::unexpected<Trouble>(page.error());
      for (sdk::Entry& each : page->entries)
        if (holds_originator(contains, each)) out.entries.push_back(std::move(each));
      out.next = page->next;
      if (page->next == 0 || out.entries.size() >= limit) co_return out;
      request.from = page->next;
    }
  }

  io::Task<Outcome<sdk::Summary>> summarize(sdk::Summarize request, SteadyTime deadline) override {
    if (request.filter && !request.filter->originator_contains.empty()) {
      auto counted = co_await count_listed(std::move(request), deadline);
      co_return counted;
    }
    ms::SummarizeArgument argument;
    auto filter = filter_of(request.filter);
    if (!filter) co_return tl::unexpected<Trouble>(trouble_of(filter.error()));
    argument.selector.filter = *std::move(filter);
    argument.selector.child_entries = wants_children(request.filter);
    argument.summary_requests = std::vector<ms::AttributeType>{ms::att::retrieval_status};
    const auto result = co_await m_client->summarize(std::move(argument), deadline);
    if (!result) co_return failed(result.error(), {});
    co_return summary_of(*result);
  }

  io::Task<Outcome<Fetched>> fetch(sdk::Fetch request, SteadyTime deadline) override {
    if (!in_range(request.sequence)) co_return trouble(POSTERN_X400_NOT_FOUND, "there is no entry of this number", "sequence");
    Fetched out;
    auto types = attribute_types_of(request.wanted.attributes);
    if (!types) co_return tl::unexpected<Trouble>(trouble_of(types.error()));
    ms::EntryInformation entry;
    // The registered defaults. A store's own have the content among them, which makes the entry processed: nothing for who wants none.
    if (bare(request.wanted) && request.content) {
      std::optional<ms::EntryInformationSelection> registered;
      auto defaults = co_await fetch_entry(request.sequence, std::move(registered), *types, deadline);
      if (!defaults) co_return tl::unexpected<Trouble>(defaults.error());
      entry = *std::move(defaults);
    }
    std::optional<ms::EntryInformationSelection> selection = selection_of(request.wanted).value();
    const bool has_content = value_of(entry, ms::att::content) != nullptr;
    if (request.content && !has_content) selection->push_back({ms::att::content, std::nullopt, std::nullopt});
    selection->push_back({ms::att::report_delivery_envelope, std::nullopt, std::nullopt});
    auto fetched = co_await fetch_entry(request.sequence, std::move(selection), *types, deadline);
    if (!fetched) co_return tl::unexpected<Trouble>(fetched.error());
    merge(entry, *std::move(fetched));
    entry.sequence_number = static_cast<SequenceNumber>(request.sequence);
    auto filled = fill(out, entry, *types, request.content);
    if (!filled) co_return tl::unexpected<Trouble>(filled.error());
    co_return out;
  }

  io::Task<Outcome<sdk::Done>> remove(sdk::Delete request, SteadyTime deadline) override {
    if (request.sequences.empty()) co_return trouble(POSTERN_X400_BAD_ARGUMENT, "is empty; name what is to be deleted", "sequences");
    ms::DeleteArgument argument;
    auto& numbers = argument.items.value.emplace<std::vector<SequenceNumber>>();
    for (std::size_t i = 0; i < request.sequences.size(); ++i) {
      if (!in_range(request.sequences[i]))
        co_return trouble(POSTERN_X400_NOT_FOUND, "there is no entry of this number", "sequences[" + std::to_string(i) + "]");
      numbers.push_back(static_cast<SequenceNumber>(request.sequences[i]));
    }
    Asked asked;
    asked.sequences = std::move(request.sequences);
    const Status removed = co_await m_client->remove(std::move(argument), deadline);
    if (!removed) co_return failed(removed.error(), asked);
    co_return sdk::Done();
  }

  io::Task<Outcome<sdk::Done>> register_user(sdk::Register request, SteadyTime deadline) override {
    auto argument = registration_of(request, name());
    wipe(request.old_password);
    wipe(request.new_password);
    if (!argument) co_return tl::unexpected<Trouble>(trouble_of(argument.error()));
    const Status registered = co_await m_client->register_ms(*std::move(argument), deadline);
    if (!registered) co_return failed(registered.error(), {});
    co_return sdk::Done();
  }

  io::Task<Outcome<sdk::Event>> poll(std::optional<SteadyTime> ask_until, SteadyTime deadline) override {
    return m_news.next(ask_until, deadline);
  }
  io::Task<void> close(SteadyTime deadline) override { return m_client->close(deadline); }
  mhs::UserClient& client() noexcept override { return m_client->client(); }

 private:
  io::Task<Result<mts::MessageSubmissionResult>> give(mts::MessageSubmissionArgument message, SteadyTime deadline) override {
    return m_client->submit(std::move(message), deadline);
  }
  io::Task<Result<mts::ProbeSubmissionResult>> give(mts::ProbeSubmissionArgument probe, SteadyTime deadline) override {
    return m_client->probe(std::move(probe), deadline);
  }
  io::Task<Status> take_back(mts::MTSIdentifier identifier, SteadyTime deadline) override {
    return m_client->cancel(std::move(identifier), deadline);
  }

  [[nodiscard]] tl::unexpected<Trouble> failed(const Error& error, const Asked& asked) {
    return tl::unexpected<Trouble>(trouble_of_retrieval(error, client(), asked));
  }

  /// What the store says is a page of this request, and what `originator_contains` has not been asked about.
  io::Task<Outcome<sdk::EntryList>> list_page(sdk::List request, SteadyTime deadline) {
    auto types = attribute_types_of(request.wanted.attributes);
    if (!types) co_return tl::unexpected<Trouble>(trouble_of(types.error()));
    auto page = co_await list_entries(request, !bare(request.wanted), deadline);
    if (!page) co_return tl::unexpected<Trouble>(page.error());
    std::vector<ms::EntryInformation> entries = page->requested.value_or(std::vector<ms::EntryInformation>());
    if (!entries.empty() && value_of(entries.front(), ms::att::entry_type) == nullptr) {
      const auto whole = co_await complete(entries, request, deadline);
      if (!whole) co_return tl::unexpected<Trouble>(whole.error());
    }
    sdk::EntryList out;
    for (const ms::EntryInformation& each : entries) out.entries.push_back(entry_of(each, *types));
    out.next = static_cast<std::uint64_t>(page->next.value_or(0));
    co_return out;
  }

  io::Task<Outcome<ms::ListResult>> list_entries(sdk::List request, bool selected, SteadyTime deadline) {
    ms::ListArgument argument;
    argument.selector.range = range_of(request.from, request.to);
    argument.selector.limit = request.limit;
    argument.selector.child_entries = wants_children(request.filter);
    auto filter = filter_of(request.filter);
    if (!filter) co_return tl::unexpected<Trouble>(trouble_of(filter.error()));
    argument.selector.filter = *std::move(filter);
    auto selection = selection_of(request.wanted);
    if (!selection) co_return tl::unexpected<Trouble>(trouble_of(selection.error()));
    if (selected) argument.requested_attributes = *std::move(selection);
    Asked asked;
    asked.attributes = attribute_types_of(request.wanted.attributes).value_or(std::vector<asn1::Oid>());
    auto result = co_await m_client->list(std::move(argument), deadline);
    if (!result) co_return failed(result.error(), asked);
    co_return *std::move(result);
  }

  /// Registered defaults that leave out what every entry has here: who registered them was somebody else, or nobody.
  io::Task<Outcome<sdk::Done>> complete(std::vector<ms::EntryInformation>& entries, sdk::List request, SteadyTime deadline) {
    request.from = static_cast<std::uint64_t>(entries.front().sequence_number);
    request.to = static_cast<std::uint64_t>(entries.back().sequence_number);
    request.filter = after_listing(request.filter);
    request.limit = sdk::kMostEntries;
    request.wanted = {0, {}};
    auto rest = co_await list_entries(std::move(request), true, deadline);
    if (!rest) co_return tl::unexpected<Trouble>(rest.error());
    std::vector<ms::EntryInformation> more = rest->requested.value_or(std::vector<ms::EntryInformation>());
    auto from = more.begin();
    for (ms::EntryInformation& each : entries) {  // both rise
      from = std::find_if(from, more.end(), [&](const auto& one) { return one.sequence_number >= each.sequence_number; });
      if (from != more.end() && from->sequence_number == each.sequence_number) merge(each, std::move(*from));
    }
    co_return sdk::Done();
  }

  /// X.413 cannot count by a part of an originator's name.
  io::Task<Outcome<sdk::Summary>> count_listed(sdk::Summarize request, SteadyTime deadline) {
    sdk::Summary out;
    sdk::List pages;
    pages.filter = std::move(request.filter);
    pages.wanted = {POSTERN_X400_HAS_ORIGINATOR, {}};
    pages.limit = kPage;
    do {
      auto page = co_await list(pages, deadline);
      if (!page) co_return tl::unexpected<Trouble>(page.error());
      for (const sdk::Entry& each : page->entries) {
        ++out.total;
        ++out.by_status.at(static_cast<std::size_t>(each.status));
        if (out.lowest == 0) out.lowest = each.sequence;
        out.highest = each.sequence;
      }
      pages.from = page->next;
    } while (pages.from != 0);
    co_return out;
  }

  io::Task<Outcome<ms::EntryInformation>> fetch_entry(std::uint64_t sequence, std::optional<ms::EntryInformationSelection> selection,
                                                      std::vector<asn1::Oid> attributes, SteadyTime deadline) {
    ms::FetchArgument argument;
    argument.item.value.emplace<SequenceNumber>(static_cast<SequenceNumber>(sequence));
    argument.requested_attributes = std::move(selection);
    Asked asked;
    asked.one_sequence = true;
    asked.attributes = std::move(attributes);
    auto result = co_await m_client->fetch(std::move(argument), deadline);
    if (!result) co_return failed(result.error(), asked);
    if (!result->entry_information) co_return trouble(POSTERN_X400_NOT_FOUND, "there is no entry of this number", "sequence");
    co_return *std::move(result->entry_information);
  }

  static Outcome<sdk::Done> fill(Fetched& out, const ms::EntryInformation& entry, const std::vector<asn1::Oid>& types, bool content) {
    out.value.entry = entry_of(entry, types);
    auto report = report_of(entry);
    if (!report) return trouble(POSTERN_X400_PROTOCOL, "the store's report cannot be read: " + report.error().text());
    out.value.report = *std::move(report);
    const asn1::Any* value = content ? value_of(entry, ms::att::content) : nullptr;
    if (value == nullptr) return sdk::Done();
    auto octets = asn1::from_any<mts::Content>(*value);
    if (!octets) return trouble(POSTERN_X400_PROTOCOL, "the store's content cannot be read: " + octets.error().text());
    out.content = std::move(octets->octets);
    return sdk::Done();
  }

  std::unique_ptr<mhs::P7Client> m_client;
  News m_news;
};

}  // namespace

std::unique_ptr<NativeUser> p7_user(mts::ORName user, std::unique_ptr<mhs::P7Client> client) {
  return std::make_unique<P7User>(std::move(user), std::move(client));
}

}  // namespace postern::transport
