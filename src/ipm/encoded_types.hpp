// The encoded information types of a body (X.420 20.4): what an MTA must know to decide whether a recipient can take the message.
#pragma once

#include "ipm/notification.hpp"

namespace postern::ipm {

/// The logical union over all parts, those of forwarded messages included. A part whose type says nothing to the MTS makes it `unknown`.
/// Forwarded contents that are interpersonal are looked into, `depth` levels at most; below that they count as unknown.
[[nodiscard]] mts::EncodedInformationTypes encoded_information_types(const Body& body, std::size_t depth = 16);
/// Of a notification: those of the message it returns, none otherwise.
[[nodiscard]] mts::EncodedInformationTypes encoded_information_types(const InformationObject& object);

}  // namespace postern::ipm
