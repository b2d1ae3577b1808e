// The public suffix list (publicsuffix.org): below which names domains are registered. For DMARC as RFC 7489 3.2 wants it; its successor
// asks DNS instead (dmarc.hpp).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"

namespace postern {

class PublicSuffixList {
 public:
  /// The text of the list, with its private part. Rules in U-labels are kept as A-labels; lines that are no rule are skipped. BadInput when
  /// nothing is left; TooLarge over 4 MiB.
  [[nodiscard]] static Result<PublicSuffixList> parse(std::string_view text);

  /// The registrable part of a normalized name: the public suffix and one label more; the name itself when it has no more labels.
  [[nodiscard]] std::string organizational_domain(std::string_view name) const;
  [[nodiscard]] std::size_t size() const noexcept { return m_rules.size(); }

 private:
  enum class Rule : char { Plain, Wildcard, Exception };
  std::unordered_map<std::string, Rule> m_rules;  // without "*." and "!"
};

}  // namespace postern
