// How large the data of an audit line would become: a string of two bytes in a request is a mask of 78 in its line, so that a body of 32
// MiB could make a line of 900. Inside vault/ only.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace postern::vault {

/// Of a mask with its quotes.
inline constexpr std::size_t kAuditMaskSize = 78;

/// Counts down from a limit, and looks at no more than fits. An estimate from above.
class AuditWeight {
 public:
  AuditWeight(const std::vector<std::string>* plain_keys, bool raw, std::size_t left)
      : m_plain_keys(plain_keys), m_raw(raw), m_left(left) {}

  /// False when it is too much; then left() says nothing more.
  [[nodiscard]] bool take(const boost::json::value& value, bool plain, unsigned depth);
  [[nodiscard]] bool take_key(std::string_view name);
  [[nodiscard]] bool take(std::size_t bytes);
  [[nodiscard]] std::size_t left() const noexcept { return m_left; }

 private:
  [[nodiscard]] bool take_object(const boost::json::object& object, unsigned depth);
  [[nodiscard]] bool take_array(const boost::json::array& array, bool plain, unsigned depth);
  const std::vector<std::string>* m_plain_keys;
  bool m_raw;
  std::size_t m_left;
};

}  // namespace postern::vault
