// From findings (compare.hpp) to one update of a zone (update.hpp): what is added, what is removed, and what must not have changed. Pure.
//
// Only the findings' own records are touched: an SPF record among other TXT records goes by its value, the others stay; other MX hosts and
// addresses stay; a record that is valid stays where the operator chose nothing.
#pragma once

#include <string_view>

#include "dnszone/compare.hpp"
#include "dnszone/update.hpp"

namespace postern::dnszone {

/// Names outside the zone are left out. A record that joins an RRset takes its TTL, since an RRset has one (RFC 2181 5.2). `dns` must give
/// the answers that the comparison was made of. What a wildcard
/// may have put under a name is no expectation. Nothing to do: an update without records.
[[nodiscard]] Update plan_update(const Comparison& comparison, std::string_view zone, DnsPort& dns);

/// The update in as many messages as it needs; what one name needs stays in one of them. One message is done as a whole or not at all,
/// several are not: the keys of many people may be published in part, and publishing again does the rest. TooLarge: one name needs more
/// than a message holds.
[[nodiscard]] Result<std::vector<Update>> split_update(const Update& update);

}  // namespace postern::dnszone
