#include "mhs/own_proof.hpp"

#include "base/random.hpp"
#include "gateway/hops.hpp"
#include "mhs/p3_client.hpp"

namespace postern::mhs {
namespace {

Status check_responder(const StrongCall& strong, const mts::TokenName& us, const mts::Credentials& given, const asn1::BitString& number) {
  const auto* shown = std::get_if<mts::StrongCredentials>(&given.value);
  if (shown == nullptr)
    return fail(ErrorCode::Denied, "the peer answers without strong credentials; it is not set up for them, or is another");
  const Status good = strong.self->confirm(*shown, strong.responder, us, number);
  if (good) return {};
  return fail(ErrorCode::Denied, "the peer answers with strong credentials that do not hold: " + good.error().text());
}

template <class T>
Result<T> about(Result<T> value, const char* field) {
  if (value) return value;
  return fail(value.error().code, value.error().text(), field);
}

Result<credentials::Trust> responder_of(const StrongFiles& files) {
  credentials::Trust out;
  for (const std::string& text : files.responder_pins) {
    POSTERN_TRY(const Sha256 pin, about(parse_fingerprint(text), "responder_pins"));
    out.pins.emplace_back(pin.begin(), pin.end());
  }
  out.subject = files.responder_subject;
  if (!files.responder_ca.empty()) {
    POSTERN_TRY(out.roots, about(certificates_from_file(files.responder_ca), "responder_ca"));
  }
  if (!out.pins.empty() || (!out.roots.empty() && !out.subject.empty())) return out;
  return fail(ErrorCode::BadInput, "is needed, or responder_ca with responder_subject: whose answer is believed", "responder_pins");
}

}  // namespace

Result<StrongCall> strong_call(const StrongFiles& files, bool by_p3) {
  static SystemClock clock;
  static SystemRandom random;
  if (by_p3 && files.responder_name.empty())
    return fail(ErrorCode::BadInput, "is needed by P3: the name of the MTA that the token is for", "responder_name");
  POSTERN_TRY(credentials::Trust responder, responder_of(files));
  POSTERN_TRY(CertificateChain chain, about(certificates_from_file(files.certificate), "certificate"));
  POSTERN_TRY(EvpPkeyPtr key, about(gateway::load_private_key(files.key), "key"));
  POSTERN_TRY(credentials::Identity own, credentials::make_identity(std::move(chain), std::move(key)));
  auto self = std::make_shared<credentials::Authenticator>([own = std::move(own)] { return own; }, clock, random);
  return StrongCall{std::move(self), std::move(responder), mts::MTAName(files.responder_name)};
}

Result<OwnProof> own_proof(const UserCall& call, const mts::TokenName& responder) {
  if (!call.strong) return OwnProof{simple_credentials(call.password), [](const mts::Credentials&) { return Status(); }};
  POSTERN_TRY(credentials::Shown shown, call.strong->self->initiate(responder));
  auto check = [strong = *call.strong, us = mts::TokenName{call.user}, number = std::move(shown.random_number)](
                   const mts::Credentials& given) { return check_responder(strong, us, given, number); };
  return OwnProof{{std::move(shown.credentials)}, std::move(check)};
}

}  // namespace postern::mhs
