#include "credentials/authenticator.hpp"

namespace postern::credentials {

namespace {

/// What makes a token that one and no other: time and random number. Its signature could be written in other ways.
Sha256 mark_of(const mts::AsymmetricTokenData& data, const asn1::BitString& number) {
  Bytes all = to_bytes(data.time.text);
  all.push_back(0);
  all.push_back(number.unused);
  append(all, number.octets);
  return sha256(all);
}

/// In the memory of tokens: by its key, which signed the token. A name is what the initiator claims beside it, and one key may be believed
/// under several.
std::string name_of(const Certificate& signer) { return fingerprint_text(signer.spki_fingerprint()); }

}  // namespace

Result<Shown> Authenticator::show_own(const mts::TokenName& to, asn1::BitString random_number) const {
  if (!m_own) return fail(ErrorCode::Unavailable, "no certificate for strong credentials is configured");
  POSTERN_TRY(const Identity own, m_own());
  return show(own, to, std::move(random_number), now());
}

Result<Shown> Authenticator::initiate(const mts::TokenName& responder) {
  return show_own(responder, {m_random.bytes(mts::kRandomNumberOctets)});
}

Status Authenticator::confirm(const mts::StrongCredentials& shown, const Trust& responder, const mts::TokenName& us,
                              const asn1::BitString& random_number) const {
  POSTERN_CHECK(judge(shown, responder, {{us}, now(), m_skew.count(), random_number}));
  return {};
}

Result<asn1::BitString> Authenticator::admit(const mts::StrongCredentials& shown, const Trust& initiator, std::vector<mts::TokenName> us) {
  POSTERN_TRY(const auto data, judge(shown, initiator, {std::move(us), now(), m_skew.count()}));
  POSTERN_TRY(asn1::BitString number, mts::random_number_of(data));
  POSTERN_TRY(const CertificateChain chain, chain_of(*shown.certificate));  // judge() had it
  POSTERN_CHECK(m_replays.note(name_of(chain.front()), mark_of(data, number), m_clock.steady()));
  return number;
}

Result<mts::StrongCredentials> Authenticator::respond(const mts::TokenName& initiator, asn1::BitString random_number) const {
  POSTERN_TRY(Shown shown, show_own(initiator, std::move(random_number)));
  return std::move(shown.credentials);
}

}  // namespace postern::credentials
