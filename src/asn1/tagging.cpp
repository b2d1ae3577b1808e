#include "asn1/tagging.hpp"

#include <algorithm>

namespace postern::asn1 {

bool begins(const Type& type, const std::optional<Tagging>& added, Tag tag) {
  if (added) return added->tag == tag;
  if (!type.tags.empty()) return type.tags.front() == tag;
  if (type.kind == Kind::Any) return true;
  return std::any_of(type.fields.begin(), type.fields.end(), [&](const Field& each) { return begins(each.type(), each.tagging, tag); });
}

std::string Bounds::text() const {
  if (min && max) return std::to_string(*min) + ".." + std::to_string(*max);
  return min ? "at least " + std::to_string(*min) : "at most " + std::to_string(max.value_or(0));
}

Bounds bounds_of(const Type& type, const Field* field) {
  if (field != nullptr && (field->min || field->max)) return {field->min, field->max};
  return {type.min, type.max};
}

std::string Path::text() const {
  std::string out(m_root);
  for (const Step& step : m_steps) {
    if (step.index != no_index) {
      out += "[" + std::to_string(step.index) + "]";
    } else {
      if (!out.empty()) out += ".";
      out += step.name;
    }
  }
  return out;
}

}  // namespace postern::asn1
