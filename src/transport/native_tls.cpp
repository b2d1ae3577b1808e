#include "transport/native_tls.hpp"

#include <algorithm>
#include <iterator>

#include "gateway/hops.hpp"
#include "pki/certificate.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::transport {
namespace {

template <class T>
Result<T> about(Result<T> value, const char* field) {
  if (value) return value;
  return fail(value.error().code, value.error().text(), field);
}

Result<TlsVersion> version_of(const std::string& text) {
  if (text.empty() || text == "1.3") return TlsVersion::Tls13;
  if (text == "1.2") return TlsVersion::Tls12;
  return fail(ErrorCode::BadInput, "must be 1.3, or 1.2 with less safety", "tls.min_version");
}

Result<std::vector<Bytes>> pins_of(const NativeOptions::Tls& tls) {
  std::vector<std::string> fingerprints = tls.fingerprints;
  if (tls.more_fingerprints) std::ranges::move(tls.more_fingerprints(), std::back_inserter(fingerprints));
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < fingerprints.size(); ++i) {
    const auto pin = parse_fingerprint(fingerprints[i]);
    if (!pin) return fail(ErrorCode::BadInput, pin.error().what, "tls.fingerprints[" + std::to_string(i) + "]");
    out.emplace_back(pin->begin(), pin->end());
  }
  return out;
}

Result<TlsContext> context_of(const NativeOptions::Tls& tls) {
  TlsClientProfile profile;
  POSTERN_TRY(profile.min_version, version_of(tls.min_version));
  profile.system_roots = tls.ca_bundle.empty();
  if (!tls.ca_bundle.empty()) {
    POSTERN_TRY(profile.roots, about(certificates_from_file(tls.ca_bundle), "tls.ca_bundle"));
  }
  if (tls.client_certificate.empty() != tls.client_key.empty())
    return fail(ErrorCode::BadInput, "and client_certificate belong together; give both or none", "tls.client_key");
  if (!tls.client_certificate.empty()) {
    POSTERN_TRY(profile.chain, about(certificates_from_file(tls.client_certificate), "tls.client_certificate"));
    POSTERN_TRY(profile.key, about(gateway::load_private_key(tls.client_key), "tls.client_key"));
  }
  return about(client_context(std::move(profile)), "tls.client_key");
}

}  // namespace

Result<mhs::PeerTls> peer_tls(const NativeOptions::Tls& tls) {
  mhs::PeerTls out;
  out.required = tls.enabled;
  POSTERN_TRY(std::vector<Bytes> pins, pins_of(tls));
  if (tls.enforce_pinset && pins.empty())
    return fail(ErrorCode::BadInput, "refuses every peer while there is no fingerprint; name one, or set it to false",
                "tls.enforce_pinset");
  if (!tls.enabled) return out;
  POSTERN_TRY(const TlsContext context, context_of(tls));
  out.context = [context = context.shared()] { return context; };
  const bool pins_alone = tls.enforce_pinset && tls.ca_bundle.empty();
  out.options.verify = pins_alone ? io::TlsClientOptions::Verify::Report : io::TlsClientOptions::Verify::Require;
  if (tls.enforce_pinset) out.pins = std::move(pins);
  if (pins_alone) return out;  // the operator says what is trusted now
  out.options.judge = tls.judge;
  out.options.ask_for_status = static_cast<bool>(tls.judge);
  return out;
}

}  // namespace postern::transport
