// Writing interpersonal messages: a draft in the words of people becomes the contents that are submitted.
//
//   Draft draft;
//   draft.this_ipm = {originator_name, "42-261126"};            // unique for this user; the caller's choice, as is every time
//   draft.originator.name = originator_name;
//   draft.primary = {{.party = {.name = jane}, .receipt_notification = true}};
//   draft.subject = "Lieferung";
//   draft.parts = {TextPart{"Grüße"}, FilePart{.name = "plan.pdf", .octets = octets}};
//   POSTERN_TRY(const Composed composed, compose(draft));
//   for (const Copy& copy : composed.copies) submit(copy.content, composed.content_type, composed.types, copy.recipients);
//
// Blind copy recipients get copies of their own (X.420 7.2.6), so that nobody else's content names them: one copy for all that the heading
// shows, then one for each blind copy recipient, whose heading names that one only.
#pragma once

#include "ipm/encoded_types.hpp"
#include "ipm/general_text.hpp"
#include "ipm/heading_extensions.hpp"

namespace postern::ipm {

/// Someone, as an O/R descriptor (X.420 7.1.3). Texts are UTF-8.
struct Party {
  std::optional<oraddress::ORName> name;
  std::string free_form_name{};  ///< At most 64 characters of T.61.
  std::string telephone{};       ///< At most 32 characters of PrintableString.
};
[[nodiscard]] Result<ORDescriptor> descriptor(const Party& party);

struct Recipient {
  Party party;                        ///< The name must be there.
  bool receipt_notification = false;  ///< Asks for non-receipt notification as well: silence would say nothing.
  bool non_receipt_notification = false;
  bool return_of_message = false;  ///< With the non-receipt notification.
  bool reply_requested = false;
  std::optional<std::int64_t> precedence{};  ///< 0..127 of the policy in the heading (X.420 B.2.2).
};

struct TextPart {
  std::string utf8;
  std::optional<TextForm> form{};  ///< The smallest that holds the text unless it is given.
};
struct FilePart {
  std::string name;  ///< Without folders. UTF-8; characters that GraphicString does not have become '_'.
  Bytes octets;
  std::optional<std::int64_t> created{};   ///< Seconds since 1970.
  std::optional<std::int64_t> modified{};  ///< Seconds since 1970.
  std::optional<asn1::Oid> application{};  ///< The registered identifier of what made it (environment, application-reference).
  std::string description{};               ///< The user-visible string.
};
struct ForwardedPart {
  IPM message;
  std::optional<std::int64_t> delivery_time{};  ///< Seconds since 1970.
  std::optional<mts::OtherMessageDeliveryFields> envelope{};
};
/// The last one goes out as it is.
using Part = std::variant<TextPart, FilePart, ForwardedPart, BodyPart>;

struct Draft {
  IPMIdentifier this_ipm;
  Party originator;
  std::vector<Party> authorizing_users;
  std::vector<Recipient> primary, copy, blind_copy;
  std::string subject;  ///< UTF-8, at most 256 characters; beyond T.61 or 128 characters as extended subject (X.420 B.1.9).
  ImportanceField importance = ImportanceField::Normal;
  std::optional<SensitivityField> sensitivity;
  std::optional<IPMIdentifier> replied_to;
  std::vector<IPMIdentifier> obsoleted, related;
  std::optional<std::int64_t> expiry_time, reply_time;  ///< Seconds since 1970.
  std::vector<Party> reply_recipients;
  std::optional<AutoSubmitted> auto_submitted;
  std::vector<std::string> languages;  ///< "de", "de-CH".
  std::vector<Part> parts;
};

/// How a file travels. Some old user agents know bilaterally defined parts only, which have no name.
enum class FileForm { FileTransfer, BilaterallyDefined };
struct ComposeOptions {
  FileForm files = FileForm::FileTransfer;
};

struct Copy {
  IPM message;
  Bytes content;                              ///< InformationObject, BER.
  std::vector<oraddress::ORName> recipients;  ///< Who gets this copy.
};
struct Composed {
  mts::BuiltInContentType content_type{};  ///< P2 where it suffices, P22 otherwise.
  mts::EncodedInformationTypes types;
  std::vector<Copy> copies;
};

/// BadInput names the field of the draft and what to change.
[[nodiscard]] Result<Composed> compose(const Draft& draft, const ComposeOptions& options = {});
/// One file as a body part.
[[nodiscard]] Result<BodyPart> file_body_part(const FilePart& file, FileForm form);

}  // namespace postern::ipm
