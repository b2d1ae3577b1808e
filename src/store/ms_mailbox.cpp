#include "store/ms_mailbox.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "store/content_reader.hpp"

namespace postern {
namespace {

using ms::EntryRow;
using ms::NumberedEntry;
using ms::SequenceNumber;

// An entry's id: user, then number (0..2^31-1).
constexpr int kNumberBits = 31;
constexpr std::int64_t kNumberMask = (std::int64_t{1} << kNumberBits) - 1;
constexpr std::int64_t kMostChildren = 4096;  // above what one delivery can bring (ms::DeliveryLimits)

std::int64_t id_of(const MsUser& user, SequenceNumber number) {
  return user.id << kNumberBits | std::clamp<std::int64_t>(number, 0, kNumberMask);
}

// ---- sealing: nonce, ciphertext, tag; bound to what it is and where it belongs
enum class Sealed : char { Attributes = 'a', Details = 'd', Registered = 'r', Forward = 'f' };

std::string aad_of(Sealed what, std::int64_t id) { return std::string("ms-") + static_cast<char>(what) + std::to_string(id); }

Result<Bytes> seal(const RowKey& key, Sealed what, std::int64_t id, ByteView plain) { return key.seal(aad_of(what, id), plain); }
Result<Bytes> open(const RowKey& key, Sealed what, std::int64_t id, ByteView sealed) { return key.open(aad_of(what, id), sealed); }

// ---- rows
Bytes children_form(const std::vector<SequenceNumber>& children) {
  ByteWriter out;
  for (const SequenceNumber each : children) out.write_u32(static_cast<std::uint32_t>(each));
  return std::move(out).take();
}

std::vector<SequenceNumber> parse_children(ByteView form) {
  std::vector<SequenceNumber> out;
  ByteReader reader(form);
  while (const auto number = reader.read_u32("children")) out.push_back(*number);
  return out;
}

/// Takes the content over; a number of 0 says that there is none.
Result<MsSharedContent> take_content(Database& database, ContentStore& contents, const MsDelivery& delivery) {
  if (const auto* shared = std::get_if<MsSharedContent>(&delivery.content)) {
    POSTERN_CHECK(contents.retain(database, shared->id));
    return *shared;
  }
  const auto* own = std::get_if<MsOwnContent>(&delivery.content);
  if (own == nullptr) return MsSharedContent{};
  POSTERN_TRY(const ContentId id, contents.put(database, own->message, own->sealed, 1));
  return MsSharedContent{id, 0, own->sealed.size};
}

/// Every entry of a delivery has the content of the whole: a forwarded message is found in it by its part.
Status insert(Database& database, const MsUser& user, const RowKey& key, const NumberedEntry& entry, SequenceNumber root,
              const MsSharedContent& content) {
  const std::int64_t id = id_of(user, entry.row.number);
  POSTERN_TRY(const Bytes attributes, seal(key, Sealed::Attributes, id, entry.row.attributes));
  POSTERN_TRY(const Bytes details, seal(key, Sealed::Details, id, entry.details));
  POSTERN_CHECK(database.run(
      "INSERT INTO ms_entry(id, user, root, parent, created, type, status, content, content_at, stored_length, has_content, content_length,"
      " part, children, attributes) VALUES (?,?,?,?,?,?,0,?,?,?,?,?,?,?,?)",
      id, user.id, root, entry.row.parent, entry.row.created, static_cast<std::int64_t>(entry.row.type), content.id.get(), content.at,
      content.length, entry.row.has_content, entry.row.content_length, entry.row.part, children_form(entry.row.children), attributes));
  return database.run("INSERT INTO ms_details(id, details) VALUES (?,?)", id, details);
}

/// A main entry with its children, which have the numbers after it.
Status remove_root(Database& database, ContentStore& contents, const MsUser& user, SequenceNumber root) {
  const std::int64_t first = id_of(user, root), last = id_of(user, root + kMostChildren);
  POSTERN_TRY(const auto content, database.query_integer("SELECT content FROM ms_entry WHERE id = ? AND root = ?", first, root));
  if (!content) return {};  // no main entry
  POSTERN_CHECK(database.run("DELETE FROM ms_details WHERE id IN (SELECT id FROM ms_entry WHERE id BETWEEN ? AND ? AND root = ?)", first,
                             last, root));
  POSTERN_CHECK(database.run("DELETE FROM ms_entry WHERE id BETWEEN ? AND ? AND root = ?", first, last, root));
  return *content == 0 ? Status() : contents.release(database, ContentId(*content));
}

}  // namespace

// ---- in a job
Result<std::optional<SequenceNumber>> add_to_ms_mailbox(Database& database, ContentStore& contents, const MsUser& user, const RowKey& key,
                                                        const MsDelivery& delivery) {
  SequenceNumber first = 0;
  std::int64_t created = delivery.time;
  {
    POSTERN_TRY(Statement row, database.prepare("SELECT next_number, last_created FROM ms_user WHERE id = ?"));
    POSTERN_TRY(const bool found, row.bind_all(user.id).step());
    if (!found) return std::optional<SequenceNumber>();
    first = row.integer(0);
    created = std::max(created, row.integer(1));
  }
  const std::vector<NumberedEntry> entries = ms::numbered(delivery.entries, first, created);
  const SequenceNumber next = first + static_cast<SequenceNumber>(entries.size());
  if (next > kNumberMask) return fail(ErrorCode::Exhausted, "the mailbox has used all its sequence numbers: give the user a new one");
  POSTERN_CHECK(database.run("UPDATE ms_user SET next_number = ?, last_created = ? WHERE id = ?", next, created, user.id));
  POSTERN_TRY(const MsSharedContent content, take_content(database, contents, delivery));
  for (const NumberedEntry& each : entries) POSTERN_CHECK(insert(database, user, key, each, first, content));
  return std::optional(first);
}

Result<bool> remove_ms_entries(Database& database, ContentStore& contents, const MsUser& user, std::int64_t limit) {
  std::vector<SequenceNumber> roots;
  {
    POSTERN_TRY(Statement rows, database.prepare("SELECT root FROM ms_entry WHERE id BETWEEN ? AND ? AND parent = 0 ORDER BY id LIMIT ?"));
    rows.bind_all(id_of(user, 0), id_of(user, kNumberMask), limit);
    for (;;) {
      POSTERN_TRY(const bool row, rows.step());
      if (!row) break;
      roots.push_back(rows.integer(0));
    }
  }
  for (const SequenceNumber root : roots) POSTERN_CHECK(remove_root(database, contents, user, root));
  return static_cast<std::int64_t>(roots.size()) == limit;
}

Status add_ms_forward(Database& database, const MsUser& user, const RowKey& key, SequenceNumber number, ByteView argument) {
  POSTERN_TRY(const Bytes sealed, seal(key, Sealed::Forward, id_of(user, number), argument));
  return database.run("INSERT INTO ms_forward(user, number, argument) VALUES (?,?,?)", user.id, number, sealed);
}

Result<std::vector<MsForward>> list_ms_forwards(Store& store, const MsUser& user, const RowKey& key, std::size_t limit) {
  const DatabaseReader reader = store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT n, number, argument FROM ms_forward WHERE user = ? ORDER BY n LIMIT ?"));
  rows.bind_all(user.id, static_cast<std::uint64_t>(limit));
  std::vector<MsForward> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    MsForward each{rows.integer(0), rows.integer(1), {}};
    POSTERN_TRY(each.argument, open(key, Sealed::Forward, id_of(user, each.number), rows.blob(2)));
    out.push_back(std::move(each));
  }
}

