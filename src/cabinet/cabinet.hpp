// The operator's X.400 mailbox: folders, what came and what goes, over whatever transport.mode names.
//
//   POSTERN_TRY(auto cabinet, Cabinet::open(std::move(parts), std::move(options)));
//   cabinet->start();
//   POSTERN_TRY(Item draft, cabinet->create(request, actor));
//   POSTERN_TRY(Item queued, cabinet->submit(draft.id, {}, actor));      // the intent is on disk; the worker submits it
//   cabinet->access(actor, [](Result<AccessReport> report) { … });
//
// Each change is one transaction with its audit record. A submission is three: the intent; that it is being given to the peer; the outcome.
// What a crash leaves between the last two has an unknown outcome, which a report, a notification or an operator settles; it is never
// submitted again by itself. What is fetched is in the inbox once, whenever the process ends (docs/x400-mailbox.md).
//
// Thread safe. Calls wait for the disk: not on an event loop. What the peer is asked, one thread of its own asks.
#pragma once

#include <functional>
#include <memory>

#include "cabinet/draft.hpp"
#include "cabinet/rules.hpp"
#include "cabinet/search.hpp"
#include "store/audit_log.hpp"
#include "transport/service.hpp"

namespace postern::cabinet {

/// All must outlive the cabinet.
struct Parts {
  Store& store;
  Keeper& keeper;
  const Clock& clock;
  Random& random;
  transport::Service& service;
};
struct Options {
  sdk::Strategy default_strategy = sdk::Strategy::Immediate;
  std::string trace_bundle_path{};  ///< Empty: none is written.
  std::string version{};            ///< For the head of a trace bundle.
};

/// Who does it, for audit and history.
struct Actor {
  std::string name = "system";
  CorrelationId correlation;
};

struct AccessReport {
  std::uint64_t messages = 0, reports = 0, notifications = 0;
  std::uint64_t known = 0;    ///< Were here before.
  std::uint64_t damaged = 0;  ///< Could not be taken; they stay in the store.
  bool done = true;           ///< False: the peer went away half way; what was taken is here.
  std::string text;           ///< Why, for people.
};

struct FolderState {
  std::string name;
  bool own = false;  ///< The operator's.
  std::uint64_t messages = 0, unopened = 0;
};

/// What is told of the mailbox as a whole.
struct MailboxState {
  std::string mode, profile, user, peer;
  bool ok = true;
  std::string text;                     ///< Of the last thing that was asked of the peer.
  std::optional<WallTime> last_access;  ///< The last complete one.
  bool is_bound = false;                ///< Now.
  std::size_t waiting = 0;              ///< Pieces of work for the worker.
};

class Cabinet {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Cabinet>> open(Parts parts, Options options);
  ~Cabinet();

  /// The worker begins: first with what an earlier process left.
  void start();
  /// What is being asked of the peer comes to an end; what waits stays.
  void stop();

  // ---- reading
  [[nodiscard]] Result<std::vector<FolderState>> folders();
  struct Page {
    std::vector<Item> items;
    std::optional<std::string> next;  ///< Query::before of what is behind; nullopt: nothing is.
  };
  /// Newest first, at most `limit`. A call looks at kMostLooked messages at most: a page may be shorter, or empty, with more behind it.
  static constexpr std::size_t kMostLooked = 20'000;
  [[nodiscard]] Result<Page> list(Query query, std::size_t limit);
  [[nodiscard]] Result<Item> find(const MessageId& id);
  /// One that may be changed, and what it asks for. Conflict: it may not. TooLarge: its content is larger than kReadable.
  struct Draft {
    Item item;
    Request request;
  };
  [[nodiscard]] Result<Draft> draft(const MessageId& id);
  /// A message that another one refers to: the id of one here, or an IPM identifier ("LOCAL of ADDRESS"). BadInput, NotFound.
  [[nodiscard]] Result<ipm::IPMIdentifier> reference(const std::string& text, std::string_view field);
  [[nodiscard]] Result<std::vector<Step>> trace(const MessageId& id);
  /// A piece of a content, at most `limit` octets, from the octet `from` on; the whole is held against its hash before. IntegrityFailed:
  /// it is not what was stored.
  [[nodiscard]] Result<Bytes> content(const MessageId& id, std::size_t copy, std::uint64_t from, std::size_t limit);
  [[nodiscard]] MailboxState state();
  /// Writes the lines of a trace bundle to `line`: metadata without names, addresses, subjects or texts of peers.
  [[nodiscard]] Status bundle(const std::function<Status(std::string_view)>& line);
  /// Writes them to Options::trace_bundle_path (0600, replaced as a whole). NotFound: none is set.
  struct Written {
    std::string path;
    std::uint64_t lines = 0;
  };
  [[nodiscard]] Result<Written> write_bundle(const Actor& actor);

  // ---- acts; each answers the item as it is then. NotFound, Conflict (the state forbids it), BadInput (names the field).
  [[nodiscard]] Result<Item> create(const Request& request, const Actor& actor);
  /// Changes one that has not gone out: `alter` gets what was asked for and says what is asked for now. Conflict as well where it is not
  /// in the version that whoever changes it has seen. It is a draft again afterwards, with identifiers of its own.
  using Alter = std::function<Status(Request&)>;
  [[nodiscard]] Result<Item> edit(const MessageId& id, std::uint64_t version, const Alter& alter, const Actor& actor);
  [[nodiscard]] Result<Item> submit(const MessageId& id, const Wish& wish, const Actor& actor);
  /// `seen`: the version that whoever decides has read; Conflict where it is in another one, whose content may be another as well.
  using Seen = std::optional<std::uint64_t>;
  [[nodiscard]] Result<Item> approve(const MessageId& id, const Actor& actor, Seen seen = {});
  [[nodiscard]] Result<Item> refuse(const MessageId& id, const std::string& reason, const Actor& actor, Seen seen = {});
  /// Of one whose outcome is unknown: the operator knows.
  [[nodiscard]] Result<Item> resolve(const MessageId& id, bool submitted, const Actor& actor);
  [[nodiscard]] Result<Item> move(const MessageId& id, const std::string& folder, const Actor& actor);
  /// Marks it opened. With `receipt`, the receipt notification that it asks for is on its way afterwards.
  [[nodiscard]] Result<Item> open_message(const MessageId& id, bool receipt, const Actor& actor);
  [[nodiscard]] Status add_folder(const std::string& name, const Actor& actor);
  [[nodiscard]] Status remove_folder(const std::string& name, const Actor& actor);

  // ---- acts that ask the peer: `done` is called once, on the worker's thread, or here where nothing is asked
  void access(const Actor& actor, std::function<void(Result<AccessReport>)> done);
  /// Takes back what waits for its delivery time. Unsupported: this peer, or this way to it, cannot.
  void cancel(const MessageId& id, const Actor& actor, std::function<void(Result<Item>)> done);
  struct Removal {
    bool in_store = false;  ///< In the message store as well, and there first.
    bool receipt = true;    ///< A non-receipt notification where one is owed.
  };
  void remove(const MessageId& id, Removal how, const Actor& actor, std::function<void(Status)> done);

 private:
  struct Impl;
  explicit Cabinet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern::cabinet
