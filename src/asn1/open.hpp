// How value notation finds out what an open value holds. Private to to_json.cpp and from_json.cpp.
#pragma once

#include "asn1/schema.hpp"

namespace postern::asn1 {

/// What decides about the open values of a component. A component hands it on through the CHOICEs and lists in it, not into structures,
/// which have siblings of their own.
struct Opening {
  Resolver resolver = nullptr;
  const void* parent = nullptr;

  /// nullptr: not known.
  [[nodiscard]] const Type* type() const {
    const Type* found = resolver != nullptr ? resolver(parent) : nullptr;
    return found != nullptr && found->fresh != nullptr ? found : nullptr;
  }
  [[nodiscard]] Opening within(const Field& field, const void* owner) const {
    return field.resolve != nullptr ? Opening{field.resolve, owner} : *this;
  }
};

/// Open values in open values that are shown as what they hold; deeper ones are octets.
inline constexpr std::size_t kMaxOpened = 16;

}  // namespace postern::asn1
