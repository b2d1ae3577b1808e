// What a user of P3 registered with the MTS (X.411 8.4.1.1), in the row that the store keeps of him.
#pragma once

#include "mts/p3.hpp"
#include "store/ms_mailbox.hpp"

namespace postern::mhs {

/// Empty where he registered nothing. IntegrityFailed: the row is damaged.
[[nodiscard]] Result<mts::RegisterArgument88> registration_in(MsMailbox& row);
/// The whole of it, durable when this returns.
[[nodiscard]] Status keep_registration(MsMailbox& row, const mts::RegisterArgument88& registration);

}  // namespace postern::mhs
