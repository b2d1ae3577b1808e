#include "smtp/content.hpp"

#include <algorithm>
#include <cstring>

namespace postern::smtp {

namespace {

constexpr std::uint64_t kMaxReserve = 4U * 1024 * 1024;

/// Position of `c` in text from `from` on, or text.size().
std::size_t find(std::string_view text, char c, std::size_t from) noexcept {
  const void* hit = from < text.size() ? std::memchr(text.data() + from, c, text.size() - from) : nullptr;
  return hit == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
}
bool holds(std::string_view text, char c) noexcept { return find(text, c, 0) != text.size(); }

bool has_eight_bit(std::string_view text) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::uint64_t seen = 0;
  for (; text.size() >= 32; text.remove_prefix(32)) {
    std::uint64_t word[4];
    std::memcpy(word, text.data(), sizeof word);
    seen |= word[0] | word[1] | word[2] | word[3];
  }
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & kHighBits) != 0;
}

}  // namespace

void ContentReader::reserve(std::uint64_t announced) {
  m_content.reserve(static_cast<std::size_t>(std::min({announced, static_cast<std::uint64_t>(m_max_bytes), kMaxReserve})));
}

void ContentReader::drop() {
  std::string().swap(m_content);
  m_share.release();
}

void ContentReader::keep(std::string_view span) {
  // Every fault is found whatever was found before it, so that the verdict does not depend on how the octets arrived.
  m_size += span.size();
  if (m_size > m_max_bytes) m_faults.too_large = true;
  if (!m_binary && !m_faults.nul && holds(span, '\0')) m_faults.nul = true;
  if (!m_faults.any() && !m_share.grow_to(m_size)) m_faults.no_room = true;
  if (m_faults.any()) return drop();
  m_content.append(span);
}

void ContentReader::count_line(std::size_t octets) {
  m_line += octets;
  if (m_line <= m_max_line || m_faults.line_too_long) return;
  m_faults.line_too_long = true;
  drop();
}

/// From here on nothing but the end matters; the other faults are forgotten, since how many were found depends on the cut.
void ContentReader::break_off(Broken state) {
  m_faults = {};
  m_faults.bare_line_end = true;
  m_broken = state;
  drop();
}

std::size_t ContentReader::read_dotted(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && m_end == End::Open) {
    if (m_broken != Broken::No) {
      step_broken(input[at++]);
    } else if (m_at == At::LineStart || m_at == At::InLine) {
      at += read_lines(input.substr(at), true);
    } else if (step(input[at])) {
      ++at;
    }
  }
  m_received += at;
  return at;
}

void ContentReader::read_chunk(std::string_view input) {
  m_received += input.size();
  if (m_binary) return keep(input);
  for (std::size_t at = 0; at < input.size() && m_broken == Broken::No;) {
    if (m_at == At::LineStart || m_at == At::InLine) {
      at += read_lines(input.substr(at), false);
    } else if (step(input[at])) {
      ++at;
    }
  }
}

void ContentReader::finish_chunks() {
  if (!m_binary && m_at == At::Cr && m_broken == Broken::No) break_off(Broken::Cr);
}

/// The fast way: whole lines, then one append of everything between two removed dots. Stops where step() or step_broken() must go on.
std::size_t ContentReader::read_lines(std::string_view input, bool dotted) {
  std::size_t line = 0;
  while (line < input.size()) {
    if (m_at == At::LineStart) {
      m_line = 0;
      if (dotted && input[line] == '.') {  // RFC 5321 4.5.2: a stuffed dot, or the end; either way it is not content
        keep(input.substr(0, line));
        m_at = At::Dot;
        return line + 1;
      }
    }
    const std::size_t cr = find(input, '\r', line);
    const std::size_t lf = find(input.substr(0, cr), '\n', line);
    if (lf < cr) {  // an LF without CR
      break_off(Broken::FalseStart);
      return lf + 1;
    }
    count_line(cr - line);
    m_at = At::InLine;
    if (cr + 1 >= input.size()) {  // the CR is held back until its LF is seen
      keep(input.substr(0, cr));
      if (cr < input.size()) m_at = At::Cr;
      return input.size();
    }
    if (input[cr + 1] != '\n') {
      break_off(Broken::Cr);
      return cr + 1;
    }
    line = cr + 2;
    m_at = At::LineStart;
  }
  keep(input);
  return input.size();
}

