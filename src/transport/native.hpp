// X.400 by Postern's own stack: P7 and P3 of mhs/ behind the port, on a loop of its own.
//
// An association is one connection to a message store (P7) or an MTA (P3); nothing is opened before bind(). Sequence numbers, statuses and
// what a listing does to them are those of the store (X.413). What a role or a protocol has not - a mailbox over P3, auto-delete, P1 - is
// Unsupported, and the text says what has it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/stream.hpp"
#include "mhs/strong_files.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

struct NativeOptions {
  /// As in [transport.tls]; files are PEM, read by make_native().
  struct Tls {
    bool enabled = true;  ///< False: everything in clear, passwords too.
    std::string min_version = "1.3";
    std::string ca_bundle;  ///< Empty: the system's.
    std::string client_certificate, client_key;
    std::vector<std::string> fingerprints;  ///< "sha256:" and hexadecimal digits, of the peer's certificate or its key.
    /// Further ones, asked for at each bind(); unset: none. A host in this process only, it is no setting.
    std::function<std::vector<std::string>()> more_fingerprints{};
    /// True: one must match; without ca_bundle it stands for chain and name, with it both must hold. False: chain and name decide, and a
    /// match is only told.
    bool enforce_pinset = false;
    /// Asked whether the certificate of a peer whom chain and name vouch for is revoked; unset: nobody looks. It is no setting either.
    io::PeerJudge judge{};
  };
  Tls tls;
  /// Asked at each bind(). With a certificate: what it shows in place of the password of the call; unset or without one: the password. An
  /// error is the bind's: who cannot say whether there are strong credentials never goes on without.
  std::function<Result<mhs::StrongFiles>()> strong{};
  std::vector<std::string> forwarders;                     ///< "192.0.2.53", "192.0.2.53@5353"; empty: those of /etc/resolv.conf.
  std::chrono::milliseconds connect_timeout{10'000};       ///< Of bind(), where the call has no limit of its own.
  std::chrono::milliseconds operation_timeout{30'000};     ///< Of everything else.
  std::size_t associations = 64;                           ///< At once; more are Exhausted.
  std::uint64_t content_octets = std::uint64_t{64} << 20;  ///< The largest content, either way: it passes in one APDU (X.419 9).
};

/// From the JSON object that docs/x400-sdk.md describes ("Settings for open()"); an empty text is an empty object. Unknown fields are
/// passed over; a known one of the wrong type is BadInput and named.
[[nodiscard]] Result<NativeOptions> native_options(std::string_view json);

/// Starts its threads, connects to nobody. Errors name the field of the settings: a file that cannot be read, a fingerprint that is none.
[[nodiscard]] Result<std::unique_ptr<Transport>> make_native(NativeOptions options);

}  // namespace postern::transport