// ---- the port
Result<std::unique_ptr<MsMailbox>> MsMailbox::open(Store& store, Keeper& keeper, MsUsers& users, const MsUser& user) {
  POSTERN_TRY(auto key, users.key_of(user));
  return std::unique_ptr<MsMailbox>(new MsMailbox(store, keeper, user, std::move(key)));
}

Result<EntryRow> MsMailbox::row_of(const Statement& row, bool attributes) const {
  EntryRow out;
  const std::int64_t id = row.integer(0);
  out.number = id & kNumberMask;
  out.parent = row.integer(1);
  out.created = row.integer(2);
  out.type = static_cast<ms::EntryType>(row.integer(3));
  out.status = static_cast<ms::RetrievalStatus>(row.integer(4));
  out.has_content = row.integer(5) != 0;
  out.content_length = static_cast<std::uint64_t>(row.integer(6));
  out.part = row.text(7);
  out.children = parse_children(row.blob(8));
  if (!attributes) return out;
  POSTERN_TRY(out.attributes, ::postern::open(*m_key, Sealed::Attributes, id, row.blob(9)));
  return out;
}

/// The bounds as ids: creation times ascend with numbers, so a time is a place as well.
Result<std::pair<std::int64_t, std::int64_t>> MsMailbox::ids_of(Database& database, const ms::Scan& scan) const {
  std::pair out{id_of(m_user, scan.from), id_of(m_user, scan.to)};
  constexpr std::int64_t kNone = -1;
  if (scan.created_from) {
    POSTERN_TRY(const auto id,
                database.query_integer("SELECT id FROM ms_entry WHERE user = ? AND created >= ? ORDER BY created, id LIMIT 1", m_user.id,
                                       *scan.created_from));
    out.first = id ? std::max(out.first, *id) : out.second + 1;
  }
  if (scan.created_to) {
    POSTERN_TRY(const auto id,
                database.query_integer("SELECT id FROM ms_entry WHERE user = ? AND created <= ? ORDER BY created DESC, id DESC LIMIT 1",
                                       m_user.id, *scan.created_to));
    out.second = std::min(out.second, id.value_or(kNone));
  }
  return out;
}

