// What an operator writes becomes an item and the contents that are submitted: composed once, so that whatever happens to the submission,
// it is the same message (X.420 7.1.1).
#pragma once

#include "cabinet/item.hpp"
#include "ipm/compose.hpp"
#include "mts/p3.hpp"

namespace postern::cabinet {

/// A content from outside, octet by octet.
struct GivenContent {
  std::string type = "22";  ///< Number of a built-in one, or an object identifier.
  Bytes octets;
};
enum class ReceiptRequest : std::uint8_t { None, NonReceipt, Receipt };

/// What the heading says beside recipients and subject (X.420 7.2). Addresses and times as in Request.
struct HeadingOptions {
  std::optional<ipm::SensitivityField> sensitivity;
  std::optional<std::int64_t> expires, reply_by;
  std::optional<ipm::IPMIdentifier> replied_to;
  std::vector<ipm::IPMIdentifier> obsoletes, related;
  std::vector<std::string> reply_recipients, authorizing_users;
  std::vector<std::string> languages;  ///< "de", "de-CH".
  std::optional<ipm::AutoSubmitted> auto_submitted;
  friend bool operator==(const HeadingOptions&, const HeadingOptions&) = default;
};
/// What is asked of every recipient, and for him.
struct RecipientOptions {
  sdk::ReportRequest report = sdk::ReportRequest::NonDelivery;  ///< X.411 8.2.1.1.1.22
  ReceiptRequest receipt = ReceiptRequest::None;                ///< X.420 7.1.2
  bool return_message = false;                                  ///< With the non-receipt notification.
  bool reply_requested = false;
  std::optional<std::uint32_t> precedence;  ///< 0..127 (X.420 B.2.2).
  std::string alternate;                    ///< Who gets it where a recipient cannot (X.411 8.2.1.1.1.5); empty: nobody.
};

/// Addresses are O/R addresses in any text form; texts UTF-8; times seconds since 1970.
struct Request {
  std::vector<std::string> to, cc, bcc;
  std::string subject, text;
  std::vector<ipm::Part> attachments;
  ipm::ImportanceField importance = ipm::ImportanceField::Normal;
  sdk::Priority priority = sdk::Priority::Normal;
  RecipientOptions recipients;
  HeadingOptions heading;
  std::string content_identifier;  ///< X.411 8.2.1.1.1.35; empty: one of the cabinet's, by which reports find their message surely.
  std::uint32_t flags = 0;         ///< As sdk::Submission.
  std::optional<std::int64_t> deferred_until, latest_delivery;
  std::optional<GivenContent> content;  ///< In place of subject, text, attachments and heading.
};

struct Composed {
  Item item;                    ///< A draft, without history.
  std::vector<Bytes> contents;  ///< One for each of its copies.
};
/// `user`: who sends it, canonical text. `id` names the item, and the message to the world. BadInput names the field of the request.
[[nodiscard]] Result<Composed> compose(const Request& request, const std::string& user, const MessageId& id, WallTime now);
/// The way back, of one that was composed here: compose() of it says the same. IntegrityFailed: the content is not what compose() writes.
[[nodiscard]] Result<Request> request_of(const Item& item, ByteView content);
/// How many parts of its body stand before the attachments of request_of(): the numbers that people see count all of them from 1.
[[nodiscard]] std::size_t parts_before_attachments(const Request& request);

/// The envelope of one copy, for transport::Transport::submit().
[[nodiscard]] sdk::Submission submission_of(const Item& item, const Copy& copy);

/// A notification that is owed, as an item that waits to be submitted.
[[nodiscard]] Result<Composed> composed_of(const mts::MessageSubmissionArgument& notification, const Item& about, const MessageId& id,
                                           WallTime now);

/// Under which names (CabinetRows::add_name) reports and notifications find an item, and the ones that they say.
[[nodiscard]] std::vector<std::string> names_of(const Item& item);
[[nodiscard]] std::string name_of_mts(const std::string& identifier);
[[nodiscard]] std::string name_of_content(const std::string& content_identifier);
[[nodiscard]] std::string name_of_ipm(const ipm::IPMIdentifier& identifier);
[[nodiscard]] std::string name_of_ipm_local(const ipm::IPMIdentifier& identifier);

inline constexpr std::size_t kMostOfLocalIdentifier = 64;  ///< X.420 ub-local-ipm-identifier
[[nodiscard]] ipm::IPMIdentifier ipm_identifier_of(const Item& item);
/// Of a heading's field; nullopt where it is none.
[[nodiscard]] std::optional<std::int64_t> seconds_of(const std::optional<asn1::UtcTime>& time);
/// BadInput: no O/R address.
[[nodiscard]] Result<oraddress::ORName> name_in(const std::string& address, std::string_view field);

}  // namespace postern::cabinet
