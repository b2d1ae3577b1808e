// What the parts of the cabinet share; private to this room.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "cabinet/arrival.hpp"
#include "cabinet/cabinet.hpp"
#include "cabinet/session.hpp"
#include "crypto/hash.hpp"

namespace postern::cabinet {

/// What is done to an item, for its history and the audit log. `text` is for people and stays sealed; the audit log gets none of it.
struct Deed {
  std::string_view what;  ///< "submit": the record is "x400.mailbox.submit".
  const Actor& actor;
  std::string text{};
  std::vector<Step> steps{};  ///< Kept where the item is traced.
};
using Work = std::function<void(Session&)>;
/// Changes an item within the transaction; may run twice.
using Change = std::function<Status(Database&, Item&)>;

/// A content that is sealed and not written yet.
using SealedCopy = std::unique_ptr<CabinetContent>;

struct Cabinet::Impl {
  Impl(Parts given, Options chosen) : parts(given), options(std::move(chosen)), rows(parts.store, parts.keeper, parts.random) {}

  Parts parts;
  const Options options;
  CabinetRows rows;
  std::unique_ptr<StagingArea> staging;
  const Actor system{};

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Work> queue;
  std::set<MessageId> submissions;  ///< Those in the queue: each is in it once.
  bool stopping = false;
  bool recovered = false;  ///< Only the worker's. False: rows may say less than was done, and recover() settles them before anything else.
  bool bound = false;
  bool ok = true;
  std::string last_words;
  std::optional<WallTime> last_access;
  std::thread worker;

  // ---- worker.cpp
  void run();
  void push(Work work);
  /// What an earlier process left: what was being given away has an unknown outcome, what was queued goes on.
  [[nodiscard]] Status recover();
  [[nodiscard]] Status forget_answer(const MessageId& id);
  /// On the worker. Again and again while the disk is full or away. Another error, or the cabinet stops: what is on disk is settled by
  /// recover() then, now or at the next start, and nothing may be built on it before.
  [[nodiscard]] Status persist(const std::function<Status()>& write);
  /// Between tries at what the disk or the keeper refuses. False: the cabinet stops.
  [[nodiscard]] bool pause();
  [[nodiscard]] bool is_stopping();
  void note_peer(const Status& status);

  // ---- items.cpp
  [[nodiscard]] Result<Item> load(const MessageId& id);
  [[nodiscard]] Result<Item> change(const MessageId& id, const Deed& deed, const Change& what);
  [[nodiscard]] Status note(WriteContext& context, Item& item, const Deed& deed) const;
  [[nodiscard]] Result<SealedCopy> seal(ByteView content);
  [[nodiscard]] Result<std::vector<SealedCopy>> seal_all(const std::vector<Bytes>& contents);
  /// In a job.
  [[nodiscard]] Status insert(WriteContext& context, Item item, const std::vector<SealedCopy>& contents, const Deed& deed) const;
  /// In a job: in the place of one whose contents and names are cleared.
  [[nodiscard]] Status replace(WriteContext& context, Item item, const std::vector<SealedCopy>& contents, const Deed& deed) const;
  /// Contents and names of a new row.
  [[nodiscard]] Status furnish(WriteContext& context, const Item& item, const std::vector<SealedCopy>& contents) const;
  /// A whole content, held against its hash. TooLarge beyond `most`.
  [[nodiscard]] Result<Bytes> read_whole(const Item& item, std::size_t copy, std::uint64_t most);
  [[nodiscard]] Status verify(const Item& item, std::size_t copy);
  [[nodiscard]] std::int64_t now_ms() const { return unix_millis(parts.clock.now()); }

  // ---- submitting.cpp
  void enqueue_submission(const MessageId& id);
  void submit_now(const MessageId& id, Session& session);
  [[nodiscard]] bool submit_copy(const MessageId& id, std::size_t n, Session& session, std::vector<Step>& steps);
  void give_up(const MessageId& id, const Error& why, std::vector<Step> steps);
  void check_stored(const MessageId& id);
  [[nodiscard]] Result<Item> cancel_now(const MessageId& id, const Actor& actor, Session& session);
  [[nodiscard]] Status cancel_copy(const Item& item, std::size_t n, const Actor& actor, Session& session);

  // ---- access.cpp
  [[nodiscard]] Result<AccessReport> access_now(const Actor& actor, Session& session);
  [[nodiscard]] Status take_page(Session& session, const sdk::EntryList& page, AccessReport& report);
  [[nodiscard]] Status take(Session& session, const sdk::Entry& entry, AccessReport& report);
  [[nodiscard]] Result<bool> keep(const Arrival& arrival, Item item, const std::string& name, const CabinetContent& content);
  [[nodiscard]] Status correlate(Database& database, const Arrival& arrival, Item& item) const;
  void retry_notifications();
  [[nodiscard]] Status remove_in_store(const Item& item, Session& session);

  // ---- reading.cpp
  /// The notification that is owed, composed and sealed; nothing where none is.
  struct Owed {
    Item item;
    std::vector<SealedCopy> contents;
  };
  [[nodiscard]] Result<std::optional<Owed>> owed(const Item& received, Reading what);
  [[nodiscard]] Status remove_here(const MessageId& id, bool receipt, const Actor& actor);
};

/// Gives the time that a piece of work took as a step.
class Stopwatch {
 public:
  explicit Stopwatch(const Clock& clock) : m_clock(clock), m_begun(clock.steady()), m_time(unix_millis(clock.now())) {}
  [[nodiscard]] Step step(std::string name, const Status& outcome, std::string text = {}) const {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(m_clock.steady() - m_begun);
    return {m_time, took.count(), std::move(name), outcome.has_value(), outcome ? std::move(text) : outcome.error().text()};
  }

 private:
  const Clock& m_clock;
  SteadyTime m_begun;
  std::int64_t m_time;
};

/// One row that cannot be read: the others go on.
void log_damaged(const MessageId& id, const Error& why);

template <class T>
[[nodiscard]] Status status_of(const Result<T>& result) {
  return result ? Status() : fail(result.error());
}

/// The peer, or the way to it, is gone: what follows on this association fails as well.
[[nodiscard]] inline bool ends_association(ErrorCode code) noexcept {
  return code == ErrorCode::Unavailable || code == ErrorCode::Timeout || code == ErrorCode::Internal;
}

}  // namespace postern::cabinet
