#include "store/content_store.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/log.hpp"
#include "store/segment_file.hpp"

namespace postern {
namespace {

/// One segment and what is known of its space. Writer thread.
struct Segment {
  std::shared_ptr<SegmentFile> file;
  std::uint64_t live_records = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t end = SegmentFile::first_offset();  ///< Behind the last record.
  std::vector<SegmentPlace> freed;                  ///< Not punched out yet; length in whole blocks.
};

using SegmentNumber = std::int64_t;

/// A record written or freed in the open batch.
struct Change {
  bool written = false;
  SegmentNumber segment = 0;
  SegmentPlace place;           ///< Length in whole blocks.
  std::filesystem::path draft;  ///< Of an adopted one: its name until the commit.
};

constexpr const char* kBadExtension = ".bad";  // instead of .seg: no segment any more, but messages were in it

std::string file_name(SegmentNumber number) {
  std::string digits = std::to_string(number);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits + ".seg";
}

std::optional<SegmentNumber> number_of(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  SegmentNumber number = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  if ((path.extension() != ".seg" && path.extension() != kBadExtension) || error != std::errc() || end != stem.data() + stem.size())
    return std::nullopt;
  return number;
}

}  // namespace

struct ContentStore::Impl {
  std::filesystem::path directory;
  ContentOptions options;
  std::int64_t next_id = 1;
  SegmentNumber next_segment = 1;

  mutable std::mutex mutex;  // the map, for readers; its shape is changed by the writer thread only
  std::map<SegmentNumber, Segment> segments;
  SegmentNumber active = 0;  // being appended to; 0: none

  std::vector<Change> batch;
  std::size_t job_mark = 0;
  bool directory_dirty = false;
  std::vector<SegmentNumber> unsynced;
  std::map<SegmentNumber, std::filesystem::path> unreadable;  // files that are no segments; on start
  std::vector<ContentId> missing;
  std::set<std::pair<SegmentNumber, std::uint64_t>> missing_places;  // never counted as live
  std::atomic<std::uint64_t> live_records{0};

  Status adopt_files();
  Status compare(Database& database);
  Status settle_unreadable(const std::set<SegmentNumber>& wanted);
  void free_gaps();
  Result<SegmentPlace> append(const MessageId& message, ByteView sealed);
  Status make_room(std::uint64_t size);
  Status add_segment(std::uint64_t size);
  Result<SegmentNumber> adopt(const ContentDraft& draft);
  void undo_to(std::size_t mark);
  void apply_free(const Change& change);
  void drop_segment(SegmentNumber number);
  std::shared_ptr<SegmentFile> file_of(SegmentNumber number) const;
};

ContentStore::ContentStore(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
ContentStore::~ContentStore() = default;

Result<std::unique_ptr<ContentStore>> ContentStore::open(std::filesystem::path directory, Database& database, ContentOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->directory = std::move(directory);
  impl->options = options;
  POSTERN_TRY(const auto last, database.query_integer("SELECT max(id) FROM content"));
  impl->next_id = last.value_or(0) + 1;
  POSTERN_CHECK(impl->adopt_files());
  POSTERN_CHECK(impl->compare(database));
  impl->free_gaps();
  return std::unique_ptr<ContentStore>(new ContentStore(std::move(impl)));
}

Status ContentStore::Impl::adopt_files() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const auto number = number_of(entry.path());
    if (!number) continue;
    next_segment = std::max(next_segment, *number + 1);
    if (entry.path().extension() == kBadExtension) continue;
    auto file = SegmentFile::open(entry.path());
    if (file)
      segments[*number].file = *std::move(file);
    else if (file.error().code != ErrorCode::IntegrityFailed)
      return fail(std::move(file).error());
    else
      unreadable[*number] = entry.path();
  }
  if (error) return fail(ErrorCode::Unavailable, "cannot read " + directory.string() + ": " + error.message(), "storage.data_dir");
  return {};
}

