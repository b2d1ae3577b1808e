// Distinct types for texts that must not mix: a queue id is not a key name is not a domain.
//
//   using QueueId = Strong<std::string, struct QueueIdTag>;
#pragma once

#include <compare>
#include <functional>
#include <utility>

namespace postern {

/// A value of type T under a name of its own. No implicit conversion in or out; compares and hashes as T does.
template <class T, class Tag>
class Strong {
 public:
  Strong() = default;
  explicit Strong(T value) : m_value(std::move(value)) {}

  [[nodiscard]] const T& get() const noexcept { return m_value; }
  friend auto operator<=>(const Strong&, const Strong&) = default;

 private:
  T m_value{};
};

}  // namespace postern

template <class T, class Tag>
struct std::hash<postern::Strong<T, Tag>> {
  std::size_t operator()(const postern::Strong<T, Tag>& strong) const { return std::hash<T>{}(strong.get()); }
};
