// Rules of controls: what a side of P3 holds back because the other asked for it (X.411 8.2.1.4 submission-control, 8.3.1.3
// delivery-control, 8.4.1.1 default-delivery-controls), and what it tells about that. Pure.
//
// Controls never refuse: what they forbid waits. What a user can never take is his registration's (undeliverable() in rules_envelope.hpp).
#pragma once

#include <span>

#include "mts/rules_envelope.hpp"

namespace postern::mts {

/// What controls look at: something that waits for a user.
struct Awaiting {
  OperationBit operation = OperationBit::MessageSubmissionOrMessageDelivery;
  // Of a message; controls do not look at these of a report (X.411 8.3.1.3.1).
  Priority priority = Priority::Normal;
  std::uint64_t content_length = 0;  ///< Octets.
  std::optional<ContentType> content_type{};
  std::optional<EncodedInformationTypes> encoded_information_types{};
};
[[nodiscard]] Awaiting awaiting_of(const MessageTransferEnvelope& envelope, std::uint64_t content_length);
[[nodiscard]] Awaiting awaiting_report();

/// Whether it may go now.
[[nodiscard]] bool permitted(const Awaiting& what, const Controls& controls);
/// X.411 8.3.1.3.1.1: with restrict 'update' each control that is given replaces the one in force, with 'remove' those by default are in
/// force again.
[[nodiscard]] Controls updated(Controls in_force, const Controls& change, const Controls& by_default);
/// X.411 8.3.1.3.2: of what sort that is which these controls hold back.
[[nodiscard]] DeliveryControlResult held_back(std::span<const Awaiting> waiting, const Controls& controls);
/// No operation at all, until restrict 'remove'.
[[nodiscard]] Controls nothing_permitted();
[[nodiscard]] bool permits_nothing(const Controls& controls);

/// What a user registered in the form of 1988 as what he can take at all (X.411 8.4.1.1).
[[nodiscard]] Deliverable deliverable_of(const RegisterArgument88& registered);
/// X.411 8.3.2.2: a control may ask for less than what is registered, never for more.
[[nodiscard]] bool violates_registration(const Controls& controls, const RegisterArgument88& registered);

}  // namespace postern::mts
