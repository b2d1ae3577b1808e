#include "arguments.hpp"

#include <algorithm>
#include <cstring>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace postern::native {
namespace {

// No caller of sense has more; a count that lies is not followed far.
constexpr std::size_t kMostTexts = 10'000;
constexpr std::size_t kMostExtensions = 10'000;
constexpr std::size_t kMostActions = 1'000;
constexpr std::size_t kMostSequences = 1'000'000;
constexpr std::size_t kLargestStruct = 4096;                // that a later minor version may have
constexpr std::uint32_t kListCounts = 1, kFetchCounts = 2;  // postern_x400_register_args.flags

std::string indexed(const std::string& where, std::size_t at) { return where + "[" + std::to_string(at) + "]"; }
sdk::Time time_of(std::int64_t seconds) { return seconds == POSTERN_X400_NO_TIME ? sdk::Time() : sdk::Time(seconds); }

}  // namespace

void Arguments::refuse(const std::string& field, std::string what) {
  if (!m_fault) m_fault = transport::Trouble{POSTERN_X400_BAD_ARGUMENT, std::move(what), field, {}};
}

/// As much of the structure as its writer knows; zeros behind.
template <class T>
T Arguments::known(const T* from, const std::string& where) {
  T out{};
  if (m_fault) return out;
  if (from == nullptr) return refuse(where, "is NULL"), out;
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  if (size < sizeof size || size > kLargestStruct) return refuse(where + ".struct_size", "is " + std::to_string(size)), out;
  std::memcpy(&out, from, std::min<std::size_t>(size, sizeof out));
  return out;
}

/// Elements lie struct_size of the first apart.
template <class T, class Use>
void Arguments::each(const T* from, std::size_t count, std::size_t most, const std::string& where, Use use) {
  if (count == 0 || m_fault) return;
  if (from == nullptr) return refuse(where, "is NULL with a count of " + std::to_string(count));
  if (count > most) {
    m_fault =
        transport::Trouble{POSTERN_X400_OVER_LIMIT, "are " + std::to_string(count) + ", more than " + std::to_string(most), where, {}};
    return;
  }
  std::uint32_t stride = 0;
  std::memcpy(&stride, from, sizeof stride);
  for (std::size_t i = 0; i < count && !m_fault; ++i) {
    const T one = known(reinterpret_cast<const T*>(reinterpret_cast<const char*>(from) + i * stride), indexed(where, i));
    if (!m_fault) use(one, indexed(where, i));
  }
}

std::string Arguments::text(const postern_x400_text& from, const std::string& where) {
  if (m_fault || from.size == 0) return {};
  if (from.data == nullptr) return refuse(where, "is NULL with a size"), std::string();
  std::string out(from.data, from.size);
  if (!is_utf8(out)) refuse(where, "is not UTF-8");
  return out;
}

ByteView Arguments::view(const postern_x400_octets& from, const std::string& where) {
  if (m_fault || from.size == 0) return {};
  if (from.data == nullptr) return refuse(where, "is NULL with a size"), ByteView();
  return {from.data, from.size};
}

Bytes Arguments::octets(const postern_x400_octets& from, const std::string& where) {
  const ByteView octets = view(from, where);
  return {octets.begin(), octets.end()};
}

std::vector<std::string> Arguments::texts(const postern_x400_text* from, std::size_t count, const std::string& where) {
  std::vector<std::string> out;
  if (count == 0 || m_fault) return out;
  if (from == nullptr || count > kMostTexts) return refuse(where, "is NULL, or counts too many"), out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(text(from[i], indexed(where, i)));
  return out;
}

template <class E>
E Arguments::number(std::uint32_t from, const std::string& where) {
  const auto range = sdk::range_of(E{});
  const E out = static_cast<E>(from);
  if (out >= range.first && out <= range.last) return out;
  refuse(where, "is " + std::to_string(from) + ", which postern/x400_sdk.h does not have");
  return range.first;
}

Arguments::Call Arguments::call(const postern_x400_call* from) {
  const auto value = known(from, "call");
  return {std::chrono::milliseconds(value.timeout_ms), value.id};
}

Arguments::Opening Arguments::opening(const postern_x400_open_args* from) {
  const auto value = known(from, "args");
  return {text(value.profile, "profile"), text(value.settings, "settings"), value.log, value.log_data};
}

sdk::Bind Arguments::bind(const postern_x400_bind_args* from) {
  const auto value = known(from, "args");
  sdk::Bind out;
  out.role = number<sdk::Role>(value.role, "role");
  out.peer = text(value.peer, "peer");
  out.name = text(value.name, "name");
  out.domain = text(value.domain, "domain");
  out.password = octets(value.password, "password");
  return out;
}

