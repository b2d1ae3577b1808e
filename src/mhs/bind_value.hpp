// The values of bind and unbind as they stand in the user data of RTSE and ACSE in normal mode (X.219 and X.229, the BIND macro): the
// argument under [16], its result under [17], its error under [18]; of unbind [19], [20], [21]. In X.410-1984 mode they stand bare.
#pragma once

#include "asn1/ber.hpp"

namespace postern::mhs {

enum class BindPart : std::uint32_t { Argument = 16, Result = 17, Error = 18, UnbindArgument = 19, UnbindResult = 20, UnbindError = 21 };

[[nodiscard]] asn1::Any wrap_bind(BindPart part, ByteView value);
/// The value inside; a bare one (of a peer that leaves the tag out) as it is. BadInput: another part, or no element.
[[nodiscard]] Result<Bytes> unwrap_bind(BindPart part, const asn1::Any& any);

}  // namespace postern::mhs
