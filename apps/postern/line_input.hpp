// Lines of a stream, one at a time and never larger than agreed.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>

namespace postern::cli {

class LineInput {
 public:
  /// Lines of at most `most` bytes, without their ends.
  LineInput(std::istream& in, std::size_t most) : m_in(in), m_most(most) {}

  /// False at the end of the stream. A line that is too long is read to its end; only its beginning is kept then.
  [[nodiscard]] bool next();
  /// Until the next call.
  [[nodiscard]] std::string_view line() const noexcept { return m_line; }
  [[nodiscard]] bool too_long() const noexcept { return m_too_long; }
  /// From 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return m_number; }

 private:
  std::istream& m_in;
  std::size_t m_most;
  std::string m_line;
  std::uint64_t m_number = 0;
  bool m_too_long = false;
};

}  // namespace postern::cli
