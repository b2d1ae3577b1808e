// Drafts: made, and changed by one who says which version of them he has seen.
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

/// What the peer has, or may have, stays as it is.
Status check_edit(const Item& item) {
  POSTERN_CHECK(check(Act::Edit, item.state));
  const auto is_away = [](const Copy& each) { return each.state == State::Submitted || each.state == State::Unknown; };
  if (item.kind == Kind::Message && std::ranges::none_of(item.copies, is_away)) return {};
  return fail(ErrorCode::Conflict,
              item.kind == Kind::Message ? "the peer has some of its copies: submit the others as they are, or write another message"
                                         : "a notification says what happened, and nobody changes that",
              "state");
}

/// The content that stands in the place of another is another message, with identifiers of its own (X.420 7.1.1).
Item changed_item(const Item& before, const Item& composed) {
  Item out = composed;
  out.id = before.id;
  out.created = before.created;
  out.version = before.version;
  out.history = before.history;
  return out;
}

}  // namespace

Result<Item> Cabinet::create(const Request& request, const Actor& actor) {
  POSTERN_TRY(const transport::Profile profile, m_impl->parts.service.profile());
  const WallTime now = m_impl->parts.clock.now();
  POSTERN_TRY(const Composed composed, compose(request, profile.user, make_message_id(now, m_impl->parts.random), now));
  POSTERN_CHECK(m_impl->rows.unlock_or_make());
  POSTERN_TRY(const auto contents, m_impl->seal_all(composed.contents));
  POSTERN_CHECK(m_impl->parts.store.writer().transact_with_audit(
      [&](WriteContext& context) { return m_impl->insert(context, composed.item, contents, {"create", actor}); }));
  return m_impl->load(composed.item.id);
}

Result<Cabinet::Draft> Cabinet::draft(const MessageId& id) {
  Draft out;
  POSTERN_TRY(out.item, m_impl->load(id));
  POSTERN_CHECK(check_edit(out.item));
  POSTERN_TRY(const Bytes content, m_impl->read_whole(out.item, 0, kReadable));
  POSTERN_TRY(out.request, request_of(out.item, content));
  return out;
}

Result<Item> Cabinet::edit(const MessageId& id, std::uint64_t version, const Alter& alter, const Actor& actor) {
  POSTERN_TRY(Draft old, draft(id));
  POSTERN_CHECK(check_version(old.item, version));
  POSTERN_CHECK(alter(old.request));
  POSTERN_TRY(const transport::Profile profile, m_impl->parts.service.profile());
  const WallTime now = m_impl->parts.clock.now();
  POSTERN_TRY(const Composed composed, compose(old.request, profile.user, make_message_id(now, m_impl->parts.random), now));
  POSTERN_TRY(const auto contents, m_impl->seal_all(composed.contents));
  POSTERN_CHECK(m_impl->parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_TRY(const CabinetRow row, m_impl->rows.find(context.database, id));
    POSTERN_TRY(const Item before, item_of(row));
    POSTERN_CHECK(check_edit(before));
    POSTERN_CHECK(check_version(before, version));
    POSTERN_CHECK(m_impl->rows.clear(context.database, id));
    return m_impl->replace(context, changed_item(before, composed.item), contents, {"edit", actor});
  }));
  return m_impl->load(id);
}

namespace {

constexpr std::string_view kOf = " of ";

/// Where "LOCAL of ADDRESS" falls apart: either may have the word within it, and what follows the right one is an address.
std::size_t address_in(const std::string& text) {
  const std::size_t first = text.find(kOf);
  for (std::size_t at = first; at != std::string::npos; at = text.find(kOf, at + 1))
    if (name_in(text.substr(at + kOf.size()), "")) return at;
  return first;
}

}  // namespace

Result<ipm::IPMIdentifier> Cabinet::reference(const std::string& text, std::string_view field) {
  if (is_ulid(text)) {
    const auto item = m_impl->load(MessageId(text));
    if (!item) return fail(item.error().code, item.error().text(), std::string(field));
    if (!item->ipm_identifier.empty()) return ipm_identifier_of(*item);
    return fail(ErrorCode::BadInput, "that message has no IPM identifier by which another one could name it", std::string(field));
  }
  ipm::IPMIdentifier out;
  const std::size_t at = address_in(text);
  const std::string local = text.substr(0, at);
  if (local.empty() || local.size() > kMostOfLocalIdentifier || asn1::first_foreign_octet(asn1::Alphabet::Printable, local))
    return fail(ErrorCode::BadInput, "must be the id of a message here, or an IPM identifier: \"LOCAL of ADDRESS\"", std::string(field));
  out.user_relative_identifier = asn1::PrintableString(local);
  if (at != std::string::npos) {
    POSTERN_TRY(out.user, name_in(text.substr(at + kOf.size()), field));
  }
  return out;
}

}  // namespace postern::cabinet
