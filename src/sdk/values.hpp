// What the product says to an X.400 library and hears from it, as values. The structures of postern/x400_sdk.h stay inside this room.
//
// Everything is owned. Texts are UTF-8, checked before they come here; dates are seconds since 1970, nullopt where there is none. A
// request names its answer; Client::call() puts the two together. Source: X.411 8.2, X.413 8 and 12, by way of postern/x400_sdk.h.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace postern::sdk {

using Time = std::optional<std::int64_t>;

/// An extension or attribute that has no field of its own.
struct Attribute {
  std::uint32_t critical = 0;
  std::string type;
  Bytes value;
};

struct Identity {
  std::string vendor, product, version, notes;
};

enum class HealthState : std::uint32_t { Good = 0, Degraded = 1, Bad = 2 };
struct Health {
  HealthState state = HealthState::Good;
  std::string words;
  std::uint32_t associations = 0;
};

/// An association of one life of the child: after a restart it is known to be gone. Copyable; closed by Unbind only.
struct Association {
  std::uint64_t life = 0;
  std::uint64_t handle = 0;
};

struct Binding {
  Association association;
  std::string peer_name;
  std::uint64_t waiting = 0;
};

enum class Role : std::uint32_t { P3User = 1, P7User = 2, P1Mta = 3 };
enum class Priority : std::uint32_t { Normal = 0, NonUrgent = 1, Urgent = 2 };
enum class ReportRequest : std::uint32_t { None = 0, NonDelivery = 1, All = 2 };
enum class Strategy : std::uint32_t { Immediate = 0, WithTrace = 1, Deferred = 2, WithStoredCopy = 3, Quarantine = 4, PassThrough = 5 };

struct Recipient {
  std::string address;
  std::string alternate;  ///< Empty: none.
  ReportRequest report = ReportRequest::NonDelivery;
};

/// The envelope. Its content travels beside it.
struct Submission {
  Strategy strategy = Strategy::Immediate;
  Priority priority = Priority::Normal;
  std::uint32_t flags = 0;  ///< POSTERN_X400_DISCLOSE_RECIPIENTS ...
  std::string originator;
  std::string content_type = "22";
  std::string content_identifier;
  Time deferred_until, latest_delivery;
  std::vector<std::string> encoded_types;
  std::vector<Recipient> recipients;
  std::vector<Attribute> extensions;
  std::uint64_t content_size = 0;  ///< Of a probe; submit() sets it.
};

struct Submitted {
  std::string mts_identifier, content_identifier;
  Time time;
};

enum class EntryClass : std::uint32_t { DeliveredMessage = 1, DeliveredReport = 2, ReturnedContent = 3, Submitted = 4 };
enum class EntryStatus : std::uint32_t { New = 0, Listed = 1, Processed = 2 };

inline constexpr std::uint64_t kAllFields = 255;

struct Wanted {
  std::uint64_t fields = kAllFields;    ///< POSTERN_X400_HAS_...
  std::vector<std::string> attributes;  ///< Attribute types beyond those.
};

/// All that is given must hold.
struct Filter {
  std::uint32_t entry_classes = 0, statuses = 0, priorities = 0;  ///< Bits, 1 << value; 0: any.
  Time not_before, before;
  std::string originator_contains, subject_contains;
};

struct Entry {
  std::uint64_t sequence = 0;
  EntryClass entry_class = EntryClass::DeliveredMessage;
  EntryStatus status = EntryStatus::New;
  std::optional<Priority> priority;
  std::optional<std::uint64_t> content_size;
  Time time;
  std::optional<std::string> originator, subject, content_type, mts_identifier, ipm_identifier;
  std::vector<Attribute> attributes;
};

struct EntryList {
  std::vector<Entry> entries;
  std::uint64_t next = 0;  ///< List::from of the next page; 0: there is none.
};

struct Summary {
  std::uint64_t total = 0, lowest = 0, highest = 0;
  std::array<std::uint64_t, 3> by_status{};
};

struct ReportRecipient {
  std::string address, information;
  bool delivered = false;
  std::int32_t reason = -1, diagnostic = -1;  ///< X.411 codes; -1: none.
  Time time;
};
struct Report {
  std::string subject_identifier, content_identifier;
  std::vector<ReportRecipient> recipients;
};

struct Fetched {
  Entry entry;
  std::optional<Report> report;
  std::uint64_t content_size = 0;
};

enum class AutoActionKind : std::uint32_t { Forward = 1, Alert = 2, Delete = 3 };
struct AutoAction {
  AutoActionKind kind = AutoActionKind::Alert;
  std::uint32_t id = 0;
  bool remove = false;
  Filter filter;
  std::string address;
  Bytes parameter;
};

