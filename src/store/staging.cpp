#include "store/staging.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/cursor.hpp"
#include "base/log.hpp"
#include "crypto/kdf.hpp"

namespace postern {
namespace {

constexpr std::string_view kExtension = ".part";
constexpr std::size_t kWriteOctets = 256U * 1024;

/// Data keys, and what they bind, as those of whole contents (store/sealed_content.hpp).
Result<DataKey> new_key(Keeper& keeper, const MessageId& message, const KeyName& storage_key) {
  auto key = keeper.new_data_key(storage_key, as_bytes(content_aad(message)));
  if (!key && key.error().code == ErrorCode::NotFound)
    return fail(ErrorCode::Unavailable, "there is no storage key for this message now", storage_key.get());
  return key;
}

/// The tail (the owner's secret with its length in front, then the octets behind the last whole chunk) is sealed under a key of its own:
/// the data key's nonces are the stream's.
Result<SecretBytes> tail_key(const SecretBytes& data_key) {
  return hkdf(HashAlgorithm::Sha256, data_key.view(), {}, as_bytes("postern staged tail 2"), kStreamKey);
}
std::string tail_aad(const MessageId& message, std::uint64_t octets) { return content_aad(message) + "|tail|" + std::to_string(octets); }

std::string file_name(const MessageId& message, unsigned number) {
  return message.get() + "." + std::to_string(number) + std::string(kExtension);
}
unsigned number_of(const std::string& file) {
  const std::size_t end = file.size() - std::min(file.size(), kExtension.size());
  const std::size_t dot = file.rfind('.', end == 0 ? 0 : end - 1);
  unsigned number = 0;
  if (dot != std::string::npos) std::from_chars(file.data() + dot + 1, file.data() + end, number);
  return number;
}
void remove_file(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}
/// The keeper or the disk does not answer now; everything else is about what lies there.
bool may_pass(const Error& error) noexcept {
  return error.code == ErrorCode::Unavailable || error.code == ErrorCode::Timeout || error.code == ErrorCode::Exhausted ||
         error.code == ErrorCode::Conflict;
}

/// A sealer keeps the last chunk back, whole or not, until it knows whether others follow.
std::uint64_t chunks_in_file(std::uint64_t octets) noexcept { return octets == 0 ? 0 : (octets - 1) / kStreamChunk; }

}  // namespace

StagedContent::StagedContent(StagingArea& area, MessageId message, KeyName storage_key)
    : m_area(area), m_total(area.m_octets), m_message(std::move(message)), m_storage_key(std::move(storage_key)) {}

StagedContent::~StagedContent() {
  *m_total -= m_octets;
  if (m_draft && !m_kept) remove_file(m_draft->path());  // with a row it waits to be resumed; adopted, it has left this name already
  m_area.unclaim(m_message);
}

Status StagedContent::begin(unsigned number) {
  m_ticket = m_area.m_store.sealing().enter();
  POSTERN_TRY(DataKey key, new_key(m_area.m_keeper, m_message, m_storage_key));
  m_wrapped_key = m_storage_key == key_names::kMailStorage ? std::move(key.wrapped) : stored_wrapped_key(m_storage_key, key.wrapped);
  m_data_key = std::move(key.plaintext);
  POSTERN_TRY(m_sealer, StreamSealer::create(m_data_key.view(), as_bytes(content_aad(m_message))));
  POSTERN_TRY(m_draft, SegmentDraft::create(m_area.directory() / file_name(m_message, number)));
  return {};
}

Status StagedContent::append(ByteView octets) {
  if (m_finished || m_failed) return fail(ErrorCode::Internal, "the staged content takes no more octets");
  if (m_octets + octets.size() > m_area.m_limits.content_octets)
    return fail(ErrorCode::TooLarge, "a content of more than " + std::to_string(m_area.m_limits.content_octets) + " octets");
  if (*m_total + octets.size() > m_area.m_limits.octets)
    return fail(ErrorCode::Exhausted, "too many octets of unfinished messages: try again later");
  *m_total += octets.size();
  m_octets += octets.size();
  while (!octets.empty()) {
    const ByteView piece = octets.first(std::min(octets.size(), kWriteOctets));
    octets = octets.subspan(piece.size());
    m_pending.clear();
    m_failed = true;  // until all of it is there
    POSTERN_CHECK(m_sealer->update(piece, m_pending));
    POSTERN_CHECK(write(m_pending));
    m_failed = false;
  }
  return {};
}

Status StagedContent::write(const Bytes& sealed) { return sealed.empty() ? Status() : m_draft->append(sealed); }

Result<Bytes> StagedContent::sealed_tail(ByteView secret) const {
  POSTERN_TRY(const SecretBytes key, tail_key(m_data_key));
  ByteWriter tail;
  tail.write_block(secret).write_bytes(m_sealer->held());
  POSTERN_TRY(const RawBytes sealed, stream_seal(key.view(), as_bytes(tail_aad(m_message, m_octets)), tail.bytes()));
  return Bytes(sealed.begin(), sealed.end());
}

Status StagedContent::checkpoint(std::string note, Bytes secret) {
  if (m_failed || m_finished) return fail(ErrorCode::Internal, "the staged content has no checkpoint to make");
  if (note.size() > kStagedNote || secret.size() > kStagedNote) return fail(ErrorCode::TooLarge, "a note of more than 16 KiB", "note");
  POSTERN_CHECK(m_draft->sync());
  POSTERN_TRY(const Bytes tail, sealed_tail(secret));
  const std::string file = m_draft->path().filename().string();
  if (!m_kept) POSTERN_CHECK(sync_directory(m_area.directory()));
  POSTERN_CHECK(m_area.m_store.writer().transact([&](Database& database) {
    return database.run("INSERT OR REPLACE INTO staged(message, file, wrapped_key, octets, tail, note, touched) VALUES (?,?,?,?,?,?,?)",
                        m_message.get(), file, m_wrapped_key, m_octets, tail, note, unix_millis(m_area.m_clock.now()));
  }));
  m_kept = true;
  m_safe = m_octets;
  m_secret = std::move(secret);
  return {};
}

Status StagedContent::finish() {
  if (m_failed || m_finished) return fail(ErrorCode::Internal, "the staged content cannot be finished");
  m_failed = true;
  m_pending.clear();
  POSTERN_CHECK(m_sealer->finish(m_pending));
  POSTERN_CHECK(write(m_pending));
  POSTERN_CHECK(m_draft->finish(m_message));
  m_failed = false;
  m_finished = true;
  return {};
}

Result<ContentId> StagedContent::adopt(Database& database, ContentStore& contents, int owners) const {
  if (!m_finished) return fail(ErrorCode::Internal, "an unfinished content cannot be adopted");
  POSTERN_CHECK(database.run("DELETE FROM staged WHERE message = ?", m_message.get()));
  return contents.adopt(database, {m_draft->path(), m_message, m_wrapped_key, m_octets, m_draft->length()}, owners);
}

StagingArea::StagingArea(StagingLimits limits, Store& store, Keeper& keeper, const Clock& clock)
    : m_limits(limits), m_store(store), m_keeper(keeper), m_clock(clock), m_octets(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

Result<std::unique_ptr<StagingArea>> StagingArea::open(StagingLimits limits, Store& store, Keeper& keeper, const Clock& clock) {
  std::unique_ptr<StagingArea> area(new StagingArea(limits, store, keeper, clock));
  POSTERN_CHECK(area->remove_strays());
  POSTERN_TRY(const std::size_t dropped, area->drop_old());
  if (dropped > 0) log::info("store.staged_dropped", {{"contents", dropped}});
  return area;
}

std::filesystem::path StagingArea::directory() const { return m_store.contents().directory(); }

/// Files without a row, and rows without a file: left by a crash between the two.
Status StagingArea::remove_strays() {
  POSTERN_TRY(const auto rows, kept());
  std::set<std::string> wanted;
  for (const StagedFacts& facts : rows) {
    POSTERN_TRY(const auto row, row_of(facts.message));
    if (row && std::filesystem::exists(directory() / row->file))
      wanted.insert(row->file);
    else
      POSTERN_CHECK(m_store.writer().transact(
          [&](Database& database) { return database.run("DELETE FROM staged WHERE message = ?", facts.message.get()); }));
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory(), error))
    if (entry.path().extension() == kExtension && !wanted.contains(entry.path().filename().string())) remove_file(entry.path());
  if (error) return fail(ErrorCode::Unavailable, "cannot read " + directory().string() + ": " + error.message(), "storage.data_dir");
  return {};
}

Status StagingArea::claim(const MessageId& message) {
  const std::lock_guard lock(m_mutex);
  if (std::ranges::find(m_under_way, message) != m_under_way.end())
    return fail(ErrorCode::Conflict, "the content of this message is being taken already");
  if (m_under_way.size() >= m_limits.contents) return fail(ErrorCode::Exhausted, "too many messages are being taken: try again later");
  m_under_way.push_back(message);
  return {};
}

bool StagingArea::is_under_way(const MessageId& message) {
  const std::lock_guard lock(m_mutex);
  return std::ranges::find(m_under_way, message) != m_under_way.end();
}

void StagingArea::unclaim(const MessageId& message) noexcept {
  const std::lock_guard lock(m_mutex);
  std::erase(m_under_way, message);
}

Result<std::unique_ptr<StagedContent>> StagingArea::make(const MessageId& message, const KeyName& storage_key, unsigned number) {
  if (message.get().empty() || message.get().size() > 48) return fail(ErrorCode::BadInput, "a message id has 1 to 48 characters");
  POSTERN_CHECK(claim(message));
  std::unique_ptr<StagedContent> staged(new StagedContent(*this, message, storage_key));
  POSTERN_CHECK(staged->begin(number));
  return staged;
}

Result<std::unique_ptr<StagedContent>> StagingArea::begin(const MessageId& message, const KeyName& storage_key) {
  POSTERN_TRY(const auto row, row_of(message));
  if (row) return fail(ErrorCode::Conflict, "an interrupted content of this message waits to be resumed");
  return make(message, storage_key, 0);
}

Result<std::unique_ptr<StagedContent>> StagingArea::resume(const MessageId& message, const Passing& passing) {
  POSTERN_TRY(const auto row, row_of(message));
  if (!row) return fail(ErrorCode::NotFound, "no interrupted content of this message is here");
  if (is_under_way(message)) return fail(ErrorCode::Conflict, "the content of this message is being taken already");
  POSTERN_TRY(const WrappedKey wrapped, parse_wrapped_key(row->wrapped_key));
  POSTERN_TRY(auto staged, make(message, wrapped.storage_key, number_of(row->file) + 1));
  auto copied = copy(*row, message, *staged, passing);
  if (!copied) {
    staged.reset();
    if (may_pass(copied.error())) return fail(copied.error());
    POSTERN_CHECK(forget(message));
    return fail(ErrorCode::IntegrityFailed, "the interrupted content is damaged and was dropped: " + copied.error().what);
  }
  POSTERN_CHECK(staged->checkpoint(row->note, *std::move(copied)));
  remove_file(directory() / row->file);
  return staged;
}

/// Each chunk is authentic in its place; the data key opens the tail. What the last checkpoint kept is there whole, or nothing is.
Result<Bytes> StagingArea::copy(const Row& row, const MessageId& message, StagedContent& into, const Passing& passing) const {
  const auto pass = [&](ByteView octets) {
    if (passing) passing(octets);
    return into.append(octets);
  };
  const std::string aad = content_aad(message);
  POSTERN_TRY(const SecretBytes key, open_content_key(m_keeper, message, row.wrapped_key));
  POSTERN_TRY(const auto draft, SegmentDraft::open(directory() / row.file));
  const std::uint64_t chunks = chunks_in_file(row.octets);
  if (chunks > 0) {
    Bytes sealed(kStreamHeader), plain;
    POSTERN_CHECK(draft->read(0, sealed));
    POSTERN_TRY(auto access, StreamAccess::create(key.view(), as_bytes(aad), sealed, (chunks + 1) * kStreamChunk));  // others followed
    for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
      const StreamAccess::Place place = access.place(chunk);
      sealed.resize(place.length);
      POSTERN_CHECK(draft->read(place.offset, sealed));
      POSTERN_CHECK(access.open(chunk, sealed, plain));
      POSTERN_CHECK(pass(plain));
    }
  }
  POSTERN_TRY(const SecretBytes sealing_key, tail_key(key));
  POSTERN_TRY(const Bytes tail, stream_open(sealing_key.view(), as_bytes(tail_aad(message, row.octets)), row.tail));
  ByteReader parts(tail);
  POSTERN_TRY(const ByteView secret, parts.read_block("secret"));
  POSTERN_CHECK(pass(parts.remainder()));
  if (into.octets() != row.octets) return fail(ErrorCode::IntegrityFailed, "the interrupted content has a wrong size");
  return Bytes(secret.begin(), secret.end());
}

