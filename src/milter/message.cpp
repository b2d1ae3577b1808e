#include "milter/message.hpp"

#include <algorithm>

namespace postern::milter {

namespace {

std::string_view without_braces(std::string_view name) noexcept {
  const bool braced = name.size() >= 2 && name.front() == '{' && name.back() == '}';
  return braced ? name.substr(1, name.size() - 2) : name;
}

const std::string* look_up(const std::array<Macros::Map, kStages>& stages, std::string_view name) noexcept {
  name = without_braces(name);
  for (std::size_t i = stages.size(); i-- > 0;) {
    const auto found = stages[i].find(name);
    if (found != stages[i].end()) return &found->second;
  }
  return nullptr;
}

}  // namespace

std::string_view Macros::find(std::string_view name) const noexcept {
  const std::string* value = look_up(m_stages, name);
  return value == nullptr ? std::string_view() : *value;
}

bool Macros::contains(std::string_view name) const noexcept { return look_up(m_stages, name) != nullptr; }

std::size_t Macros::bytes() const noexcept {
  std::size_t sum = 0;
  for (const Map& stage : m_stages)
    for (const auto& [name, value] : stage) sum += name.size() + value.size();
  return sum;
}

std::size_t Macros::count() const noexcept {
  std::size_t sum = 0;
  for (const Map& stage : m_stages) sum += stage.size();
  return sum;
}

void Macros::set(Stage stage, std::string_view name, std::string_view value) {
  m_stages[static_cast<std::size_t>(stage)].insert_or_assign(std::string(without_braces(name)), std::string(value));
}

void Macros::forget_from(Stage first) noexcept {
  for (std::size_t i = static_cast<std::size_t>(first); i < m_stages.size(); ++i) m_stages[i].clear();
}

std::string_view Path::address() const noexcept {
  std::string_view text = path;
  if (text.starts_with('<')) text.remove_prefix(1);
  if (text.ends_with('>')) text.remove_suffix(1);
  return text;
}

std::string_view Message::header() const noexcept {
  std::string_view head = std::string_view(raw).substr(0, body_at);
  // The empty line is there whenever a body begins; a message that ends inside its header section has none.
  if (head == "\r\n" || head == "\n") return {};
  if (head.ends_with("\n\r\n"))
    head.remove_suffix(2);
  else if (head.ends_with("\n\n"))
    head.remove_suffix(1);
  return head;
}

std::size_t find_body(std::string_view raw) noexcept {
  for (std::size_t line = 0; line < raw.size();) {
    if (raw.substr(line).starts_with("\r\n")) return line + 2;
    if (raw[line] == '\n') return line + 1;
    const std::size_t end = raw.find('\n', line);
    if (end == std::string_view::npos) break;
    line = end + 1;
  }
  return raw.size();
}

}  // namespace postern::milter
