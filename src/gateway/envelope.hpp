// The envelope between its two forms: as the SMTP engines speak it, and as the spool stores it.
#pragma once

#include <string>

#include "gateway/arrival.hpp"
#include "smtp/client_session.hpp"
#include "spool/types.hpp"

namespace postern::gateway {

/// The facts of the whole message; `correlation`, `accepted` and `facts` are the caller's.
[[nodiscard]] Envelope to_spool(const smtp::Envelope& envelope);
[[nodiscard]] QueuedRecipient to_spool(const smtp::RcptParameters& parameters, std::string address, std::string route);

[[nodiscard]] Result<ReversePath> reverse_path_of(const Envelope& envelope);
[[nodiscard]] smtp::MailParameters mail_parameters_of(const Envelope& envelope);
/// BadInput when a stored address no longer parses (a record from another version).
[[nodiscard]] Result<smtp::OutgoingRecipient> to_smtp(const DueRecipient& recipient, bool smtputf8);

}  // namespace postern::gateway
