// The values of bind and unbind as they stand in user data in normal mode (X.219, X.229, X.880: the BIND macro): the argument under [16],
// its result under [17], its error under [18]; of unbind [19] and [20]. In X.410-1984 mode they stand bare.
#pragma once

#include "asn1/ber.hpp"

namespace postern::mhs {

enum class RoseTag : std::uint32_t { BindInvoke = 16, BindResult = 17, BindError = 18, UnbindInvoke = 19, UnbindResult = 20 };

[[nodiscard]] asn1::Any tagged(const asn1::Any& value, RoseTag tag);
/// The value under the tag; without it, the value as it is: peers that leave the tag out are understood.
[[nodiscard]] asn1::Any untagged(const asn1::Any& value, RoseTag tag);

}  // namespace postern::mhs
