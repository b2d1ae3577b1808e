#include "contentseal/open.hpp"

#include <algorithm>
#include <utility>

#include "asn1/ber.hpp"
#include "base/text.hpp"
#include "contentseal/content_info.hpp"
#include "contentseal/mime_entity.hpp"
#include "contentseal/names.hpp"
#include "contentseal/oids.hpp"
#include "ipm/notification.hpp"
#include "ipm/oids.hpp"
#include "seal/cms.hpp"
#include "seal/parties.hpp"

namespace postern::contentseal {
namespace {

/// A content and what it is said to be.
struct Layer {
  asn1::Oid type;
  Bytes octets;
};

bool is_cms(const asn1::Oid& type) {
  return type == id_signed_data() || type == id_enveloped_data() || type == id_ct_auth_enveloped_data() || type == id_ct_compressed_data();
}

/// The type by the bytes, where they are a ContentInfo; by what is said, where they are what is in one (RFC 3854 3.4).
Result<Layer> resolved(Layer layer, const Limits& limits) {
  if (layer.type == id_data())
    if (auto der = unwrapped_mime(layer.octets, limits)) layer.octets = *std::move(der);
  if (auto type = sealed_type_of(layer.octets)) return Layer{*std::move(type), std::move(layer.octets)};
  if (!is_cms(layer.type)) return layer;
  POSTERN_TRY(Bytes der, write_content_info(layer.type, layer.octets));
  return Layer{std::move(layer.type), std::move(der)};
}

/// RFC 3854 4.3: who the content says its originator is: P2, P22 and their notifications do.
std::optional<oraddress::ORAddress> originator_in(const asn1::Oid& type, ByteView content) {
  if (type != ipm::id_mct_p2_1984() && type != ipm::id_mct_p2_1988()) return std::nullopt;
  const auto object = asn1::decode<ipm::InformationObject>(content);
  if (!object) return std::nullopt;
  const auto& who = object->ipm() != nullptr ? object->ipm()->heading.originator : object->ipn()->ipn_originator;
  if (!who || !who->formal_name || who->formal_name->is_absent()) return std::nullopt;
  return *who->formal_name;
}

class Opener {
 public:
  explicit Opener(const OpenRequest& request) : m_request(request) { m_limits.message_bytes = request.limit; }

  Result<Opened> open() {
    POSTERN_TRY(Layer layer, resolved({id_data(), Bytes(m_request.octets.begin(), m_request.octets.end())}, m_limits));
    if (!is_cms(layer.type)) return fail(ErrorCode::BadInput, "the content is no S/MIME object", "content");
    while (is_cms(layer.type)) {
      if (++m_verdict.layers > kMostLayers) return fail(ErrorCode::TooLarge, "has more than 8 layers of S/MIME", "content");
      POSTERN_TRY(std::optional<Layer> inside, layer.type == id_signed_data() ? take_signature_off(layer) : decrypt(layer));
      if (!inside) return finished(m_signed_type, std::nullopt);
      POSTERN_TRY(layer, resolved(*std::move(inside), m_limits));
    }
    return finished(layer.type, std::move(layer.octets));
  }

 private:
  /// Nothing: the content is not what was signed.
  Result<std::optional<Layer>> take_signature_off(const Layer& layer) {
    note_outer();
    POSTERN_TRY(m_signature, cms_verify(layer.octets, std::nullopt, m_request.limit));
    POSTERN_TRY(m_signed_type, asn1::Oid::parse(m_signature->content_type));
    if (!std::ranges::all_of(m_signature->signers, &CmsSigner::signature_valid)) return std::optional<Layer>();
    return std::optional<Layer>(Layer{m_signed_type, std::exchange(m_signature->content, {})});
  }

  /// A signature with another one inside is its maker's, whoever he is; but it must hold.
  void note_outer() {
    if (!m_signature) return;
    const AuthorCheck anybody = [](const Certificate&) { return std::optional<std::string>(); };
    for (const SmimeSigner& each : judge_signers(*m_signature, m_request.trust, anybody, m_request.now))
      if (m_verdict.outer_fault.empty() && !each.valid()) m_verdict.outer_fault = "the outer signature: " + each.reason;
  }

  /// The innermost signature must be the originator's, whether it is around the content or around its encryption.
  Opened finished(const asn1::Oid& type, std::optional<Bytes> content) {
    std::vector<oraddress::ORAddress> originators;
    if (m_request.originator) originators.push_back(*m_request.originator);
    if (content)
      if (auto own = originator_in(type, *content)) originators.push_back(*std::move(own));
    if (m_signature)
      m_verdict.signers =
          judge_signers(*m_signature, m_request.trust, speaks_for(std::move(originators), m_request.mapping), m_request.now);
    return {content_type_of(type), std::move(content), std::move(m_verdict)};
  }

  Result<std::optional<Layer>> decrypt(const Layer& layer) {
    if (layer.type == id_ct_compressed_data())
      return fail(ErrorCode::Unsupported, "is compressed (RFC 3274), which is not undone here", "content");
    POSTERN_TRY(const std::vector<X509*> ours, leaves_of(m_request.identities));
    POSTERN_TRY(const std::size_t index, cms_match_recipient(layer.octets, ours));
    POSTERN_TRY(CmsOpened opened, cms_decrypt(layer.octets, ours[index], m_request.identities[index].key.get(), m_request.limit));
    if (m_verdict.cipher.empty()) {
      m_verdict.cipher = opened.cipher;
      m_verdict.key_transport = opened.key_transport;
    }
    m_verdict.authenticated = m_verdict.authenticated && opened.authenticated;
    POSTERN_TRY(asn1::Oid type, asn1::Oid::parse(opened.content_type));
    return std::optional<Layer>(Layer{std::move(type), std::move(opened.content)});
  }

  const OpenRequest& m_request;
  Limits m_limits;
  std::optional<CmsVerified> m_signature;  ///< The innermost so far, without its content.
  asn1::Oid m_signed_type;
  Verdict m_verdict;
};

std::string name_of(const SmimeSigner& signer) { return signer.certificate ? printable(signer.certificate->subject()) : "somebody"; }

}  // namespace

Result<Opened> open_content(const OpenRequest& request) { return Opener(request).open(); }

bool Verdict::valid() const noexcept {
  return !signers.empty() && outer_fault.empty() && std::ranges::all_of(signers, &SmimeSigner::valid);
}

std::string Verdict::reason() const {
  for (const SmimeSigner& each : signers)
    if (!each.valid()) return each.reason;
  if (!outer_fault.empty()) return outer_fault;
  if (!signers.empty()) return "valid";
  return authenticated ? "nobody signed" : "nobody signed, and changes to what is encrypted so would not show";
}

std::string Verdict::text() const {
  std::string out = is_signed() ? "signed by " : reason();
  for (std::size_t i = 0; i < signers.size(); ++i) out += (i == 0 ? "" : ", ") + name_of(signers[i]);
  if (is_signed()) out += ": " + reason();
  if (is_encrypted()) out += "; encrypted with " + cipher + " (" + key_transport + ")";
  return out;
}

}  // namespace postern::contentseal
