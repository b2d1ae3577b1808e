// What a user registers with his store (X.413 8.6, 12; X.420 19.7), in the product's values.
#pragma once

#include "ms/register.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

/// Errors name the field: BadInput, Unsupported (auto-delete, which this protocol does not have; a part of an originator's name, which its
/// filters cannot look for). `user` is who forwards. The passwords are copied; the caller wipes his.
[[nodiscard]] Result<ms::RegisterMSArgument> registration_of(const sdk::Register& request, const mts::ORName& user);

}  // namespace postern::transport
