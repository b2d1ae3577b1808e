// Verdicts on S/MIME contents as JSON.
#include <boost/json.hpp>

#include "contentseal/names.hpp"
#include "oraddress/or_text.hpp"
#include "seal/signer_json.hpp"
#include "transport/sealing.hpp"

namespace postern::transport {
namespace {

namespace json = boost::json;

json::object json_of(const SmimeSigner& signer) {
  json::object out = signer_json(signer, "is_originator");
  if (!signer.certificate) return out;
  json::array addresses;
  if (const auto named = contentseal::x400_addresses(*signer.certificate))
    for (const oraddress::ORAddress& each : *named) addresses.emplace_back(oraddress::write(each));
  out["addresses"] = std::move(addresses);
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
