// The sets of a chain as they stand in a header. Internal to mailauth/.
#pragma once

#include <array>

#include "mailauth/arc.hpp"
#include "mailauth/dkim_parse.hpp"
#include "mailauth/tags.hpp"

namespace postern {

inline constexpr std::size_t kMostArcSets = 50;  // RFC 8617 4.2.1

/// One set; the fields borrow from the message.
struct ArcFields {
  const HeaderField* results = nullptr;
  const HeaderField* signature = nullptr;
  const HeaderField* seal = nullptr;
};
/// By instance, the first first. BadInput says what makes the structure invalid (5.2 step 3A to 3C). Empty: there is no chain.
[[nodiscard]] Result<std::vector<ArcFields>> arc_sets(const MessageView& message);
/// Of all ARC fields whose instance can be read, whole chain or not; 0: there is none.
[[nodiscard]] std::size_t highest_instance(const MessageView& message);

/// A seal or a message signature, read for checking. `parsed` has what looking up the key wants.
struct ArcSignature {
  ParsedSignature parsed;
  std::string cv;            ///< Of a seal.
  std::size_t instance = 0;  ///< Of a seal; 0: it cannot be read.
};
[[nodiscard]] Result<ArcSignature> parse_arc_seal(const HeaderField& field);
[[nodiscard]] Result<ArcSignature> parse_arc_message_signature(const HeaderField& field);

/// The raw field with the value of b= taken out (RFC 6376 3.7).
[[nodiscard]] std::string without_signature(const HeaderField& field, const ParsedSignature& parsed);

}  // namespace postern
