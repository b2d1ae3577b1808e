#include "sdk/inspect.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace postern::sdk {
namespace {

constexpr std::size_t kLargestStruct = 4096;  // that a later minor version may have
constexpr std::size_t kMostReported = kMostRecipients;

Time time_of(std::int64_t seconds) { return seconds == POSTERN_X400_NO_TIME ? Time() : Time(seconds); }

std::string indexed(const std::string& where, std::size_t i) { return where + "[" + std::to_string(i) + "]"; }

}  // namespace

void Inspector::lie(const std::string& where, std::string what, bool damage) {
  m_distrust = m_distrust || damage;
  if (!m_fault) m_fault = Error{ErrorCode::Internal, "the X.400 library is at fault: " + where + " " + std::move(what), where};
}

/// As much of the structure as its writer knows; zeros behind.
template <class T>
T Inspector::take(const T* from, const std::string& where) {
  T out{};
  if (m_fault) return out;
  if (from == nullptr) {
    lie(where, "is NULL although the call succeeded", true);
    return out;
  }
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  if (size < sizeof(T) || size > kLargestStruct)
    lie(where + ".struct_size", "is " + std::to_string(size) + "; version 1.0 has " + std::to_string(sizeof(T)), true);
  else
    std::memcpy(&out, from, sizeof(T));
  return out;
}

bool Inspector::within(const void* data, std::size_t size, std::size_t most, const std::string& where) {
  if (m_fault) return false;
  if (size == 0) return false;
  if (size > most)
    lie(where, "says " + std::to_string(size) + "; at most " + std::to_string(most) + " are allowed", true);
  else if (data == nullptr)
    lie(where, "is NULL with a size of " + std::to_string(size), true);
  else if ((m_taken += size) > kMostAnswered)
    lie(where, "makes the answer longer than " + std::to_string(kMostAnswered) + " octets; ask for a smaller page", false);
  return !m_fault;
}

std::string Inspector::text(const postern_x400_text& from, const std::string& where) {
  if (!within(from.data, from.size, kMostText, where)) return {};
  std::string out(from.data, from.size);
  if (!is_utf8(out)) lie(where, "is not UTF-8", false);
  return out;
}

Bytes Inspector::octets(const postern_x400_octets& from, const std::string& where) {
  if (!within(from.data, from.size, kMostAnswered, where)) return {};
  return {from.data, from.data + from.size};
}

template <class E>
E Inspector::number(std::uint32_t from, const std::string& where) {
  const auto range = range_of(E{});
  const E out = static_cast<E>(from);
  if (out >= range.first && out <= range.last) return out;
  if (!m_fault) lie(where, "is " + std::to_string(from) + ", which the header does not have", false);
  return range.first;
}

/// Elements lie struct_size of the first apart.
template <class T, class Use>
void Inspector::each(const T* from, std::size_t count, std::size_t most, const std::string& where, Use use) {
  if (count > most) return lie(where, "counts " + std::to_string(count) + "; at most " + std::to_string(most) + " are allowed", true);
  if (count == 0 || m_fault) return;
  if (from == nullptr) return lie(where, "is NULL with a count of " + std::to_string(count), true);
  const std::uint32_t stride = [&] {
    std::uint32_t size = 0;
    std::memcpy(&size, from, sizeof size);
    return size;
  }();
  for (std::size_t i = 0; i < count && !m_fault; ++i) {
    const auto* at = reinterpret_cast<const T*>(reinterpret_cast<const char*>(from) + i * stride);
    const T one = take(at, indexed(where, i));
    if (!m_fault && one.struct_size != stride)
      return lie(indexed(where, i) + ".struct_size", "is another than that of the first element", true);
    if (!within(at, sizeof(T), kLargestStruct, indexed(where, i))) return;
    use(one, indexed(where, i));
  }
}

Identity Inspector::identity(const postern_x400_identity* from) {
  const auto value = take(from, "identity");
  Identity out{text(value.vendor, "identity.vendor"), text(value.product, "identity.product"), text(value.version, "identity.version"),
               text(value.notes, "identity.notes")};
  if (!m_fault && (out.vendor.empty() || out.product.empty() || out.version.empty()))
    lie("identity", "leaves out vendor, product or version", false);
  return out;
}

Health Inspector::health(const postern_x400_health* from) {
  const auto value = take(from, "health");
  Health out{number<HealthState>(value.state, "health.state"), text(value.words, "health.words"), value.associations};
  if (!m_fault && out.words.empty()) lie("health.words", "is absent; say \"ready\", or what is wrong", false);
  return out;
}

Binding Inspector::binding(const postern_x400_binding* from) {
  const auto value = take(from, "binding");
  Binding out{{0, value.association}, text(value.peer_name, "binding.peer_name"), value.waiting};
  if (!m_fault && out.association.handle == 0) lie("binding.association", "is 0, which is no handle", false);
  return out;
}

Submitted Inspector::submitted(const postern_x400_submission_result* from) {
  const auto value = take(from, "submission_result");
  Submitted out{text(value.mts_identifier, "submission_result.mts_identifier"),
                text(value.content_identifier, "submission_result.content_identifier"), time_of(value.time)};
  if (!m_fault && out.mts_identifier.empty()) lie("submission_result.mts_identifier", "is absent", false);
  return out;
}

