// SMTP replies (RFC 5321 4.2) with enhanced status codes (RFC 2034, RFC 3463, RFC 5248): the value, its writer and its bounded reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::smtp {

/// RFC 3463 2: class "." subject "." detail. A class of 0 means "none".
struct EnhancedStatus {
  std::uint16_t category = 0;
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;

  [[nodiscard]] bool present() const noexcept { return category != 0; }
  /// "5.1.1", or empty.
  [[nodiscard]] std::string text() const;
  /// Exactly the form of RFC 3463 2 with class 2, 4 or 5; nothing for anything else.
  [[nodiscard]] static std::optional<EnhancedStatus> parse(std::string_view text) noexcept;
  friend bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;
};

/// One reply. The lines carry neither the codes nor line ends; there is at least one when it is written.
struct Reply {
  int code = 0;
  EnhancedStatus status;
  std::vector<std::string> lines;

  Reply() = default;
  Reply(int reply_code, EnhancedStatus enhanced, std::string text) : code(reply_code), status(enhanced) {
    lines.push_back(std::move(text));
  }

  [[nodiscard]] bool positive() const noexcept { return code >= 200 && code < 400; }
  [[nodiscard]] bool transient() const noexcept { return code >= 400 && code < 500; }
  [[nodiscard]] bool permanent() const noexcept { return code >= 500 && code < 600; }
  /// RFC 5321 3.8 and RFC 7504: after 421 and 521 the speaker closes the connection.
  [[nodiscard]] bool closes() const noexcept { return code == 421 || code == 521; }
  /// One line for logs, DSNs (Diagnostic-Code) and queue listings: "550 5.1.1 no such user". Printable ASCII.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Reply&, const Reply&) = default;
};

/// Appends the wire form. Every line carries the enhanced code (RFC 2034 4) when `status` is present and `enhanced` is set; control
/// characters and bytes outside ASCII become "?", and a line is cut to the 512 octets of RFC 5321 4.5.3.1.5.
void append_reply(std::string& out, const Reply& reply, bool enhanced = true);

/// Reads replies from a stream, bounded. Feed bytes with receive(); next() gives whole replies in order.
/// A line may end in CRLF or a lone LF: unlike in commands and content nothing can be smuggled past a reply, and old servers do it.
/// Does not interpret codes beyond "three digits, first 2..5".
class ReplyReader {
 public:
  static constexpr std::size_t kMaxLine = 2048;  ///< RFC 5321 4.5.3.1.5 says 512; longer is met in the field.
  static constexpr std::size_t kMaxLines = 128;
  static constexpr std::size_t kMaxBuffered = 64U * 1024;

  /// TooLarge when more than kMaxBuffered bytes wait unread.
  [[nodiscard]] Status receive(std::string_view bytes);
  /// A reply, or nothing when more bytes are needed; BadInput or TooLarge when what arrived is not a reply (then nothing can follow).
  [[nodiscard]] Result<std::optional<Reply>> next();
  /// Forgets what waits (RFC 3207 5: what came before TLS is not to be believed). Returns how many bytes that were.
  std::size_t discard();
  [[nodiscard]] bool empty() const noexcept { return m_at == m_buffer.size(); }

 private:
  std::optional<std::string_view> take_line();
  [[nodiscard]] Status add_line(std::string_view line, bool& last);

  std::string m_buffer;
  std::size_t m_at = 0;
  Reply m_partial;
};

}  // namespace postern::smtp
