// Reading interpersonal messages: what is in a content, flat and safe to show. Nothing in it is trusted: names of files are made harmless,
// texts are UTF-8 whatever came, nesting and numbers are bounded.
#pragma once

#include <string>
#include <vector>

#include "ipm/notification.hpp"

namespace postern::ipm {

struct ReadLimits {
  std::size_t depth = 16;   ///< Forwarded messages within forwarded messages.
  std::size_t parts = 500;  ///< In the whole tree.
};

/// A heading or notification field in words, in the order of the standard.
struct FieldLine {
  std::string name;  ///< "Primary recipient".
  std::string text;
  friend bool operator==(const FieldLine&, const FieldLine&) = default;
};

enum class PartKind { Text, File, Message, Notification, Report, Facsimile, Voice, Encrypted, Other };
[[nodiscard]] std::string_view name_of(PartKind kind) noexcept;

struct MessageView;
struct PartView {
  std::string number;  ///< "2.1": part 1 of the message that part 2 holds.
  PartKind kind = PartKind::Other;
  std::string type;                      ///< The standard's name ("general-text-body-part"), or the object identifier or tag.
  std::string text;                      ///< Text: all of it, lines end with LF.
  std::string remark;                    ///< What a reader should know: characters that were lost, why a file is not shown.
  std::string file_name;                 ///< Safe as the name of a file in one folder, unique among the parts of its message.
  Bytes content;                         ///< File, voice, facsimile, and everything that cannot be shown: octets to be saved.
  std::optional<std::int64_t> modified;  ///< Seconds since 1970.
  std::optional<asn1::Oid> application;
  asn1::Box<MessageView> message;  ///< Message, Notification.
};

struct MessageView {
  bool is_notification = false;
  std::string subject;
  std::vector<FieldLine> fields;
  std::vector<PartView> parts;
  bool cut = false;  ///< A limit was reached: there is more than is shown, here or further in.
};

[[nodiscard]] MessageView read(const InformationObject& object, const ReadLimits& limits = {});
/// A content as it came. BadInput and TooLarge as asn1::decode.
[[nodiscard]] Result<MessageView> read_content(ByteView content, const ReadLimits& limits = {}, const asn1::DecodeOptions& options = {});

/// The subject, the extended one where there is one (X.420 B.1.9), in UTF-8.
[[nodiscard]] std::string subject_of(const Heading& heading);
/// "Jane Doe <C=DE;…>", "C=DE;…", "+49 6151 …".
[[nodiscard]] std::string text_of(const ORDescriptor& descriptor);
[[nodiscard]] std::string text_of(const oraddress::ORName& name);
[[nodiscard]] std::string text_of(const IPMIdentifier& identifier);
/// "2026-11-26 07:00 UTC"; the characters as they came where they are no time.
[[nodiscard]] std::string text_of(const asn1::UtcTime& time);

/// A name that is one file in one folder on every system: no separators, control or direction characters, no leading dot or reserved name,
/// at most 200 octets. `fallback` stands where nothing is left.
[[nodiscard]] std::string safe_file_name(std::string_view utf8, std::string_view fallback);

}  // namespace postern::ipm