sdk::Submission Arguments::submission(const postern_x400_submission* from, ByteView& content) {
  const auto value = known(from, "args");
  sdk::Submission out;
  out.strategy = number<sdk::Strategy>(value.strategy, "strategy");
  out.priority = number<sdk::Priority>(value.priority, "priority");
  out.flags = value.flags;
  out.originator = text(value.originator, "originator");
  out.content_type = text(value.content_type, "content_type");
  out.content_identifier = text(value.content_identifier, "content_identifier");
  out.deferred_until = time_of(value.deferred_until);
  out.latest_delivery = time_of(value.latest_delivery);
  out.encoded_types = texts(value.encoded_types, value.encoded_type_count, "encoded_types");
  each(value.recipients, value.recipient_count, sdk::kMostRecipients, "recipients", [&](const auto& one, const std::string& at) {
    out.recipients.push_back({text(one.address, at + ".address"), text(one.alternate, at + ".alternate"),
                              number<sdk::ReportRequest>(one.report, at + ".report")});
  });
  each(value.extensions, value.extension_count, kMostExtensions, "extensions", [&](const auto& one, const std::string& at) {
    out.extensions.push_back({one.critical, text(one.type, at + ".type"), octets(one.value, at + ".value")});
  });
  content = view(value.content, "content");
  out.content_size = value.content_size;
  return out;
}

std::optional<sdk::Filter> Arguments::filter(const postern_x400_filter* from, const std::string& where) {
  if (from == nullptr || m_fault) return std::nullopt;
  const auto value = known(from, where);
  sdk::Filter out;
  out.entry_classes = value.entry_classes;
  out.statuses = value.statuses;
  out.priorities = value.priorities;
  out.not_before = time_of(value.not_before);
  out.before = time_of(value.before);
  out.originator_contains = text(value.originator_contains, where + ".originator_contains");
  out.subject_contains = text(value.subject_contains, where + ".subject_contains");
  return out;
}

sdk::List Arguments::list(std::uint64_t association, const postern_x400_list_args* from) {
  const auto value = known(from, "args");
  sdk::List out;
  out.association = {1, association};
  out.from = value.from;
  out.to = value.to;
  out.limit = value.limit;
  out.filter = filter(value.filter);
  out.wanted = {value.wanted, texts(value.attributes, value.attribute_count, "attributes")};
  return out;
}

Arguments::Fetching Arguments::fetch(std::uint64_t association, const postern_x400_fetch_args* from) {
  const auto value = known(from, "args");
  Fetching out;
  out.request.association = {1, association};
  out.request.sequence = value.sequence;
  out.request.wanted = {value.wanted, texts(value.attributes, value.attribute_count, "attributes")};
  out.request.content = value.on_content != nullptr;
  out.on_content = value.on_content;
  out.content_data = value.content_data;
  return out;
}

sdk::Delete Arguments::deletion(std::uint64_t association, const std::uint64_t* sequences, std::size_t count) {
  sdk::Delete out;
  out.association = {1, association};
  if (count > kMostSequences || (sequences == nullptr && count > 0)) return refuse("sequences", "is NULL, or counts too many"), out;
  out.sequences.assign(sequences, sequences + count);
  return out;
}

sdk::AutoAction Arguments::action(const postern_x400_auto_action& from, const std::string& where) {
  sdk::AutoAction out;
  out.kind = number<sdk::AutoActionKind>(from.kind, where + ".kind");
  out.id = from.id;
  out.remove = from.remove != 0;
  out.filter = filter(from.filter, where + ".filter").value_or(sdk::Filter());
  out.address = text(from.address, where + ".address");
  out.parameter = octets(from.parameter, where + ".parameter");
  return out;
}

sdk::Register Arguments::registration(std::uint64_t association, const postern_x400_register_args* from) {
  const auto value = known(from, "args");
  sdk::Register out;
  out.association = {1, association};
  each(value.actions, value.action_count, kMostActions, "actions",
       [&](const auto& one, const std::string& at) { out.actions.push_back(action(one, at)); });
  if ((value.flags & kListCounts) != 0) out.default_list = value.default_list;
  if ((value.flags & kFetchCounts) != 0) out.default_fetch = value.default_fetch;
  out.old_password = octets(value.old_password, "old_password");
  out.new_password = octets(value.new_password, "new_password");
  if (m_fault) {  // nobody takes them
    wipe(out.old_password);
    wipe(out.new_password);
  }
  return out;
}

}  // namespace postern::native