Result<std::optional<StagingArea::Row>> StagingArea::row_of(const MessageId& message) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT file, wrapped_key, octets, tail, note FROM staged WHERE message = ?"));
  POSTERN_TRY(const bool found, row.bind_all(message.get()).step());
  if (!found) return std::optional<Row>();
  Row out;
  out.file = row.text(0);
  out.wrapped_key.assign(row.blob(1).begin(), row.blob(1).end());
  out.octets = static_cast<std::uint64_t>(row.integer(2));
  out.tail.assign(row.blob(3).begin(), row.blob(3).end());
  out.note = row.text(4);
  return std::optional(std::move(out));
}

Result<std::vector<StagedFacts>> StagingArea::kept() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT message, octets, note, touched FROM staged ORDER BY touched, message"));
  std::vector<StagedFacts> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({MessageId(std::string(rows.text(0))), static_cast<std::uint64_t>(rows.integer(1)), std::string(rows.text(2)),
                   wall_from_millis(rows.integer(3))});
  }
}

Result<bool> StagingArea::forget(const MessageId& message) {
  POSTERN_TRY(const auto row, row_of(message));
  if (!row) return false;
  POSTERN_CHECK(m_store.writer().transact(
      [&](Database& database) { return database.run("DELETE FROM staged WHERE message = ? AND file = ?", message.get(), row->file); }));
  remove_file(directory() / row->file);
  return true;
}

Result<std::size_t> StagingArea::drop_old() {
  POSTERN_TRY(const auto all, kept());
  const WallTime oldest = m_clock.now() - m_limits.keep;
  std::size_t dropped = 0;
  for (const StagedFacts& facts : all) {
    if (facts.touched >= oldest || is_under_way(facts.message)) continue;
    POSTERN_TRY(const bool there, forget(facts.message));
    dropped += there ? 1 : 0;
  }
  return dropped;
}

}  // namespace postern