Entry Inspector::entry(const postern_x400_entry& from, const std::string& where) {
  Entry out;
  const auto filled = [&](std::uint64_t bit) { return (from.filled & bit) != 0; };
  const auto optional_text = [&](std::uint64_t bit, const postern_x400_text& field, const char* name) -> std::optional<std::string> {
    return filled(bit) ? std::optional(text(field, where + name)) : std::nullopt;
  };
  out.sequence = from.sequence;
  if (out.sequence == 0) lie(where + ".sequence", "is 0, which is no sequence number", false);
  out.entry_class = number<EntryClass>(from.entry_class, where + ".entry_class");
  out.status = number<EntryStatus>(from.status, where + ".status");
  if (filled(POSTERN_X400_HAS_PRIORITY)) out.priority = number<Priority>(from.priority, where + ".priority");
  if (filled(POSTERN_X400_HAS_SIZE)) out.content_size = from.content_size;
  if (filled(POSTERN_X400_HAS_TIME)) out.time = time_of(from.time);
  out.originator = optional_text(POSTERN_X400_HAS_ORIGINATOR, from.originator, ".originator");
  out.subject = optional_text(POSTERN_X400_HAS_SUBJECT, from.subject, ".subject");
  out.content_type = optional_text(POSTERN_X400_HAS_CONTENT_TYPE, from.content_type, ".content_type");
  out.mts_identifier = optional_text(POSTERN_X400_HAS_MTS_IDENTIFIER, from.mts_identifier, ".mts_identifier");
  out.ipm_identifier = optional_text(POSTERN_X400_HAS_IPM_IDENTIFIER, from.ipm_identifier, ".ipm_identifier");
  each(from.attributes, from.attribute_count, kMostAttributes, where + ".attributes", [&](const auto& one, const std::string& at) {
    out.attributes.push_back({one.critical, text(one.type, at + ".type"), octets(one.value, at + ".value")});
  });
  return out;
}

EntryList Inspector::entry_list(const postern_x400_entry_list* from, std::uint32_t limit) {
  const auto value = take(from, "entry_list");
  EntryList out{{}, value.next};
  std::uint64_t last = 0;
  each(value.entries, value.entry_count, limit, "entry_list.entries", [&](const auto& one, const std::string& at) {
    out.entries.push_back(entry(one, at));
    if (!m_fault && one.sequence <= last) lie(at + ".sequence", "does not rise", false);
    last = one.sequence;
  });
  if (!m_fault && out.next != 0 && out.next <= last) lie("entry_list.next", "leads back", false);
  return out;
}

Summary Inspector::summary(const postern_x400_summary* from) {
  const auto value = take(from, "summary");
  Summary out{value.total, value.lowest, value.highest, {value.by_status[0], value.by_status[1], value.by_status[2]}};
  const std::uint64_t counted = out.by_status[0] + out.by_status[1] + out.by_status[2];
  if (!m_fault && (counted != out.total || out.lowest > out.highest)) lie("summary", "does not add up", false);
  return out;
}

std::optional<Report> Inspector::report(const postern_x400_report* from, const std::string& where) {
  if (from == nullptr) return std::nullopt;
  const auto value = take(from, where);
  Report out{
      text(value.subject_identifier, where + ".subject_identifier"), text(value.content_identifier, where + ".content_identifier"), {}};
  each(value.recipients, value.recipient_count, kMostReported, where + ".recipients", [&](const auto& one, const std::string& at) {
    out.recipients.push_back({text(one.address, at + ".address"), text(one.information, at + ".information"), one.delivered != 0,
                              one.reason, one.diagnostic, time_of(one.time)});
  });
  if (!m_fault && (out.subject_identifier.empty() || out.recipients.empty()))
    lie(where, "does not say which message and which recipients it is about", false);
  return out;
}

Fetched Inspector::fetched(const postern_x400_fetched* from, std::uint64_t sequence, std::uint64_t given) {
  const auto value = take(from, "fetched");
  const auto shown = take(value.entry, "fetched.entry");
  Fetched out{m_fault ? Entry{} : entry(shown, "fetched.entry"), report(value.report, "fetched.report"), value.content_size};
  if (!m_fault && out.entry.sequence != sequence) lie("fetched.entry.sequence", "is another than the one that was asked for", false);
  if (!m_fault && out.content_size != given)
    lie("fetched.content_size", "is " + std::to_string(out.content_size) + ", and on_content got " + std::to_string(given) + " octets",
        false);
  return out;
}

Event Inspector::event(const postern_x400_event* from) {
  const auto value = take(from, "event");
  Event out{number<EventKind>(value.kind, "event.kind"), value.sequence, report(value.report, "event.report"),
            text(value.words, "event.words")};
  if (!m_fault && (out.kind == EventKind::Reported) != out.report.has_value())
    lie("event.report", "must be there with POSTERN_X400_REPORTED, and only then", false);
  return out;
}

}  // namespace postern::sdk
