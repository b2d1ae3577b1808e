// What an operator should know of the S/MIME material before a correspondent tells him.
#include "base/text.hpp"
#include "contentseal/names.hpp"
#include "oraddress/or_text.hpp"
#include "pki/verify.hpp"
#include "seal/certificate_strength.hpp"
#include "seal/parties.hpp"
#include "transport/credentials.hpp"
#include "transport/smime_material.hpp"

namespace postern::transport {
namespace {

using State = Finding::State;
constexpr std::size_t kMostFaults = 10;  // of files; more say nothing new

std::string named_in(const Certificate& leaf) {
  const auto addresses = contentseal::x400_addresses(leaf);
  std::string out;
  if (addresses)
    for (const oraddress::ORAddress& each : *addresses) out += (out.empty() ? "" : ", ") + oraddress::write(each);
  for (const std::string& email : leaf.emails()) out += (out.empty() ? "" : ", ") + email;
  return out;
}

/// One of our two certificates.
class OwnCertificate {
 public:
  OwnCertificate(std::string name, const SmimeMaterial& material, WallTime now, Findings& out)
      : m_name(std::move(name)), m_material(material), m_now(now), m_out(out) {}

  void judge(const SmimeIdentity& identity, std::optional<std::string> fault) {
    const Certificate& leaf = identity.chain.front();
    const std::size_t before = m_out.size();
    if (!fault) fault = weak_key(leaf);
    if (!fault) fault = weak_issue(leaf);
    if (fault) return add(State::Failed, "certificate of " + leaf.subject() + " " + *fault);
    if (state_by_expiry(leaf, m_now) != State::Ok) add(State::Warning, words_of(leaf) + ": it ends soon, renew it");
    warn_of_chain(identity);
    if (named_in(leaf).empty())
      add(State::Warning, "certificate of " + leaf.subject() + " names nobody in subjectAltName, so nobody can tell whose it is");
    if (m_out.size() == before) add(State::Ok, words_of(leaf) + ", for " + printable(named_in(leaf)));
  }
  void add(State state, std::string text) { m_out.push_back({m_name, state, std::move(text)}); }

 private:
  /// What we do not believe ourselves, others hardly will.
  void warn_of_chain(const SmimeIdentity& identity) {
    VerifyRequest request;
    request.leaf = &identity.chain.front();
    request.intermediates = std::span(identity.chain).subspan(1);
    request.roots = m_material.roots;
    request.at = m_now;
    request.purpose = CertificatePurpose::Email;
    if (const ChainVerdict chain = verify_chain(request); !chain.ok)
      add(State::Warning, chain.reason + "; others may not believe it either: see security.smime.trust");
  }

  std::string m_name;
  const SmimeMaterial& m_material;
  WallTime m_now;
  Findings& m_out;
};

void judge_signer(const SmimeMaterial& material, WallTime now, SealingNeed need, Findings& out) {
  OwnCertificate judge("smime signing", material, now, out);
  if (material.signer) return judge.judge(*material.signer, signer_fault(material.signer->chain.front(), now));
  if (material.signer.error().code != ErrorCode::NotFound) return judge.add(State::Failed, material.signer.error().text());
  if (need == SealingNeed::Must)
    judge.add(State::Failed, material.signer.error().text() + ": no X.400 message can be submitted, since each must be signed");
  else if (need == SealingNeed::Should)
    judge.add(State::Note, material.signer.error().text() + ": X.400 messages go unsigned");
}

void judge_reader(const SmimeMaterial& material, WallTime now, Findings& out) {
  OwnCertificate judge("smime encryption", material, now, out);
  if (material.reader) return judge.judge(*material.reader, recipient_fault(material.reader->chain.front(), now));
  if (material.reader.error().code != ErrorCode::NotFound) judge.add(State::Failed, material.reader.error().text());
}

void judge_others(const SmimeMaterial& material, Findings& out) {
  for (std::size_t i = 0; i < material.faults.size() && i < kMostFaults; ++i)
    out.push_back({"smime correspondents", State::Warning,
                   printable(material.faults[i].file) + " is passed over: " + material.faults[i].error.text()});
  if (material.faults.empty() && material.correspondents.size() > 0)
    out.push_back({"smime correspondents", State::Ok, std::to_string(material.correspondents.size()) + " certificates"});
}

}  // namespace

Findings judge_smime(const SmimeMaterial& material, WallTime now, SealingNeed need) {
  Findings out;
  judge_signer(material, now, need, out);
  judge_reader(material, now, out);
  judge_others(material, out);
  return out;
}

}  // namespace postern::transport
