// The settings of the X.400 side: how it is reached, with whose library, and what is submitted how.
#include "config/rows.hpp"

namespace postern::config::rows {
namespace {

constexpr std::int64_t kMinute = 60'000, kLeast = 100;  // milliseconds
constexpr std::int64_t kStrategies = 5;

/// Sections stand in one piece, here as in `postern config show`.
std::vector<Row<Config>> transport() {
  using C = Config;
  return {
      text<C>("transport.mode", FIELD(transport.mode),
              "How X.400 is spoken: mock (in this process, for trying out), native (Postern's own stack), sdk (a vendor's library, see "
              "transport.sdk).",
              {"mock", "native", "sdk"}),
      text<C>("transport.profiles_dir", FIELD(transport.profiles_dir), "Folder of profiles: peers, selectors, credentials, certificates."),
      list<C>("transport.fingerprints", FIELD(transport.fingerprints),
              "The pinset: sha256:HEX of certificates or public keys of peers, one of which must match with enforce_pinset."),
      flag<C>("transport.tls.enabled", FIELD(transport.tls.enabled), "TLS on X.400 associations; false shows a warning."),
      text<C>("transport.tls.min_version", FIELD(transport.tls.min_version), "Lowest TLS version: 1.3, or 1.2 with a warning.",
              {"1.3", "1.2"}),
      text<C>("transport.tls.ca_bundle", FIELD(transport.tls.ca_bundle), "PEM trust store for peers; empty: the system's."),
      text<C>("transport.tls.client_certificate", FIELD(transport.tls.client_certificate), "PEM chain that we present to peers (mTLS)."),
      text<C>("transport.tls.client_key", FIELD(transport.tls.client_key), "PEM private key of client_certificate."),
      text<C>("transport.tls.ocsp_responder", FIELD(transport.tls.ocsp_responder),
              "URL of the OCSP responder that is asked about peers; empty: the one that their certificates name."),
      flag<C>("transport.tls.enforce_pinset", FIELD(transport.tls.enforce_pinset),
              "Refuses a peer whose certificate and key are not among transport.fingerprints."),
  };
}

std::vector<Row<Config>> sdk() {
  using C = Config;
  return {
      text<C>("transport.sdk.library_path", FIELD(transport.sdk.library_path),
              "Shared object of the vendor (docs/x400-sdk.md), loaded in a process of its own. X400_SDK_LIBRARY overrides it."),
      text<C>("transport.sdk.preferred_profile", FIELD(transport.sdk.preferred_profile),
              "Profile that the library is opened with; empty: its own default. X400_SDK_PROFILE overrides it."),
      count<C>("transport.sdk.connect_timeout_ms", FIELD(transport.sdk.connect_timeout_ms),
               "Milliseconds that the library may take to load and open, and to bind.", kLeast, 10 * kMinute),
      count<C>("transport.sdk.operation_timeout_ms", FIELD(transport.sdk.operation_timeout_ms),
               "Milliseconds for every other call; a library that takes longer is ended and started again.", kLeast, 60 * kMinute),
      count<C>(
          "submit.default_strategy", FIELD(submit.default_strategy),
          "How a message is submitted: 0 immediate, 1 with trace, 2 deferred, 3 parallel with a stored copy, 4 quarantine for approval, 5 "
          "pass-through.",
          0, kStrategies),
      text<C>(
          "tracing.trace_bundle_path", FIELD(tracing.trace_bundle_path),
          "File that a trace bundle for support is written to, relative to data_dir/mail; empty: it is only given out by /trace/bundle."),
  };
}

}  // namespace

const std::vector<Row<Config>>& x400_settings() {
  static const std::vector<Row<Config>> all = [] {
    std::vector<Row<Config>> out = transport();
    for (auto& row : sdk()) out.push_back(std::move(row));
    return out;
  }();
  return all;
}

}  // namespace postern::config::rows
