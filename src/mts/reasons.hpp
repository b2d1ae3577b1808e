// Why a message did not arrive, in the standard's name and in words for people (X.411 8.3.1.2.1.10, 8.3.1.2.1.11).
#pragma once

#include "mts/types.hpp"

namespace postern::mts {

/// One code of the table.
struct CodeInfo {
  std::int64_t code = 0;
  std::string_view name;   ///< "unrecognised-OR-name"
  std::string_view words;  ///< "the recipient's address is not known there"
};
[[nodiscard]] std::span<const CodeInfo> reason_codes();
[[nodiscard]] std::span<const CodeInfo> diagnostic_codes();
/// nullptr: a code the standard has not given out.
[[nodiscard]] const CodeInfo* info_of(NonDeliveryReasonCode code);
[[nodiscard]] const CodeInfo* info_of(NonDeliveryDiagnosticCode code);

/// "unable-to-transfer, unrecognised-OR-name: the recipient's address is not known there".
[[nodiscard]] std::string words_of(const NonDeliveryReport& report);

}  // namespace postern::mts
