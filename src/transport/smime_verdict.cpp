// Verdicts on S/MIME contents as JSON.
#include <boost/json.hpp>

#include "base/text.hpp"
#include "contentseal/names.hpp"
#include "oraddress/or_text.hpp"
#include "transport/sealing.hpp"

namespace postern::transport {
namespace {

namespace json = boost::json;

void put_certificate(json::object& out, const Certificate& certificate) {
  json::array addresses;
  if (const auto named = contentseal::x400_addresses(certificate))
    for (const oraddress::ORAddress& each : *named) addresses.emplace_back(oraddress::write(each));
  out["subject"] = printable(certificate.subject());
  out["addresses"] = std::move(addresses);
  out["fingerprint"] = fingerprint_text(certificate.fingerprint());
}

json::object json_of(const SmimeSigner& signer) {
  json::object out{{"valid", signer.valid()},
                   {"reason", signer.reason},
                   {"emails", json::value_from(signer.emails)},
                   {"algorithm", signer.algorithm},
                   {"digest", signer.digest},
                   {"key_bits", signer.key_bits},
                   {"signature_ok", signer.signature_ok},
                   {"strong", signer.strong},
                   {"trusted", signer.trusted},
                   {"revoked", signer.revoked},
                   {"is_originator", signer.matches_from}};
  if (signer.certificate) put_certificate(out, *signer.certificate);
  if (signer.signing_time) out["signing_time"] = rfc3339(*signer.signing_time);
  return out;
}

}  // namespace

std::string verdict_json(const contentseal::Verdict& verdict) {
  json::array signers;
  for (const SmimeSigner& each : verdict.signers) signers.push_back(json_of(each));
  return json::serialize(json::object{{"opened", true},
                                      {"valid", verdict.valid()},
                                      {"signed", verdict.is_signed()},
                                      {"encrypted", verdict.is_encrypted()},
                                      {"reason", verdict.reason()},
                                      {"text", verdict.text()},
                                      {"signers", std::move(signers)},
                                      {"cipher", verdict.cipher},
                                      {"key_transport", verdict.key_transport},
                                      {"authenticated", verdict.authenticated},
                                      {"layers", verdict.layers}});
}

std::string verdict_json(const Error& error) {
  return json::serialize(
      json::object{{"opened", false}, {"valid", false}, {"reason", error.text()}, {"text", "not opened: " + error.text()}});
}

std::optional<std::string> verdict_of(const sdk::Entry& entry) {
  for (const sdk::Attribute& each : entry.attributes)
    if (each.type == kSmimeVerdict) return std::string(as_text(each.value));
  return std::nullopt;
}

}  // namespace postern::transport
