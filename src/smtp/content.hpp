// Message content on the wire: reading DATA and BDAT, writing DATA. Works over spans (memchr, memcpy); no per-byte work on sound content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/content_budget.hpp"
#include "base/limits.hpp"

namespace postern::smtp {

/// What was wrong with content; any of these refuses the message. But for `no_room`, facts that do not depend on how the bytes were cut;
/// after a bare line end the others are not looked for.
struct ContentFaults {
  bool bare_line_end = false;  ///< A CR without LF or an LF without CR (RFC 5321 2.3.8).
  bool nul = false;            ///< RFC 5321 2.3.8 by way of RFC 5322: no NUL outside BINARYMIME.
  bool too_large = false;      ///< More than limits.message_bytes.
  bool line_too_long = false;  ///< A line above limits.line_accepted, CRLF not counted.
  bool no_room = false;        ///< The budget of all sessions is used up: not the message's fault, it may come again.
  [[nodiscard]] bool any() const noexcept { return bare_line_end || nul || too_large || line_too_long || no_room; }
};

/// Collects the content of one message. Once a fault is known the content is dropped and reading only looks for the end.
class ContentReader {
 public:
  enum class End : std::uint8_t {
    Open,
    Reached,  ///< CRLF "." CRLF.
    /// A dot on a line of its own between line ends of which one is not CRLF: what SMTP smuggling uses and broken clients send. Whoever
    /// wrote it believes the message ends here, we do not; the only safe way on is to say so and hang up.
    False,
  };

  /// `binary`: BODY=BINARYMIME, where nothing but the size is checked. `budget` counts what is held; null: unlimited.
  ContentReader(const Limits& limits, bool binary, std::shared_ptr<ContentBudget> budget = nullptr)
      : m_share(std::move(budget)), m_max_bytes(limits.message_bytes), m_max_line(limits.line_accepted), m_binary(binary) {}

  /// Room for what the client announced with SIZE=, within the limit and within reason (a promise costs nothing to make).
  void reserve(std::uint64_t announced);
  /// DATA: takes input up to the end of content, removing the stuffed dots (RFC 5321 4.5.2). Returns how many octets belonged to it.
  std::size_t read_dotted(std::string_view input);
  /// BDAT: all of the input is content.
  void read_chunk(std::string_view input);
  /// BDAT LAST has been read: a CR waiting for its LF waits no longer.
  void finish_chunks();

  [[nodiscard]] End end() const noexcept { return m_end; }
  [[nodiscard]] const ContentFaults& faults() const noexcept { return m_faults; }
  /// Octets seen, kept or not.
  [[nodiscard]] std::uint64_t received() const noexcept { return m_received; }
  /// The content goes on counting against the budget until the reader is destroyed.
  [[nodiscard]] std::string take() noexcept { return std::move(m_content); }

 private:
  enum class At : std::uint8_t { LineStart, InLine, Cr, Dot, DotCr };
  enum class Broken : std::uint8_t { No, InLine, Cr, TrueStart, FalseStart, TrueDot, FalseDot, TrueDotCr };

  std::size_t read_lines(std::string_view input, bool dotted);
  bool step(char c);
  void step_broken(char c) noexcept;
  void break_off(Broken state);
  void keep(std::string_view span);
  void count_line(std::size_t octets);
  void drop();

  std::string m_content;
  ContentShare m_share;
  std::uint64_t m_received = 0;
  std::uint64_t m_size = 0;  ///< Of the content, kept or not.
  std::size_t m_max_bytes;
  std::size_t m_max_line;
  std::size_t m_line = 0;  ///< Octets of the current line so far.
  ContentFaults m_faults;
  At m_at = At::LineStart;
  Broken m_broken = Broken::No;
  End m_end = End::Open;
  bool m_binary;
};

/// Facts about content that is to be sent, in one pass each.
struct ContentFacts {
  bool bare_line_end = false;
  bool nul = false;
  bool eight_bit = false;         ///< Anywhere.
  bool eight_bit_header = false;  ///< Before the first empty line: needs SMTPUTF8 (RFC 6532).
  bool ends_with_crlf = false;
  std::size_t longest_line = 0;  ///< Without CRLF.
};
[[nodiscard]] ContentFacts inspect_content(std::string_view content);

/// RFC 5321 4.5.2: appends `piece` of content with a dot before every dot that starts a line. `line_start` carries over between pieces;
/// true at first.
void append_stuffed(std::string& out, std::string_view piece, bool& line_start);

}  // namespace postern::smtp
