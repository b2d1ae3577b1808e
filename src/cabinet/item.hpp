// A message of the operator's mailbox as a value: what is in an envelope, what became of it, and how it came here. Contents lie beside it
// (store/cabinet_rows.hpp), octet by octet as they came or go.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "ipm/correlate.hpp"
#include "ipm/heading_extensions.hpp"
#include "sdk/values.hpp"
#include "store/cabinet_rows.hpp"

namespace postern::cabinet {

namespace folder {
inline constexpr std::string_view kInbox = "inbox", kDrafts = "drafts", kOutbox = "outbox", kQuarantine = "quarantine", kSent = "sent",
                                  kArchive = "archive";
inline constexpr std::array kFixed{kInbox, kDrafts, kOutbox, kQuarantine, kSent, kArchive};
[[nodiscard]] bool is_fixed(std::string_view name) noexcept;
}  // namespace folder

// The numbers of Kind and State stand in the database: new ones are added at the end.
enum class Kind : std::uint8_t { Message = 0, Report = 1, Notification = 2 };
/// docs/x400-mailbox.md "States" says what each means.
enum class State : std::uint8_t {
  Received = 0,
  Draft = 1,
  Held = 2,
  Refused = 3,
  Queued = 4,
  Submitting = 5,
  Unknown = 6,
  Failed = 7,
  Submitted = 8,
  Cancelled = 9,
};
enum class RecipientKind : std::uint8_t { To = 0, Cc = 1, Bcc = 2 };

[[nodiscard]] std::string_view name_of(Kind kind) noexcept;
[[nodiscard]] std::string_view name_of(State state) noexcept;
[[nodiscard]] std::string_view name_of(RecipientKind kind) noexcept;
[[nodiscard]] std::string_view name_of(sdk::Priority priority) noexcept;
[[nodiscard]] std::string_view name_of(sdk::ReportRequest request) noexcept;
[[nodiscard]] std::string_view name_of(ipm::ImportanceField importance) noexcept;
[[nodiscard]] std::string_view name_of(ipm::SensitivityField sensitivity) noexcept;
[[nodiscard]] std::string_view name_of(ipm::AutoSubmitted how) noexcept;
/// The flags of a submission (X.411 8.2.1.1.1), by their bits in sdk::Submission::flags.
struct FlagName {
  std::uint32_t bit;
  std::string_view name;
};
[[nodiscard]] std::span<const FlagName> flag_names() noexcept;

/// One whom it was sent to, and what is known of that (ipm/correlate.hpp). Times are seconds since 1970.
struct Recipient {
  std::string address;  ///< Canonical text.
  RecipientKind kind = RecipientKind::To;
  sdk::ReportRequest report = sdk::ReportRequest::NonDelivery;
  bool receipt = false, non_receipt = false;  ///< Notifications that were asked for.
  bool return_message = false, reply_requested = false;
  std::optional<std::uint32_t> precedence;
  std::string alternate;  ///< Asked for by the originator; canonical text, empty: none.
  ipm::Stage stage = ipm::Stage::Waiting;
  std::string words;
  std::optional<std::int64_t> delivered_at, read_at;
  std::string actual;  ///< Where it is someone else than was named; else empty.
};

/// One submission: blind copy recipients have contents of their own (X.420 7.2.6).
struct Copy {
  State state = State::Draft;
  std::string mts_identifier;  ///< Once it is submitted.
  std::uint64_t size = 0;
  std::string sha256;                     ///< Of the content, in hexadecimal; it is held against it whenever it is read.
  std::vector<std::uint32_t> recipients;  ///< Places in Item::recipients.
};

struct Event {
  std::int64_t time = 0;  ///< Milliseconds since 1970.
  std::string what, who, text;
};

/// Where a received one lies in a message store.
struct Origin {
  std::string account;  ///< Whose mailbox: key of the user's address.
  std::uint64_t sequence = 0;
  std::string entry{};  ///< name_of_entry(): the number alone means another one in a store that began anew.
};

struct Item {
  MessageId id;
  std::string folder;
  Kind kind = Kind::Message;
  State state = State::Draft;
  bool unopened = false;
  std::int64_t created = 0, changed = 0;  ///< Milliseconds since 1970.

  std::string from, subject;
  std::vector<std::string> to;  ///< Of a received one: as its heading names them.
  std::uint64_t version = 0;    ///< One more with each change: who changes something says which one he has seen.

  std::string content_type = "22", content_identifier, mts_identifier;
  bool has_own_content_identifier = false;  ///< The operator's: another message may have it as well.
  std::string ipm_user, ipm_identifier;     ///< The IPM identifier (X.420 7.1.1); both empty: it has none.
  sdk::Priority priority = sdk::Priority::Normal;
  ipm::ImportanceField importance = ipm::ImportanceField::Normal;
  std::optional<ipm::SensitivityField> sensitivity;
  std::optional<sdk::Strategy> strategy;
  std::optional<std::int64_t> deferred_until, latest_delivery;  ///< Seconds since 1970.
  std::optional<std::int64_t> expires, reply_by;                ///< Seconds since 1970 (X.420 7.2.11, 7.2.12).
  std::vector<std::string> encoded_types;
  std::uint32_t flags = 0;                                        ///< As sdk::Submission.
  bool receipt_requested = false, non_receipt_requested = false;  ///< Of a received one: what is owed to its originator.
  bool pass_through = false;                                      ///< Its content came from outside.
  std::string reason;                                             ///< Why it is where it is, for people.
  std::string subject_message;                                    ///< Of a report or notification: the item it is about, where it is here.
  std::optional<Origin> origin;
  std::map<std::string, std::string> attributes;  ///< What else came with it, in words.
  std::vector<Recipient> recipients;
  std::vector<Copy> copies;
  std::vector<Event> history;
};

/// The least that is known of all recipients; nullopt where there is nobody, or nothing was submitted.
[[nodiscard]] std::optional<ipm::Stage> outcome_of(const Item& item);

/// Its row and back. IntegrityFailed: another form than this build writes.
[[nodiscard]] CabinetRow row_of(const Item& item);
[[nodiscard]] Result<Item> item_of(const CabinetRow& row);

/// A step of a submission that is traced.
struct Step {
  std::int64_t time = 0;    ///< Milliseconds since 1970.
  std::int64_t millis = 0;  ///< It took.
  std::string name;         ///< "bind", "content", "submit", ...: no names of people or systems.
  bool ok = true;
  std::string text;  ///< In words; may name anybody.
};
[[nodiscard]] Bytes form_of(const Step& step);
[[nodiscard]] Result<Step> step_of(ByteView form);

}  // namespace postern::cabinet