enum class EventKind : std::uint32_t { Nothing = 0, Message = 1, Reported = 2, Alert = 3, PeerLeft = 4 };
struct Event {
  EventKind kind = EventKind::Nothing;
  std::uint64_t sequence = 0;
  std::optional<Report> report;
  std::string words;
};

/// Takes a piece of fetched content; false: no more is wanted.
using PieceSink = std::function<bool(ByteView)>;

/// Nothing but "done".
struct Done {};

/// The values an enumeration has, for whoever reads one.
template <class E>
struct Range {
  E first, last;
};
constexpr Range<HealthState> range_of(HealthState) { return {HealthState::Good, HealthState::Bad}; }
constexpr Range<Role> range_of(Role) { return {Role::P3User, Role::P1Mta}; }
constexpr Range<Priority> range_of(Priority) { return {Priority::Normal, Priority::Urgent}; }
constexpr Range<ReportRequest> range_of(ReportRequest) { return {ReportRequest::None, ReportRequest::All}; }
constexpr Range<Strategy> range_of(Strategy) { return {Strategy::Immediate, Strategy::PassThrough}; }
constexpr Range<EntryClass> range_of(EntryClass) { return {EntryClass::DeliveredMessage, EntryClass::Submitted}; }
constexpr Range<EntryStatus> range_of(EntryStatus) { return {EntryStatus::New, EntryStatus::Processed}; }
constexpr Range<AutoActionKind> range_of(AutoActionKind) { return {AutoActionKind::Forward, AutoActionKind::Delete}; }
constexpr Range<EventKind> range_of(EventKind) { return {EventKind::Nothing, EventKind::PeerLeft}; }

// ---- Requests. The numbers are those of the frames. ----------------------------------------------------------------------------------

enum class Call : std::uint8_t { Open = 1, Identify, Health, Bind, Unbind, Submit, Probe, List, Summarize, Fetch, Delete, Register, Poll };
[[nodiscard]] const char* name_of(Call call) noexcept;
constexpr Range<Call> range_of(Call) { return {Call::Open, Call::Poll}; }

struct Open {
  static constexpr Call kCall = Call::Open;
  using Answer = Done;
  std::string profile, settings;  ///< A name; a JSON object.
};
struct Identify {
  static constexpr Call kCall = Call::Identify;
  using Answer = Identity;
};
struct AskHealth {
  static constexpr Call kCall = Call::Health;
  using Answer = Health;
};
struct Bind {
  static constexpr Call kCall = Call::Bind;
  using Answer = Binding;
  Role role = Role::P7User;
  std::string peer, name, domain;
  Bytes password;  ///< Never logged; the child wipes its copy.
};
struct Unbind {
  static constexpr Call kCall = Call::Unbind;
  using Answer = Done;
  Association association;
};
struct Submit {
  static constexpr Call kCall = Call::Submit;
  using Answer = Submitted;
  Association association;
  Submission submission;
};
struct Probe {
  static constexpr Call kCall = Call::Probe;
  using Answer = Submitted;
  Association association;
  Submission submission;
};
struct List {
  static constexpr Call kCall = Call::List;
  using Answer = EntryList;
  Association association;
  std::uint64_t from = 1, to = 0;  ///< 0: no end.
  std::uint32_t limit = 100;       ///< 1 to kMostEntries.
  std::optional<Filter> filter;
  Wanted wanted;
};
struct Summarize {
  static constexpr Call kCall = Call::Summarize;
  using Answer = Summary;
  Association association;
  std::optional<Filter> filter;
};
struct Fetch {
  static constexpr Call kCall = Call::Fetch;
  using Answer = Fetched;
  Association association;
  std::uint64_t sequence = 0;
  Wanted wanted;
  bool content = true;
};
struct Delete {
  static constexpr Call kCall = Call::Delete;
  using Answer = Done;
  Association association;
  std::vector<std::uint64_t> sequences;
};
struct Register {
  static constexpr Call kCall = Call::Register;
  using Answer = Done;
  Association association;
  std::vector<AutoAction> actions;
  std::optional<std::uint64_t> default_list, default_fetch;
  Bytes old_password, new_password;
};
struct Poll {
  static constexpr Call kCall = Call::Poll;
  using Answer = Event;
  Association association;
};

inline constexpr std::uint32_t kMostEntries = 10'000;   ///< Of one page.
inline constexpr std::size_t kMostRecipients = 32'767;  ///< X.411 ub-recipients

}  // namespace postern::sdk
