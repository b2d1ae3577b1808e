// What an operator writes becomes an item and the contents that are submitted: composed once, so that whatever happens to the submission,
// it is the same message (X.420 7.1.1).
#pragma once

#include "cabinet/item.hpp"
#include "mts/p3.hpp"

namespace postern::cabinet {

struct Attachment {
  std::string name;
  Bytes octets;
};
/// A content from outside, octet by octet.
struct GivenContent {
  std::string type = "22";  ///< Number of a built-in one, or an object identifier.
  Bytes octets;
};
enum class ReceiptRequest : std::uint8_t { None, NonReceipt, Receipt };

/// Addresses are O/R addresses in any text form; texts UTF-8; times seconds since 1970.
struct Request {
  std::vector<std::string> to, cc, bcc;
  std::string subject, text;
  std::vector<Attachment> attachments;
  ipm::ImportanceField importance = ipm::ImportanceField::Normal;
  sdk::Priority priority = sdk::Priority::Normal;
  sdk::ReportRequest report = sdk::ReportRequest::NonDelivery;
  ReceiptRequest receipt = ReceiptRequest::None;
  std::optional<std::int64_t> deferred_until, latest_delivery;
  std::optional<GivenContent> content;  ///< In place of subject, text and attachments.
  std::optional<Item> reply_to;         ///< A message that this one answers.
};

struct Composed {
  Item item;                    ///< A draft, without history.
  std::vector<Bytes> contents;  ///< One for each of its copies.
};
/// `user`: who sends it, canonical text. `id` names the item, and the message to the world. BadInput names the field of the request.
[[nodiscard]] Result<Composed> compose(const Request& request, const std::string& user, const MessageId& id, WallTime now);

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

[[nodiscard]] ipm::IPMIdentifier ipm_identifier_of(const Item& item);
/// BadInput: no O/R address.
[[nodiscard]] Result<oraddress::ORName> name_in(const std::string& address, std::string_view field);

}  // namespace postern::cabinet