/// One octet at the few places where its meaning depends on what came before. Whether it was taken.
bool ContentReader::step(char c) {
  if (m_at == At::Cr) {
    if (c != '\n') {
      break_off(Broken::Cr);
      return false;
    }
    keep("\r\n");
    m_at = At::LineStart;
    return true;
  }
  if (m_at == At::Dot) {
    if (c == '\r') {
      m_at = At::DotCr;
      return true;
    }
    if (c == '\n') {  // CRLF "." LF
      break_off(Broken::TrueDot);
      m_end = End::False;
      return true;
    }
    m_at = At::InLine;  // a stuffed line goes on behind its dot
    return false;
  }
  // RFC 5321 4.1.1.4: "the character sequence "<CRLF>.<CRLF>"" and no other ends the data.
  if (c != '\n') break_off(Broken::InLine);
  m_end = c == '\n' ? End::Reached : End::False;
  return true;
}

/// The slow way through content that is already refused: looks for the true end and for false ones.
void ContentReader::step_broken(char c) noexcept {
  const bool after_true = m_broken == Broken::TrueStart;
  const bool after_line = after_true || m_broken == Broken::FalseStart || m_broken == Broken::Cr;
  if (m_broken == Broken::TrueDotCr) {
    m_end = c == '\n' ? End::Reached : End::False;
  } else if (m_broken == Broken::TrueDot && c == '\r') {
    m_broken = Broken::TrueDotCr;
  } else if ((m_broken == Broken::TrueDot || m_broken == Broken::FalseDot) && (c == '\r' || c == '\n')) {
    m_end = End::False;
  } else if (c == '.' && after_line) {
    m_broken = after_true ? Broken::TrueDot : Broken::FalseDot;
  } else if (c == '\n') {
    m_broken = m_broken == Broken::Cr ? Broken::TrueStart : Broken::FalseStart;
  } else {
    m_broken = c == '\r' ? Broken::Cr : Broken::InLine;
  }
}

ContentFacts inspect_content(std::string_view content) {
  ContentFacts facts;
  facts.ends_with_crlf = content.ends_with("\r\n");
  facts.nul = holds(content, '\0');
  facts.eight_bit = has_eight_bit(content);
  if (facts.eight_bit) facts.eight_bit_header = has_eight_bit(content.substr(0, content.find("\r\n\r\n")));
  for (std::size_t line = 0; line < content.size();) {
    const std::size_t cr = find(content, '\r', line);
    const bool paired = cr + 1 < content.size() && content[cr + 1] == '\n';
    if (holds(content.substr(line, cr - line), '\n') || (cr < content.size() && !paired)) facts.bare_line_end = true;
    facts.longest_line = std::max(facts.longest_line, cr - line);
    line = cr + (paired ? 2 : 1);
  }
  return facts;
}

void append_stuffed(std::string& out, std::string_view piece, bool& line_start) {
  std::size_t copied = 0;
  for (std::size_t dot = find(piece, '.', 0); dot < piece.size(); dot = find(piece, '.', dot + 1)) {
    const bool starts_line = dot == 0 ? line_start : piece[dot - 1] == '\n';
    if (!starts_line) continue;
    out.append(piece.substr(copied, dot - copied)).push_back('.');
    copied = dot;
  }
  out.append(piece.substr(copied));
  if (!piece.empty()) line_start = piece.back() == '\n';
}

}  // namespace postern::smtp
