#include "answers.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "sdk/lend.hpp"

namespace postern::native {
namespace {

using sdk::lend;

template <class T>
T sized() noexcept {
  T out{};
  out.struct_size = sizeof(T);
  return out;
}

/// Something that is kept until it is given back.
class Kept {
 public:
  virtual ~Kept() = default;
};

/// What is out. Not freed at the process's end: others may still give back then.
struct Shelf {
  std::mutex mutex;
  std::unordered_map<const void*, std::unique_ptr<Kept>> out;
};
Shelf& shelf() {
  static auto* made = new Shelf;
  return *made;
}

/// One structure and the value it borrows its texts from.
template <class Struct, class Value>
struct Block final : Kept {
  explicit Block(Value from) : value(std::move(from)), out(sized<Struct>()) {}
  const Value value;
  Struct out;
  // What structures within point to; deques, because their elements stay where they are.
  std::deque<std::vector<postern_x400_attribute>> attributes;
  std::vector<postern_x400_entry> entries;
  std::vector<postern_x400_report_recipient> recipients;
  postern_x400_report report{};
};

template <class Made>
auto* keep(std::unique_ptr<Made> made) {
  auto* result = &made->out;
  Shelf& all = shelf();
  const std::lock_guard lock(all.mutex);
  all.out.emplace(result, std::move(made));
  return result;
}

/// An optional field: its bit where it is there.
template <class T>
const T* noted(std::uint64_t& filled, std::uint64_t bit, const std::optional<T>& value) {
  if (!value) return nullptr;
  filled |= bit;
  return &*value;
}

template <class Owner>
postern_x400_entry entry_of(Owner& owner, const sdk::Entry& from) {
  auto out = sized<postern_x400_entry>();
  out.sequence = from.sequence;
  out.entry_class = static_cast<std::uint32_t>(from.entry_class);
  out.status = static_cast<std::uint32_t>(from.status);
  out.time = POSTERN_X400_NO_TIME;
  if (const auto* priority = noted(out.filled, POSTERN_X400_HAS_PRIORITY, from.priority))
    out.priority = static_cast<std::uint32_t>(*priority);
  if (const auto* size = noted(out.filled, POSTERN_X400_HAS_SIZE, from.content_size)) out.content_size = *size;
  if (const auto* time = noted(out.filled, POSTERN_X400_HAS_TIME, from.time)) out.time = *time;
  const struct {
    std::uint64_t bit;
    const std::optional<std::string>& text;
    postern_x400_text& to;
  } texts[] = {{POSTERN_X400_HAS_ORIGINATOR, from.originator, out.originator},
               {POSTERN_X400_HAS_SUBJECT, from.subject, out.subject},
               {POSTERN_X400_HAS_CONTENT_TYPE, from.content_type, out.content_type},
               {POSTERN_X400_HAS_MTS_IDENTIFIER, from.mts_identifier, out.mts_identifier},
               {POSTERN_X400_HAS_IPM_IDENTIFIER, from.ipm_identifier, out.ipm_identifier}};
  for (const auto& each : texts)
    if (const auto* text = noted(out.filled, each.bit, each.text)) each.to = lend(*text);
  if (from.attributes.empty()) return out;
  const auto& lent = owner.attributes.emplace_back(lend(from.attributes));
  out.attributes = lent.data();
  out.attribute_count = lent.size();
  return out;
}

template <class Owner>
const postern_x400_report* report_of(Owner& owner, const std::optional<sdk::Report>& from) {
  if (!from) return nullptr;
  for (const sdk::ReportRecipient& each : from->recipients) {
    auto& lent = owner.recipients.emplace_back(sized<postern_x400_report_recipient>());
    lent.delivered = each.delivered ? 1 : 0;
    lent.reason = each.reason;
    lent.diagnostic = each.diagnostic;
    lent.time = lend(each.time);
    lent.address = lend(each.address);
    lent.information = lend(each.information);
  }
  owner.report = sized<postern_x400_report>();
  owner.report.subject_identifier = lend(from->subject_identifier);
  owner.report.content_identifier = lend(from->content_identifier);
  owner.report.recipients = owner.recipients.data();
  owner.report.recipient_count = owner.recipients.size();
  return &owner.report;
}

/// Of `size` octets, the most that end with a character.
std::size_t cut(std::string_view text, std::size_t capacity) {
  if (text.size() <= capacity) return text.size();
  std::size_t end = capacity;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return end;
}

std::size_t copy(char* to, std::size_t capacity, std::string_view text) {
  if (to == nullptr) return 0;
  const std::size_t size = cut(text, capacity);
  std::memcpy(to, text.data(), size);
  return size;
}

}  // namespace

postern_x400_identity* hand_out(sdk::Identity value) {
  auto made = std::make_unique<Block<postern_x400_identity, sdk::Identity>>(std::move(value));
  made->out.vendor = lend(made->value.vendor);
  made->out.product = lend(made->value.product);
  made->out.version = lend(made->value.version);
  made->out.notes = lend(made->value.notes);
  return keep(std::move(made));
}

postern_x400_health* hand_out(sdk::Health value) {
  auto made = std::make_unique<Block<postern_x400_health, sdk::Health>>(std::move(value));
  made->out.state = static_cast<std::uint32_t>(made->value.state);
  made->out.words = lend(made->value.words);
  made->out.associations = made->value.associations;
  return keep(std::move(made));
}

postern_x400_binding* hand_out(sdk::Binding value) {
  auto made = std::make_unique<Block<postern_x400_binding, sdk::Binding>>(std::move(value));
  made->out.association = made->value.association.handle;
  made->out.peer_name = lend(made->value.peer_name);
  made->out.waiting = made->value.waiting;
  return keep(std::move(made));
}

postern_x400_submission_result* hand_out(sdk::Submitted value) {
  auto made = std::make_unique<Block<postern_x400_submission_result, sdk::Submitted>>(std::move(value));
  made->out.mts_identifier = lend(made->value.mts_identifier);
  made->out.content_identifier = lend(made->value.content_identifier);
  made->out.time = lend(made->value.time);
  return keep(std::move(made));
}

postern_x400_entry_list* hand_out(sdk::EntryList value) {
  auto made = std::make_unique<Block<postern_x400_entry_list, sdk::EntryList>>(std::move(value));
  made->entries.reserve(made->value.entries.size());
  for (const sdk::Entry& each : made->value.entries) made->entries.push_back(entry_of(*made, each));
  made->out.entries = made->entries.data();
  made->out.entry_count = made->entries.size();
  made->out.next = made->value.next;
  return keep(std::move(made));
}

postern_x400_summary* hand_out(const sdk::Summary& value) {
  auto made = std::make_unique<Block<postern_x400_summary, sdk::Summary>>(value);
  made->out.total = value.total;
  std::ranges::copy(value.by_status, made->out.by_status);
  made->out.lowest = value.lowest;
  made->out.highest = value.highest;
  return keep(std::move(made));
}

postern_x400_fetched* hand_out(sdk::Fetched value) {
  auto made = std::make_unique<Block<postern_x400_fetched, sdk::Fetched>>(std::move(value));
  made->entries.push_back(entry_of(*made, made->value.entry));
  made->out.entry = made->entries.data();
  made->out.report = report_of(*made, made->value.report);
  made->out.content_size = made->value.content_size;
  return keep(std::move(made));
}

postern_x400_event* hand_out(sdk::Event value) {
  auto made = std::make_unique<Block<postern_x400_event, sdk::Event>>(std::move(value));
  made->out.kind = static_cast<std::uint32_t>(made->value.kind);
  made->out.sequence = made->value.sequence;
  made->out.report = report_of(*made, made->value.report);
  made->out.words = lend(made->value.words);
  return keep(std::move(made));
}

void release(const void* result) {
  if (result == nullptr) return;
  std::unique_ptr<Kept> last;  // freed without the lock
  Shelf& all = shelf();
  const std::lock_guard lock(all.mutex);
  if (const auto found = all.out.find(result); found != all.out.end()) {
    last = std::move(found->second);
    all.out.erase(found);
  }
}

postern_x400_status tell(postern_x400_error* error, const transport::Trouble& trouble) noexcept {
  if (error == nullptr) return trouble.status;
  error->status = trouble.status;
  error->text_size = copy(error->text, error->text_capacity, trouble.text);
  error->field_size = copy(error->field, error->field_capacity, trouble.field);
  error->diagnostic_size = error->diagnostic == nullptr ? 0 : std::min(error->diagnostic_capacity, trouble.diagnostic.size());
  if (error->diagnostic_size > 0) std::memcpy(error->diagnostic, trouble.diagnostic.data(), error->diagnostic_size);
  return trouble.status;
}

postern_x400_status tell_success(postern_x400_error* error) noexcept {
  if (error == nullptr) return POSTERN_X400_OK;
  error->status = POSTERN_X400_OK;
  error->text_size = error->field_size = error->diagnostic_size = 0;
  return POSTERN_X400_OK;
}

}  // namespace postern::native
