#include "line_input.hpp"

#include <limits>

namespace postern::cli {

bool LineInput::next() {
  if (!m_in) return false;
  m_in.getline(m_buffer.data(), static_cast<std::streamsize>(m_buffer.size()));
  const auto got = static_cast<std::size_t>(m_in.gcount());  // with the line end that was taken, without the zero that stands for it
  m_too_long = m_in.fail() && !m_in.eof() && got > 0;
  if (m_in.fail() && !m_too_long) return false;
  m_line = std::string_view(m_buffer.data(), m_in.eof() || m_too_long ? got : got - 1);
  ++m_number;
  if (m_too_long) {
    m_in.clear();
    m_in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  if (m_line.ends_with('\r')) m_line.remove_suffix(1);
  return true;
}

}  // namespace postern::cli
