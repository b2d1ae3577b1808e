// Keys under which messages, their reports and their notifications find each other again. Equal for equal names (X.402 18.4); no text for
// people.
#pragma once

#include "ipm/heading.hpp"

namespace postern::ipm {

/// By O/R address; by directory name where there is no address.
[[nodiscard]] std::string key_of(const oraddress::ORName& name);
[[nodiscard]] bool same_name(const oraddress::ORName& a, const oraddress::ORName& b);
/// The user and the identifier. Some user agents leave the user away when they answer: key_of_local() then finds the candidates.
[[nodiscard]] std::string key_of(const IPMIdentifier& identifier);
[[nodiscard]] std::string key_of_local(const IPMIdentifier& identifier);
[[nodiscard]] std::string key_of(const mts::MTSIdentifier& identifier);

}  // namespace postern::ipm
