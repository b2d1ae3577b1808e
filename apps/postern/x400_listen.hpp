// postern x400 receive --listen: a user of P3 who lets his MTA bind to him (X.419: mts-forced-access, mts-forced-reliable-access).
#pragma once

#include "x400_peer.hpp"
#include "x400_taker.hpp"

namespace postern::cli {

struct ListenOptions {
  std::string address, mta, mta_password_ref, tls_certificate, tls_key;
  [[nodiscard]] bool empty() const noexcept { return address.empty(); }
};
/// --listen, --mta, --mta-password-ref, --tls-certificate, --tls-key. After add_peer_options().
void add_listen_options(CLI::App& verb, ListenOptions& options);

/// Takes associations one after the other until the deadline, or until the taker is done. Denied where nothing came but somebody who is not
/// the MTA; otherwise the last thing that went wrong on an association of the MTA. Errors name the option.
[[nodiscard]] Status listen_for_mts(const ListenOptions& listen, const PeerOptions& who, Context& context, Taker& taker,
                                    std::chrono::seconds time);

}  // namespace postern::cli
