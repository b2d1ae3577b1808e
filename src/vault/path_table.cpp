#include "vault/path_table.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"

namespace postern::vault {

struct PathTable::Node {
  struct Capture {
    std::string_view name;
    bool engine_name = false;
    std::unique_ptr<Node> next;
  };
  struct Rest {
    std::string_view name;
    const PathSpec* spec;
    bool may_be_empty;
  };
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::vector<Capture> captures;
  std::optional<Rest> rest;
  const PathSpec* spec = nullptr;

  [[nodiscard]] const PathSpec* find(std::string_view path, bool at_end, Captures& captured) const;
  [[nodiscard]] const PathSpec* find_capture(std::string_view segment, std::string_view after, bool last, Captures& captured) const;
  [[nodiscard]] const PathSpec* find_rest(std::string_view path, bool at_end, Captures& captured) const;
};

namespace {

[[noreturn]] void bad_pattern(const PathSpec& spec, const char* why) { throw std::logic_error("path \"" + spec.pattern + "\": " + why); }

FieldType declared_type(const PathSpec& spec, std::string_view name) {
  const auto field = std::ranges::find(spec.fields, name, &FieldSpec::name);
  if (field == spec.fields.end()) bad_pattern(spec, "a capture is not declared as a field");
  return field->type;
}

}  // namespace

PathTable::PathTable(const std::vector<PathSpec>& specs) : m_root(std::make_unique<Node>()) {
  for (const PathSpec& spec : specs) {
    Node* node = m_root.get();
    bool open = true;  // a rest ends the pattern
    for (std::string_view segment : split(spec.pattern, '/')) {
      if (!open) bad_pattern(spec, "the rest must come last");
      if (segment.size() < 2 || segment.front() != '{' || segment.back() != '}') {
        if (spec.pattern.empty()) break;
        std::unique_ptr<Node>& next = node->literals[std::string(segment)];
        if (next == nullptr) next = std::make_unique<Node>();
        node = next.get();
        continue;
      }
      std::string_view name = segment.substr(1, segment.size() - 2);
      const bool may_be_empty = name.ends_with("...?");
      if (may_be_empty || name.ends_with("...")) {
        name.remove_suffix(may_be_empty ? 4 : 3);
        (void)declared_type(spec, name);
        if (node->rest) bad_pattern(spec, "another pattern has the same shape");
        node->rest = Node::Rest{name, &spec, may_be_empty};
        open = false;
        continue;
      }
      const bool engine_name = declared_type(spec, name) == FieldType::Name;
      const auto same = std::ranges::find_if(
          node->captures, [&](const Node::Capture& capture) { return capture.name == name && capture.engine_name == engine_name; });
      if (same != node->captures.end()) {
        node = same->next.get();
        continue;
      }
      node->captures.push_back({name, engine_name, std::make_unique<Node>()});
      node = node->captures.back().next.get();
    }
    if (!open) continue;
    if (node->spec != nullptr) bad_pattern(spec, "another pattern has the same shape");
    node->spec = &spec;
  }
}
PathTable::PathTable(PathTable&&) noexcept = default;
PathTable& PathTable::operator=(PathTable&&) noexcept = default;
PathTable::~PathTable() = default;

const PathSpec* PathTable::Node::find(std::string_view path, bool at_end, Captures& captured) const {
  if (at_end) return spec != nullptr ? spec : find_rest(path, at_end, captured);
  const std::size_t slash = path.find('/');
  const bool last = slash == std::string_view::npos;
  const std::string_view segment = path.substr(0, slash);
  const std::string_view after = last ? std::string_view() : path.substr(slash + 1);
  if (const auto literal = literals.find(segment); literal != literals.end()) {
    if (const PathSpec* found = literal->second->find(after, last, captured)) return found;
  }
  if (const PathSpec* found = find_capture(segment, after, last, captured)) return found;
  return find_rest(path, at_end, captured);
}

const PathSpec* PathTable::Node::find_capture(std::string_view segment, std::string_view after, bool last, Captures& captured) const {
  if (segment.empty()) return nullptr;
  for (const Capture& capture : captures) {
    if (capture.engine_name && !is_engine_name(segment)) continue;
    captured.emplace_back(capture.name, segment);
    if (const PathSpec* found = capture.next->find(after, last, captured)) return found;
    captured.pop_back();
  }
  return nullptr;
}

const PathSpec* PathTable::Node::find_rest(std::string_view path, bool at_end, Captures& captured) const {
  if (!rest || ((at_end || path.empty()) && !rest->may_be_empty)) return nullptr;
  captured.emplace_back(rest->name, path);
  return rest->spec;
}

std::optional<PathMatch> PathTable::match(std::string_view path, Operation operation) const {
  if ((operation == Operation::List || operation == Operation::Scan) && path.ends_with('/')) path.remove_suffix(1);
  PathMatch found;
  found.spec = m_root->find(path, path.empty(), found.captures);
  if (found.spec == nullptr) return std::nullopt;
  return found;
}

}  // namespace postern::vault
