// Records as the lines of a zone file (RFC 1035 5.1, RFC 3597 5, RFC 6698 2.2). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dns/record.hpp"

namespace postern::dnszone {

/// A text as the strings of a TXT record, 255 octets each at most (RFC 1035 3.3; RFC 7208 3.3 and RFC 6376 3.6.2.2 put them together).
[[nodiscard]] std::vector<std::string> split_txt(std::string_view text);

/// The data of a record: names with their last dot, strings in quotes, with \" \\ and \DDD where they are needed.
[[nodiscard]] std::string data_text(const dns::RecordData& data);

/// "example.org. 3600 IN MX 10 mx.example.org."
[[nodiscard]] std::string zone_line(const dns::Record& record);

}  // namespace postern::dnszone
