// What an operator should know of the S/MIME material before a correspondent tells him. /status shows it to everybody, so nobody is named:
// files, dates and fingerprints are.
#include "contentseal/names.hpp"
#include "pki/verify.hpp"
#include "seal/certificate_strength.hpp"
#include "seal/parties.hpp"
#include "transport/credentials.hpp"
#include "transport/smime_material.hpp"

namespace postern::transport {
namespace {

using State = Finding::State;

std::string words_of_file(const std::string& file, const Certificate& leaf) {
  return file + " until " + rfc3339(leaf.not_after()) + ", " + fingerprint_text(leaf.fingerprint());
}

bool names_somebody(const Certificate& leaf) {
  const auto addresses = contentseal::x400_addresses(leaf);
  return (addresses && !addresses->empty()) || !leaf.emails().empty();
}

ChainVerdict path_of(const SmimeIdentity& identity, const CertificateChain& roots, WallTime now) {
  VerifyRequest request;
  request.leaf = &identity.chain.front();
  request.intermediates = std::span(identity.chain).subspan(1);
  request.roots = roots;
  request.at = now;
  request.purpose = CertificatePurpose::Email;
  return verify_chain(request);
}

/// What our two certificates are held against.
struct Measure {
  const SmimeMaterial& material;
  WallTime now;
  const std::optional<oraddress::ORAddress>& user;
};

/// The first that is wrong of one of our two certificates; what makes it unusable before what others may mind.
Finding judge_identity(const std::string& name, const std::string& file, const SmimeIdentity& identity, std::optional<std::string> fault,
                       const Measure& by) {
  const Certificate& leaf = identity.chain.front();
  if (!fault) fault = weak_key(leaf);
  if (!fault) fault = weak_issue(leaf);
  if (fault) return {name, State::Failed, file + " " + *fault};
  if (!names_somebody(leaf))
    return {name, State::Warning, file + " names nobody in subjectAltName, so nobody can tell whose it is; get one with your O/R address"};
  if (by.user && !contentseal::names_address(leaf, *by.user, by.material.correspondents.mapping()))
    return {name, State::Warning,
            file + " does not name the profile's user in subjectAltName, so correspondents do not believe that it is his"};
  if (const ChainVerdict path = path_of(identity, by.material.roots, by.now); !path.ok)
    return {name, State::Warning,
            file + " has no path that is believed here (" + std::string(name_of(path.fault)) +
                "), and others may not believe it either: put its issuers behind it, or their root into security.smime.trust"};
  const State state = state_by_expiry(leaf, by.now);
  return {name, state, words_of_file(file, leaf) + (state == State::Ok ? "" : ": it ends soon, renew it")};
}

void judge_signer(const Measure& by, SealingNeed need, Findings& out) {
  constexpr const char* kName = "smime signing";
  const auto& signer = by.material.signer;
  if (signer)
    out.push_back(judge_identity(kName, by.material.signer_place, *signer, signer_fault(signer->chain.front(), by.now), by));
  else if (signer.error().code != ErrorCode::NotFound)
    out.push_back({kName, State::Failed, signer.error().text()});
  else if (need == SealingNeed::Must)
    out.push_back({kName, State::Failed, signer.error().text() + ", and without it no X.400 message can be submitted"});
  else if (need == SealingNeed::Should)
    out.push_back({kName, State::Note, signer.error().text() + ": X.400 messages go unsigned"});
}

void judge_reader(const Measure& by, Findings& out) {
  constexpr const char* kName = "smime encryption";
  const auto& reader = by.material.reader;
  if (reader)
    out.push_back(judge_identity(kName, by.material.reader_place, *reader, recipient_fault(reader->chain.front(), by.now), by));
  else if (reader.error().code != ErrorCode::NotFound)
    out.push_back({kName, State::Failed, reader.error().text()});
}

void judge_others(const SmimeMaterial& material, Findings& out) {
  constexpr const char* kName = "smime correspondents";
  if (!material.faults.empty())
    out.push_back(
        {kName, State::Warning,
         std::to_string(material.faults.size()) + " files of security.smime.certificates_dir cannot be used; the log says which and why"});
  else if (material.correspondents.size() > 0)
    out.push_back({kName, State::Ok, std::to_string(material.correspondents.size()) + " certificates"});
}

}  // namespace

Findings judge_smime(const SmimeMaterial& material, WallTime now, SealingNeed need, const std::optional<oraddress::ORAddress>& user) {
  const Measure by{material, now, user};
  Findings out;
  judge_signer(by, need, out);
  judge_reader(by, out);
  judge_others(material, out);
  return out;
}

}  // namespace postern::transport