/// Takes stock of every row that points into a segment.
Status ContentStore::Impl::compare(Database& database) {
  POSTERN_TRY(Statement rows, database.prepare("SELECT id, message, segment, offset, length FROM content WHERE segment IS NOT NULL"
                                               " ORDER BY segment, offset"));
  std::set<SegmentNumber> wanted;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return settle_unreadable(wanted);
    const SegmentPlace place{static_cast<std::uint64_t>(rows.integer(3)), static_cast<std::uint64_t>(rows.integer(4))};
    const SegmentNumber number = rows.integer(2);
    next_segment = std::max(next_segment, number + 1);  // the number of a lost file is not used again while rows name it
    wanted.insert(number);
    const auto found = segments.find(number);
    if (found == segments.end()) {
      missing.emplace_back(rows.integer(0));
      missing_places.emplace(number, place.offset);
      continue;
    }
    const Status there = found->second.file->check(place, MessageId(std::string(rows.text(1))));
    // Of a damaged record the space stays taken: what is there may be wanted for a repair. A read error says nothing about the record.
    if (!there && there.error().code == ErrorCode::IntegrityFailed)
      missing.emplace_back(rows.integer(0));
    else if (!there)
      log::error("store.segment_unreadable", {{"segment", file_name(number)}, {"error", there.error()}});
    Segment& segment = found->second;
    const std::uint64_t size = SegmentFile::record_size(place.length);
    if (place.offset > segment.end) segment.freed.push_back({segment.end, place.offset - segment.end});
    segment.end = std::max(segment.end, place.offset + size);
    segment.live_bytes += size;
    ++segment.live_records;
    ++live_records;
  }
}

/// A crash can leave a file before its first sync: nothing in the database points there, so it is not worth an alarm. One that rows point
/// into is damaged and kept under another name; the messages are among the missing.
Status ContentStore::Impl::settle_unreadable(const std::set<SegmentNumber>& wanted) {
  for (const auto& [number, path] : unreadable) {
    std::error_code error;
    if (!wanted.contains(number)) {
      std::filesystem::remove(path, error);
      continue;
    }
    auto kept = path;
    kept.replace_extension(kBadExtension);
    std::filesystem::rename(path, kept, error);
    if (error)
      return fail(ErrorCode::Unavailable, "cannot rename the damaged " + path.string() + ": " + error.message(), "storage.data_dir");
    log::error("store.segment_damaged", {{"segment", file_name(number)}, {"kept", kept.string()}});
  }
  unreadable.clear();
  return {};
}

/// What no row points to is left from a crash, or was freed before it.
void ContentStore::Impl::free_gaps() {
  std::vector<SegmentNumber> empty;
  for (auto& [number, segment] : segments) {
    if (segment.live_records == 0)
      empty.push_back(number);
    else if (segment.file->size() > segment.end)
      segment.freed.push_back({segment.end, segment.file->size() - segment.end});
    for (const SegmentPlace& gap : segment.freed) segment.file->punch(gap.offset, gap.length);
    segment.freed.clear();
  }
  for (const SegmentNumber number : empty) drop_segment(number);
}

void ContentStore::Impl::drop_segment(SegmentNumber number) {
  std::error_code ignored;
  std::filesystem::remove(segments.at(number).file->path(), ignored);
  const std::lock_guard lock(mutex);
  segments.erase(number);
}

std::shared_ptr<SegmentFile> ContentStore::Impl::file_of(SegmentNumber number) const {
  const std::lock_guard lock(mutex);
  const auto found = segments.find(number);
  return found == segments.end() ? nullptr : found->second.file;
}

Status ContentStore::Impl::add_segment(std::uint64_t size) {
  const SegmentNumber number = next_segment++;
  POSTERN_TRY(auto file, SegmentFile::create(directory / file_name(number), size));
  directory_dirty = true;
  const std::lock_guard lock(mutex);
  segments[number].file = std::move(file);
  active = number;
  return {};
}

/// After it, the active segment has room for `size` bytes.
Status ContentStore::Impl::make_room(std::uint64_t size) {
  if (active != 0) {
    Segment& segment = segments.at(active);
    if (segment.end + size <= segment.file->size()) return {};
  }
  // A segment that became empty while it was full keeps its blocks: appending to it again needs no allocation.
  for (auto& [number, segment] : segments) {
    if (number == active || segment.live_records != 0 || SegmentFile::first_offset() + size > segment.file->size()) continue;
    segment.end = SegmentFile::first_offset();
    segment.freed.clear();
    active = number;
    return {};
  }
  return add_segment(std::max<std::uint64_t>(options.segment_bytes, SegmentFile::first_offset() + size));
}

Result<SegmentPlace> ContentStore::Impl::append(const MessageId& message, ByteView sealed) {
  const std::uint64_t size = SegmentFile::record_size(sealed.size());
  POSTERN_CHECK(make_room(size));
  Segment& segment = segments.at(active);
  const SegmentPlace place{segment.end, sealed.size()};
  POSTERN_CHECK(segment.file->write(place.offset, message, sealed));
  segment.end += size;
  ++segment.live_records;
  ++live_records;
  segment.live_bytes += size;
  batch.push_back({true, active, {place.offset, size}, {}});
  if (unsynced.empty() || unsynced.back() != active) unsynced.push_back(active);
  return place;
}

