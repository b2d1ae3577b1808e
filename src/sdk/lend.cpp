#include "sdk/lend.hpp"

namespace postern::sdk {
namespace {

constexpr std::uint32_t kListCounts = 1, kFetchCounts = 2;  // postern_x400_register_args.flags

template <class T>
T sized() noexcept {
  T out{};
  out.struct_size = sizeof(T);
  return out;
}

std::vector<postern_x400_recipient> recipients_of(const Submission& value) {
  std::vector<postern_x400_recipient> out;
  for (const Recipient& one : value.recipients) {
    auto& lent = out.emplace_back(sized<postern_x400_recipient>());
    lent.report = static_cast<std::uint32_t>(one.report);
    lent.address = lend(one.address);
    lent.alternate = lend(one.alternate);
  }
  return out;
}

}  // namespace

postern_x400_text lend(std::string_view text) noexcept { return {text.empty() ? nullptr : text.data(), text.size()}; }
postern_x400_octets lend(ByteView octets) noexcept { return {octets.empty() ? nullptr : octets.data(), octets.size()}; }
std::int64_t lend(const Time& time) noexcept { return time.value_or(POSTERN_X400_NO_TIME); }

std::vector<postern_x400_attribute> lend(const std::vector<Attribute>& attributes) {
  std::vector<postern_x400_attribute> out;
  for (const Attribute& one : attributes) {
    auto& lent = out.emplace_back(sized<postern_x400_attribute>());
    lent.critical = one.critical;
    lent.type = lend(one.type);
    lent.value = lend(ByteView(one.value));
  }
  return out;
}

LentTexts::LentTexts(const std::vector<std::string>& texts) {
  for (const std::string& one : texts) list.push_back(lend(one));
}

LentFilter::LentFilter(const std::optional<Filter>& filter) {
  if (!filter) return;
  out = sized<postern_x400_filter>();
  out.entry_classes = filter->entry_classes;
  out.statuses = filter->statuses;
  out.priorities = filter->priorities;
  out.not_before = lend(filter->not_before);
  out.before = lend(filter->before);
  out.originator_contains = lend(filter->originator_contains);
  out.subject_contains = lend(filter->subject_contains);
  pointer = &out;
}

LentSubmission::LentSubmission(const Submission& value, ByteView content)
    : m_encoded_types(value.encoded_types), m_recipients(recipients_of(value)), m_extensions(lend(value.extensions)) {
  out = sized<postern_x400_submission>();
  out.strategy = static_cast<std::uint32_t>(value.strategy);
  out.priority = static_cast<std::uint32_t>(value.priority);
  out.flags = value.flags;
  out.originator = lend(value.originator);
  out.content_type = lend(value.content_type);
  out.content_identifier = lend(value.content_identifier);
  out.deferred_until = lend(value.deferred_until);
  out.latest_delivery = lend(value.latest_delivery);
  out.encoded_types = m_encoded_types.list.data();
  out.encoded_type_count = m_encoded_types.list.size();
  out.recipients = m_recipients.data();
  out.recipient_count = m_recipients.size();
  out.extensions = m_extensions.data();
  out.extension_count = m_extensions.size();
  out.content = lend(content);
  out.content_size = content.empty() ? value.content_size : content.size();
}

LentList::LentList(const List& value) : m_filter(value.filter), m_attributes(value.wanted.attributes) {
  out = sized<postern_x400_list_args>();
  out.limit = value.limit;
  out.from = value.from;
  out.to = value.to;
  out.filter = m_filter.pointer;
  out.wanted = value.wanted.fields;
  out.attributes = m_attributes.list.data();
  out.attribute_count = m_attributes.list.size();
}

LentRegister::LentRegister(const Register& value) {
  for (const AutoAction& one : value.actions) {
    auto& lent = m_actions.emplace_back(sized<postern_x400_auto_action>());
    lent.kind = static_cast<std::uint32_t>(one.kind);
    lent.id = one.id;
    lent.remove = one.remove ? 1 : 0;
    lent.filter = m_filters.emplace_back(one.filter).pointer;
    lent.address = lend(one.address);
    lent.parameter = lend(ByteView(one.parameter));
  }
  out = sized<postern_x400_register_args>();
  out.flags = (value.default_list ? kListCounts : 0) | (value.default_fetch ? kFetchCounts : 0);
  out.actions = m_actions.data();
  out.action_count = m_actions.size();
  out.default_list = value.default_list.value_or(0);
  out.default_fetch = value.default_fetch.value_or(0);
  out.old_password = lend(ByteView(value.old_password));
  out.new_password = lend(ByteView(value.new_password));
}

postern_x400_bind_args lend(const Bind& value) noexcept {
  auto out = sized<postern_x400_bind_args>();
  out.role = static_cast<std::uint32_t>(value.role);
  out.peer = lend(value.peer);
  out.name = lend(value.name);
  out.domain = lend(value.domain);
  out.password = lend(ByteView(value.password));
  return out;
}

}  // namespace postern::sdk
