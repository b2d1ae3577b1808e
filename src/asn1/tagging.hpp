// The tags one value stands under: those of its type, with what its component adds (X.680 31.2). Private to the interpreter.
#pragma once

#include <array>
#include <span>

#include "asn1/schema.hpp"

namespace postern::asn1 {

/// Outermost first. Types of this family have at most three tags; a description with more than eight is our own bug.
class TagList {
 public:
  TagList(const Type& type, const std::optional<Tagging>& added) {
    std::span<const Tag> own = type.tags;
    if (added) {
      push(added->tag);
      if (!added->is_explicit && !own.empty()) own = own.subspan(1);
    }
    for (const Tag tag : own) push(tag);
  }
  [[nodiscard]] std::span<const Tag> all() const noexcept { return std::span(m_tags).first(m_count); }

 private:
  void push(Tag tag) { m_tags.at(m_count++) = tag; }
  std::array<Tag, 8> m_tags{};
  std::size_t m_count = 0;
};

/// Whether an element that begins with `tag` can be a value of this type under this tagging.
[[nodiscard]] bool begins(const Type& type, const std::optional<Tagging>& added, Tag tag);
/// CHOICE and ANY: kinds whose content has no tag of its own.
[[nodiscard]] constexpr bool is_untagged(Kind kind) noexcept { return kind == Kind::Choice || kind == Kind::Any; }
[[nodiscard]] constexpr bool is_list(Kind kind) noexcept { return kind == Kind::SequenceOf || kind == Kind::SetOf; }
[[nodiscard]] constexpr bool is_structure(Kind kind) noexcept { return kind == Kind::Sequence || kind == Kind::Set; }
/// "DE" of a BmpString is two characters: what a size constraint counts (X.680 51.5).
[[nodiscard]] constexpr std::size_t octets_per_character(Alphabet alphabet) noexcept {
  return alphabet == Alphabet::Universal ? 4 : alphabet == Alphabet::Bmp ? 2 : 1;
}
/// The bounds that hold for a value: its component's, else its type's.
struct Bounds {
  std::optional<std::int64_t> min, max;
  [[nodiscard]] bool allow(std::int64_t n) const noexcept { return (!min || n >= *min) && (!max || n <= *max); }
  [[nodiscard]] std::string text() const;
};
[[nodiscard]] Bounds bounds_of(const Type& type, const Field* field);

/// Where in a value the interpreter is, for errors: "Envelope.recipients[3].name".
class Path {
 public:
  explicit Path(std::string_view root) : m_root(root) { m_steps.reserve(16); }
  void enter(std::string_view name) { m_steps.push_back({name, no_index}); }
  void enter(std::size_t index) { m_steps.push_back({{}, index}); }
  void leave() { m_steps.pop_back(); }
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::size_t no_index = static_cast<std::size_t>(-1);
  struct Step {
    std::string_view name;
    std::size_t index;
  };
  std::string_view m_root;
  std::vector<Step> m_steps;
};

}  // namespace postern::asn1
