// Puts a message together from header fields and body chunks, within bounds, and finds out where the MTA sent it whole in the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "milter/message.hpp"

namespace postern::milter {

/// Which bound the next piece would pass. The piece was counted and not kept.
enum class Excess : std::uint8_t { None, HeaderFields, HeaderBytes, MessageBytes };

struct ContentBounds {
  std::size_t message_bytes = 0;
  std::size_t header_bytes = 0;
  std::size_t header_fields = 0;
};

/// How the MTA gives header fields.
struct FieldForm {
  Peer peer = Peer::Standard;
  bool lead_space = false;  ///< SMFIP_HDR_LEADSPC: values begin right behind the colon.
};

class Content {
 public:
  explicit Content(const ContentBounds& bounds) noexcept : m_bounds(bounds) {}

  /// A field of SMFIC_HEADER. The lines of a value come with LF between them (libmilter's documentation of xxfi_header) and are given CRLF.
  /// BadInput for what would not be one field: a name that is none, a line that does not begin with white space. Stalwart's odd fields
  /// are left out instead; its body has the truth.
  [[nodiscard]] Result<Excess> add_field(std::string_view name, std::string_view value, FieldForm form);
  /// SMFIC_EOH, or the first chunk where that was not asked for.
  void end_header();
  [[nodiscard]] Excess add_body(std::string_view chunk, Peer peer);

  /// Gives raw, body_at and body_has_header, and is empty afterwards. A body is taken for the whole message where `message.peer` is
  /// Stalwart and it has the fields' first name in a header section; and where `nameless` says that the MTA has told nothing about itself
  /// and the body begins with every one of the fields. An MTA that names itself is never compared: there a sender could write that body.
  void finish(Message& message, bool nameless);
  /// Keeps nothing but the count.
  void drop() noexcept;
  void clear() noexcept;
  /// Of a piece that is not to be kept.
  void count(std::size_t octets) noexcept { m_octets += octets; }

  /// All octets of fields and chunks, kept or not.
  [[nodiscard]] std::uint64_t octets() const noexcept { return m_octets; }

 private:
  [[nodiscard]] bool is_whole_message(Peer peer, bool nameless) const;

  ContentBounds m_bounds;
  std::string m_raw;
  std::size_t m_fields = 0;
  std::size_t m_body_at = 0;
  std::uint64_t m_octets = 0;
  bool m_header_ended = false;
};

/// Whether `given`, a header section made of SMFIC_HEADER, tells the fields of `section`, trimmed and with values that are no UTF-8 left
/// empty, as Stalwart does. False when there are none.
[[nodiscard]] bool same_fields(std::string_view given, std::string_view section);

}  // namespace postern::milter
