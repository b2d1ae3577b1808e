// Fields in words. Private to the room; read.hpp is the public face.
#pragma once

#include "ipm/read.hpp"

namespace postern::ipm {

[[nodiscard]] std::vector<FieldLine> field_lines(const Heading& heading);
[[nodiscard]] std::vector<FieldLine> field_lines(const IPN& ipn);
/// "read on 2026-11-26 07:00 UTC", "not read: discarded, its expiry time had passed".
[[nodiscard]] std::string words_of(const NonReceiptFields& fields);
[[nodiscard]] std::string words_of(const ReceiptFields& fields);

}  // namespace postern::ipm