Result<ContentId> ContentStore::put(Database& database, const MessageId& message, const SealedContent& content, int owners) {
  if (message.get().size() > 48) return fail(ErrorCode::BadInput, "a message id has at most 48 characters");
  const ContentId id(m_impl->next_id);
  if (content.sealed.size() <= m_impl->options.inline_bytes) {
    POSTERN_CHECK(database.run("INSERT INTO content(id, message, owners, size, wrapped_key, data) VALUES (?,?,?,?,?,?)", id.get(),
                               message.get(), owners, content.size, content.wrapped_key, content.sealed));
  } else {
    POSTERN_TRY(const SegmentPlace place, m_impl->append(message, content.sealed));
    POSTERN_CHECK(
        database.run("INSERT INTO content(id, message, owners, size, wrapped_key, segment, offset, length) VALUES (?,?,?,?,?,?,?,?)",
                     id.get(), message.get(), owners, content.size, content.wrapped_key, m_impl->active, place.offset, place.length));
  }
  ++m_impl->next_id;
  return id;
}

/// A link, so that the draft is still there, under its own name, when the commit does not come.
Result<SegmentNumber> ContentStore::Impl::adopt(const ContentDraft& draft) {
  const SegmentNumber number = next_segment++;
  const auto path = directory / file_name(number);
  std::error_code error;
  std::filesystem::create_hard_link(draft.file, path, error);
  if (error) return fail(ErrorCode::Unavailable, "cannot link " + draft.file.filename().string() + ": " + error.message());
  auto file = SegmentFile::open(path);
  const SegmentPlace place{SegmentFile::first_offset(), draft.length};
  if (const Status there = file ? (*file)->check(place, draft.message) : Status(fail(file.error())); !there) {
    std::filesystem::remove(path, error);
    return fail(there.error());
  }
  const std::uint64_t size = SegmentFile::record_size(draft.length);
  directory_dirty = true;
  {
    const std::lock_guard lock(mutex);
    segments[number] = {*std::move(file), 1, size, place.offset + size, {}};
  }
  ++live_records;
  batch.push_back({true, number, {place.offset, size}, draft.file});
  return number;
}

Result<ContentId> ContentStore::adopt(Database& database, const ContentDraft& draft, int owners) {
  const ContentId id(m_impl->next_id);
  POSTERN_TRY(const SegmentNumber number, m_impl->adopt(draft));
  POSTERN_CHECK(database.run(
      "INSERT INTO content(id, message, owners, size, wrapped_key, segment, offset, length, staged) VALUES (?,?,?,?,?,?,?,?,1)", id.get(),
      draft.message.get(), owners, draft.size, draft.wrapped_key, number, SegmentFile::first_offset(), draft.length));
  ++m_impl->next_id;
  return id;
}

Status ContentStore::retain(Database& database, ContentId id) {
  POSTERN_CHECK(database.run("UPDATE content SET owners = owners + 1 WHERE id = ?", id.get()));
  if (database.changes() == 0) return fail(ErrorCode::NotFound, "the content is gone");
  return {};
}

Status ContentStore::release(Database& database, ContentId id) {
  std::optional<Change> freed;
  {
    // Two plain statements: DELETE ... RETURNING costs a temporary table for every message.
    POSTERN_TRY(Statement row, database.prepare("SELECT owners, segment, offset, length FROM content WHERE id = ?"));
    POSTERN_TRY(const bool found, row.bind_all(id.get()).step());
    if (!found) return {};
    if (row.integer(0) > 1) return database.run("UPDATE content SET owners = owners - 1 WHERE id = ?", id.get());
    if (!row.is_null(1)) {
      const auto length = static_cast<std::uint64_t>(row.integer(3));
      freed = Change{false, row.integer(1), {static_cast<std::uint64_t>(row.integer(2)), SegmentFile::record_size(length)}, {}};
    }
  }
  if (freed) m_impl->batch.push_back(*freed);
  return database.run("DELETE FROM content WHERE id = ?", id.get());
}