namespace {

constexpr std::string_view kScanMain =
    "SELECT id, parent, created, type, status, has_content, content_length, part, children, attributes FROM ms_entry"
    " WHERE id BETWEEN ? AND ? AND parent = 0 ORDER BY id LIMIT ?";
constexpr std::string_view kScanAll =
    "SELECT id, parent, created, type, status, has_content, content_length, part, children, attributes FROM ms_entry"
    " WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?";

}  // namespace

Result<std::vector<EntryRow>> MsMailbox::scan(const ms::Scan& scan) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(const auto ids, ids_of(*reader, scan));
  POSTERN_TRY(Statement rows, reader->prepare(scan.children ? kScanAll : kScanMain));
  rows.bind_all(ids.first, ids.second, static_cast<std::uint64_t>(scan.limit));
  std::vector<EntryRow> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    POSTERN_TRY(out.emplace_back(), row_of(rows, scan.attributes));
  }
}

Result<std::optional<EntryRow>> MsMailbox::find(SequenceNumber number) {
  if (number < 1 || number > kNumberMask) return std::optional<EntryRow>();
  POSTERN_TRY(std::vector<EntryRow> rows, scan({.from = number, .to = number, .children = true, .limit = 1}));
  return rows.empty() ? std::optional<EntryRow>() : std::optional(std::move(rows.front()));
}

Result<Bytes> MsMailbox::details(SequenceNumber number) {
  const DatabaseReader reader = m_store.reader();
  const std::int64_t id = id_of(m_user, number);
  POSTERN_TRY(Statement row, reader->prepare("SELECT details FROM ms_details WHERE id = ?"));
  POSTERN_TRY(const bool found, row.bind_all(id).step());
  if (!found) return fail(ErrorCode::NotFound, "the entry was deleted meanwhile");
  return ::postern::open(*m_key, Sealed::Details, id, row.blob(0));
}

Result<Bytes> MsMailbox::content(SequenceNumber number) {
  const auto place = [&]() -> Result<std::tuple<StoredContent, std::uint64_t, std::uint64_t>> {
    const DatabaseReader reader = m_store.reader();
    POSTERN_TRY(Statement row, reader->prepare("SELECT content, content_at, stored_length FROM ms_entry WHERE id = ?"));
    POSTERN_TRY(const bool found, row.bind_all(id_of(m_user, number)).step());
    if (!found) return fail(ErrorCode::NotFound, "the entry was deleted meanwhile");
    POSTERN_TRY(StoredContent stored, m_store.contents().find(*reader, ContentId(row.integer(0))));
    return std::tuple(std::move(stored), static_cast<std::uint64_t>(row.integer(1)), static_cast<std::uint64_t>(row.integer(2)));
  }();
  if (!place) return fail(place.error());
  const auto& [stored, at, length] = *place;
  POSTERN_TRY(ContentReader reader, ContentReader::open(m_keeper, stored));
  POSTERN_CHECK(reader.seek(at));
  Bytes out(static_cast<std::size_t>(length));
  POSTERN_TRY(const std::size_t got, reader.read(out));
  if (got != out.size()) return fail(ErrorCode::IntegrityFailed, "the stored content ends too early");
  return out;
}

Status MsMailbox::raise_status(std::span<const SequenceNumber> numbers, ms::RetrievalStatus status) {
  const auto value = static_cast<std::int64_t>(status);
  return m_store.writer().transact([&](Database& database) -> Status {
    for (const SequenceNumber each : numbers)
      POSTERN_CHECK(database.run("UPDATE ms_entry SET status = ? WHERE id = ? AND status < ?", value, id_of(m_user, each), value));
    return {};
  });
}

Status MsMailbox::remove(std::span<const SequenceNumber> numbers) {
  return m_store.writer().transact([&](Database& database) -> Status {
    for (const SequenceNumber each : numbers) POSTERN_CHECK(remove_root(database, m_store.contents(), m_user, each));
    return {};
  });
}

Result<Bytes> MsMailbox::registration() {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT registered FROM ms_user WHERE id = ?"));
  POSTERN_TRY(const bool found, row.bind_all(m_user.id).step());
  if (!found) return fail(ErrorCode::NotFound, "the mailbox was removed");
  if (row.blob(0).empty()) return Bytes();
  return ::postern::open(*m_key, Sealed::Registered, m_user.id, row.blob(0));
}

Status MsMailbox::keep_registration(ByteView octets) {
  POSTERN_TRY(const Bytes sealed, seal(*m_key, Sealed::Registered, m_user.id, octets));
  return m_store.writer().transact(
      [&](Database& database) { return database.run("UPDATE ms_user SET registered = ? WHERE id = ?", sealed, m_user.id); });
}

Result<ms::RegisteredInformation> MsMailbox::registered() {
  POSTERN_TRY(const Bytes octets, registration());
  if (octets.empty()) return ms::RegisteredInformation{};
  return asn1::decode<ms::RegisteredInformation>(octets);
}

Status MsMailbox::keep(const ms::RegisteredInformation& registered) {
  POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(registered));
  return keep_registration(octets);
}

}  // namespace postern
