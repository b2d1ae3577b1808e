// The real DNS for one-shot verbs: asks everything at once, waits, and hands the answers to an engine as a table.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "dns/record.hpp"

namespace postern::cli {

using DnsQuestion = std::pair<std::string, dns::RecordType>;

/// Validating resolver with the forwarders of resolv.conf. A question that fails is a ServFail in the table.
[[nodiscard]] Result<dns::AnswerTable> ask_dns(const std::vector<DnsQuestion>& questions);

/// Runs `judge` over what is known until nothing is open (dns/questions.hpp), asking between. Unavailable after `kMostRounds`.
inline constexpr int kMostRounds = 64;
[[nodiscard]] Status ask_dns_in_rounds(const std::function<void(DnsPort&)>& judge);

}  // namespace postern::cli
