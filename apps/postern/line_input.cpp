#include "line_input.hpp"

#include <array>
#include <limits>

namespace postern::cli {

bool LineInput::next() {
  m_line.clear();
  m_too_long = false;
  if (!m_in) return false;
  std::array<char, 65536> piece;
  for (;;) {
    m_in.getline(piece.data(), piece.size());
    const auto got = static_cast<std::size_t>(m_in.gcount());
    const bool unfinished = m_in.fail() && !m_in.eof() && got > 0;
    if (m_in.fail() && !unfinished && m_line.empty()) return false;
    m_line.append(piece.data(), m_in.eof() || unfinished ? got : got - 1);  // gcount() counts the line end, which is not there
    if (!unfinished) break;
    m_in.clear();
    m_too_long = m_line.size() > m_most;
    if (m_too_long) m_in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    if (m_too_long) break;
  }
  ++m_number;
  m_too_long = m_too_long || m_line.size() > m_most;
  if (m_line.ends_with('\r')) m_line.pop_back();
  return true;
}

}  // namespace postern::cli