Result<StoredContent> ContentStore::find(Database& database, ContentId id) const {
  POSTERN_TRY(Statement row,
              database.prepare("SELECT message, size, wrapped_key, data, segment, offset, length, staged FROM content WHERE id = ?"));
  POSTERN_TRY(const bool found, row.bind_all(id.get()).step());
  if (!found) return fail(ErrorCode::NotFound, "the content is gone");
  StoredContent content;
  content.message = MessageId(std::string(row.text(0)));
  content.size = static_cast<std::uint64_t>(row.integer(1));
  content.wrapped_key.assign(row.blob(2).begin(), row.blob(2).end());
  content.staged = row.integer(7) != 0;
  if (row.is_null(4)) {
    const ByteView data = row.blob(3);
    content.sealed.assign(data.begin(), data.end());
    return content;
  }
  content.place = {static_cast<std::uint64_t>(row.integer(5)), static_cast<std::uint64_t>(row.integer(6))};
  const SegmentNumber number = row.integer(4);
  content.file = m_impl->file_of(number);
  if (!content.file) return fail(ErrorCode::IntegrityFailed, "segment " + file_name(number) + " is missing");
  return content;
}

Result<SealedContent> sealed_of(StoredContent stored) {
  SealedContent content;
  content.size = stored.size;
  content.wrapped_key = std::move(stored.wrapped_key);
  content.sealed = std::move(stored.sealed);
  if (stored.file) {
    POSTERN_TRY(content.sealed, stored.file->read(stored.place, stored.message));
  }
  return content;
}

Result<SealedContent> ContentStore::read(Database& database, ContentId id) const {
  POSTERN_TRY(StoredContent found, find(database, id));
  auto content = sealed_of(std::move(found));
  if (content) return content;
  // Another thread may have finished the message while this one was reading.
  POSTERN_TRY(const auto still, database.query_integer("SELECT 1 FROM content WHERE id = ?", id.get()));
  if (!still) return fail(ErrorCode::NotFound, "the content is gone");
  return content;
}

const std::filesystem::path& ContentStore::directory() const noexcept { return m_impl->directory; }

const std::vector<ContentId>& ContentStore::missing() const noexcept { return m_impl->missing; }

ContentStats ContentStore::stats() const {
  const std::lock_guard lock(m_impl->mutex);
  return {m_impl->segments.size(), m_impl->live_records};
}

void ContentStore::job_begins() { m_impl->job_mark = m_impl->batch.size(); }
void ContentStore::job_undone() { m_impl->undo_to(m_impl->job_mark); }

void ContentStore::Impl::undo_to(std::size_t mark) {
  for (; batch.size() > mark; batch.pop_back()) {
    const Change& change = batch.back();
    if (!change.written) continue;
    Segment& segment = segments.at(change.segment);
    --segment.live_records;
    --live_records;
    segment.live_bytes -= change.place.length;
    if (!change.draft.empty()) {
      drop_segment(change.segment);
      continue;
    }
    segment.end = std::min(segment.end, change.place.offset);  // undone in reverse order: the end moves back step by step
  }
}

Status ContentStore::before_commit(Database&) {
  if (m_impl->directory_dirty) POSTERN_CHECK(sync_directory(m_impl->directory));
  m_impl->directory_dirty = false;
  for (const SegmentNumber number : m_impl->unsynced) {
    if (const auto file = m_impl->file_of(number)) POSTERN_CHECK(file->sync());
  }
  m_impl->unsynced.clear();
  return {};
}

void ContentStore::batch_ended(bool committed) {
  if (!committed) m_impl->undo_to(0);
  for (const Change& change : m_impl->batch) {
    std::error_code ignored;
    if (!change.draft.empty()) std::filesystem::remove(change.draft, ignored);
    if (!change.written) m_impl->apply_free(change);
  }
  m_impl->batch.clear();
  if (!committed) m_impl->unsynced.clear();
}

/// The record is gone from the database for good. A segment that runs empty is kept once for reuse; one that stays mostly empty gives its
/// space back.
void ContentStore::Impl::apply_free(const Change& change) {
  if (missing_places.erase({change.segment, change.place.offset}) > 0) return;
  Segment& segment = segments.at(change.segment);
  --segment.live_records;
  --live_records;
  segment.live_bytes -= change.place.length;
  segment.freed.push_back(change.place);
  if (segment.live_records == 0) {
    segment.freed.clear();
    if (change.segment == active) {
      segment.end = SegmentFile::first_offset();
      return;
    }
    const auto idle =
        std::ranges::count_if(segments, [&](const auto& entry) { return entry.second.live_records == 0 && entry.first != active; });
    if (idle > 1 || segment.file->size() > options.segment_bytes) drop_segment(change.segment);
    return;
  }
  if (change.segment == active || segment.live_bytes * 2 > segment.end) return;
  for (const SegmentPlace& place : segment.freed) segment.file->punch(place.offset, place.length);
  segment.freed.clear();
}

}  // namespace postern
