// Names of files that strangers chose.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "ipm/read.hpp"

namespace postern::ipm {

namespace {

constexpr std::size_t longest = 200;  // leaves room for a number or ".part" within the 255 octets of common file systems

// Names of devices on Windows, with whatever extension.
bool is_reserved(std::string_view name) {
  static constexpr std::array<std::string_view, 4> devices{"con", "prn", "aux", "nul"};
  const std::string stem = to_lower(name.substr(0, name.find('.')));
  if (std::ranges::find(devices, stem) != devices.end()) return true;
  return stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) && is_digit(stem[3]);
}

bool is_forbidden(char c) {
  const auto value = static_cast<unsigned char>(c);
  return value < 0x20 || value == 0x7F || std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos;
}

/// Octets of a character that turns the reading direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) or is a C1 control or a byte
/// order mark: they make "exe.txt" of "txt.exe" to the eye.
std::size_t hidden_octets(std::string_view rest) {
  if (rest.size() >= 2 && rest[0] == '\xC2' && static_cast<unsigned char>(rest[1]) < 0xA0) return 2;
  if (rest.size() < 3) return 0;
  const auto second = static_cast<unsigned char>(rest[1]);
  const auto third = static_cast<unsigned char>(rest[2]);
  if (rest.starts_with("\xEF\xBB\xBF")) return 3;
  if (rest[0] != '\xE2') return 0;
  const bool mark = second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE));
  const bool isolate = second == 0x81 && third >= 0xA6 && third <= 0xA9;
  return mark || isolate ? 3 : 0;
}

std::string without_forbidden(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t hidden = hidden_octets(text.substr(i)); hidden != 0) {
      i += hidden;
      continue;
    }
    out += is_forbidden(text[i]) ? '_' : text[i];
    ++i;
  }
  return out;
}

/// Cut to the limit between characters, the extension kept where it is a short one.
std::string shortened(std::string name) {
  if (name.size() <= longest) return name;
  const std::size_t dot = name.rfind('.');
  const std::string extension = dot != std::string::npos && name.size() - dot <= 12 ? name.substr(dot) : "";
  std::size_t cut = longest - extension.size();
  while (cut > 0 && (static_cast<unsigned char>(name[cut]) & 0xC0U) == 0x80) --cut;
  return name.substr(0, cut) + extension;
}

}  // namespace

std::string safe_file_name(std::string_view utf8, std::string_view fallback) {
  if (!is_utf8(utf8)) return std::string(fallback);
  // Folders that came with the name are not ours.
  const std::size_t folder = utf8.find_last_of("/\\");
  std::string name = without_forbidden(folder == std::string_view::npos ? utf8 : utf8.substr(folder + 1));
  const std::size_t first = name.find_first_not_of(". ");
  if (first == std::string::npos) return std::string(fallback);
  name = name.substr(first, name.find_last_not_of(". ") - first + 1);
  if (is_reserved(name)) name.insert(0, "_");
  return shortened(std::move(name));
}

}  // namespace postern::ipm
