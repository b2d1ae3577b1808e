#include "transport/sealing.hpp"

#include <postern/x400_sdk.h>

#include <algorithm>

#include "oraddress/or_text.hpp"

namespace postern::transport {
namespace {

constexpr std::size_t kPiece = 64UL * 1024;

SealingNeed need_of(const std::string& word) {
  return word == "must" ? SealingNeed::Must : word == "should" ? SealingNeed::Should : SealingNeed::Never;
}

Result<std::vector<oraddress::ORAddress>> addresses_of(const std::vector<sdk::Recipient>& recipients) {
  std::vector<oraddress::ORAddress> out;
  for (const sdk::Recipient& each : recipients) {
    POSTERN_TRY(oraddress::ORAddress address, oraddress::parse(each.address));
    out.push_back(std::move(address));
  }
  return out;
}

/// What else goes wrong is no reason to go in clear.
bool has_no_certificate(const Error& error) { return error.code == ErrorCode::NotFound || error.code == ErrorCode::Denied; }

/// Everybody's certificate. Should: nothing where one of them has none.
Result<std::optional<CertificateChain>> certificates_for(std::span<const oraddress::ORAddress> recipients, const SmimeMaterial& material,
                                                         SealingNeed need, WallTime now) {
  if (need == SealingNeed::Never) return std::optional<CertificateChain>();
  CertificateChain out;
  for (const oraddress::ORAddress& each : recipients) {
    auto found = material.certificate_for(each, now);
    if (!found && need == SealingNeed::Should && has_no_certificate(found.error())) return std::optional<CertificateChain>();
    if (!found) return fail(std::move(found).error().context("the message must be encrypted, and for a recipient "));
    out.push_back(*std::move(found));
  }
  return std::optional<CertificateChain>(std::move(out));
}

/// Should: nothing where there is no certificate at all. One that is there and cannot be used is an error either way: nobody wants to go
/// unsigned one day because a certificate expired.
Result<const SmimeIdentity*> signer_for(const SmimeMaterial& material, SealingNeed need) {
  if (need == SealingNeed::Never ||
      (need == SealingNeed::Should && !material.signer && material.signer.error().code == ErrorCode::NotFound))
    return nullptr;
  if (!material.signer) return fail(Error(material.signer.error()).context("the message must be signed: "));
  return &*material.signer;
}

void put(sdk::Submission& submission, const contentseal::SealedContent& sealed) {
  submission.content_type = contentseal::write_content_type(sealed.content_type);
  submission.encoded_types.clear();
  for (const asn1::Oid& type : sealed.encoded_types) submission.encoded_types.push_back(type.text());
  submission.flags |= POSTERN_X400_CONVERSION_PROHIBITED;  // RFC 3855 2.6
}

/// Only what has an object identifier can be sealed. Nothing: it has none, and need not be.
Result<std::optional<asn1::Oid>> oid_for(const mts::ContentType& type, const SealingOptions& options) {
  auto oid = contentseal::oid_of(type);
  if (oid) return std::optional<asn1::Oid>(*std::move(oid));
  if (options.sign == SealingNeed::Must || options.encrypt == SealingNeed::Must) return fail(std::move(oid).error());
  return std::optional<asn1::Oid>();
}

/// What must be is seen from the outside: in what others sealed, nobody can tell what is further in.
Status check_sealed(contentseal::Outermost outermost, const SealingOptions& options) {
  const auto lacks = [](const char* what, const char* setting) {
    return fail(ErrorCode::BadInput,
                std::string("is an S/MIME object already, and ") + what + " as " + setting +
                    " = \"must\" wants; submit what is in it, and it is sealed here",
                "content");
  };
  if (options.sign == SealingNeed::Must && outermost != contentseal::Outermost::Signed)
    return lacks("is not signed outermost", "x400_sign");
  if (options.encrypt == SealingNeed::Must && outermost != contentseal::Outermost::Encrypted)
    return lacks("is not encrypted outermost", "x400_encrypt");
  return {};
}

Result<contentseal::SealedContent> seal(const contentseal::PlainContent& content, const SmimeIdentity* signer,
                                        const std::optional<CertificateChain>& readers, const EncryptionProfile& profile, WallTime now) {
  if (!readers) return contentseal::sign_content(content, *signer, now);
  if (signer == nullptr) return contentseal::encrypt_content(content, *readers, profile, now);
  return contentseal::sign_encrypt_content(content, *signer, *readers, profile, now);
}

/// What is missing here is no fault of the object.
tl::unexpected<Error> ours_to_mend(const Error& error) { return fail(ErrorCode::Unavailable, error.what, error.field); }

/// Of submit(): from what is behind, these codes say that the peer may have taken it. Here it was given nothing.
tl::unexpected<Error> surely_not_submitted(Error error) {
  const ErrorCode code = error.code;
  if (code != ErrorCode::Unavailable && code != ErrorCode::Timeout && code != ErrorCode::Internal) return fail(std::move(error));
  return fail(ErrorCode::Conflict, error.what + "; nothing was submitted, do it again when that is mended", error.field);
}

/// "Encrypted to none of ours", or that it cannot be decrypted, is a verdict only where all of ours could be asked. What an operator mends
/// is no verdict for ever.
Status check_readers(const SmimeMaterial& material) {
  if (material.keys) POSTERN_CHECK(material.keys->ready());
  for (const auto* each : {&material.reader, &material.signer})
    if (!*each && each->error().code != ErrorCode::NotFound)
      return fail(ErrorCode::Unavailable, "the content may be encrypted to us, but " + each->error().what, each->error().field);
  return {};
}

void take_off_verdicts(sdk::Entry& entry) {
  std::erase_if(entry.attributes, [](const sdk::Attribute& each) { return each.type == kSmimeVerdict; });
}

/// Pieces of a content: held back while they may be an S/MIME object, handed on as soon as they are none.
class Holding {
 public:
  Holding(const sdk::PieceSink& sink, std::size_t limit) : m_sink(sink), m_limit(limit) {}

  bool take(ByteView piece) {
    if (m_passing) return m_sink(piece);
    append(m_held, piece);
    if (m_front == contentseal::Front::Undecided) m_front = contentseal::front_of(m_held);
    if (m_front == contentseal::Front::Plain || m_held.size() > m_limit) return pass();
    return true;
  }
  /// The whole object; nothing when it was none, and then all of it is handed on.
  std::optional<Bytes> end() {
    if (!m_passing && contentseal::is_sealed(m_held)) return std::move(m_held);
    if (!m_passing && !m_held.empty()) static_cast<void>(pass());
    return std::nullopt;
  }

 private:
  bool pass() {
    m_passing = true;
    const Bytes held = std::exchange(m_held, {});
    return m_sink(held);
  }
  const sdk::PieceSink& m_sink;
  std::size_t m_limit;
  Bytes m_held;
  contentseal::Front m_front = contentseal::Front::Undecided;
  bool m_passing = false;
};

bool hand_on(const sdk::PieceSink& sink, ByteView content) {
  for (std::size_t at = 0; at < content.size(); at += kPiece)
    if (!sink(content.subspan(at, std::min(kPiece, content.size() - at)))) return false;
  return true;
}

}  // namespace

SealingOptions sealing_options(const config::Config& config) {
  SealingOptions out;
  out.sign = need_of(config.smime.x400_sign);
  out.encrypt = need_of(config.smime.x400_encrypt);
  out.profile.cipher = config.smime.profile == "cbc" ? ContentCipher::Aes256Cbc : ContentCipher::Aes256Gcm;
  return out;
}

Result<std::optional<contentseal::SealedContent>> seal_content(const mts::ContentType& type, ByteView content,
                                                               std::span<const oraddress::ORAddress> recipients,
                                                               const SmimeMaterial& material, const SealingOptions& options, WallTime now) {
  std::optional<contentseal::SealedContent> out;
  if (const auto outermost = contentseal::outermost_of(content); outermost != contentseal::Outermost::None) {
    POSTERN_CHECK(check_sealed(outermost, options));
    return out;
  }
  POSTERN_TRY(const std::optional<asn1::Oid> oid, oid_for(type, options));
  POSTERN_TRY(const SmimeIdentity* signer, signer_for(material, options.sign));
  POSTERN_TRY(const std::optional<CertificateChain> readers, certificates_for(recipients, material, options.encrypt, now));
  if (!oid || (signer == nullptr && !readers)) return out;
  POSTERN_TRY(out, seal({*oid, content}, signer, readers, options.profile, now));
  return out;
}

Result<contentseal::Opened> open_with(const SmimeMaterial& material, ByteView sealed, std::optional<oraddress::ORAddress> originator,
                                      WallTime now, std::size_t limit) {
  const std::vector<SmimeIdentity> identities = material.identities();
  contentseal::OpenRequest request;
  request.octets = sealed;
  request.originator = std::move(originator);
  request.identities = identities;
  request.trust = material.trust();
  request.mapping = material.correspondents.mapping();
  request.now = now;
  request.limit = limit;
  return contentseal::open_content(request);
}

Result<sdk::Submitted> SealingTransport::submit(const sdk::Submit& request, ByteView content, const CallOptions& options) {
  if (m_options.sign == SealingNeed::Never && m_options.encrypt == SealingNeed::Never) return m_inner.submit(request, content, options);
  auto sealed = sealed_for(request.submission, content);
  if (!sealed) return surely_not_submitted(std::move(sealed).error());
  if (!*sealed) return m_inner.submit(request, content, options);
  sdk::Submit changed = request;
  put(changed.submission, **sealed);
  return m_inner.submit(changed, (*sealed)->octets, options);
}

Result<std::optional<contentseal::SealedContent>> SealingTransport::sealed_for(const sdk::Submission& submission, ByteView content) {
  POSTERN_TRY(const auto material, m_source.get());
  POSTERN_TRY(const mts::ContentType type, contentseal::parse_content_type(submission.content_type));
  POSTERN_TRY(const auto recipients, addresses_of(submission.recipients));
  return seal_content(type, content, recipients, *material, m_options, m_clock.now());
}

Result<sdk::EntryList> SealingTransport::list(const sdk::List& request, const CallOptions& options) {
  POSTERN_TRY(sdk::EntryList out, m_inner.list(request, options));
  for (sdk::Entry& each : out.entries) take_off_verdicts(each);
  return out;
}

Result<sdk::Fetched> SealingTransport::fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions& options) {
  sdk::Fetch wider = request;
  wider.wanted.fields |= POSTERN_X400_HAS_ORIGINATOR;  // whom the signer is compared with
  Holding holding(sink, m_options.limit);
  POSTERN_TRY(sdk::Fetched out, m_inner.fetch(wider, [&holding](ByteView piece) { return holding.take(piece); }, options));
  take_off_verdicts(out.entry);
  auto sealed = holding.end();
  if (!sealed) return out;
  POSTERN_CHECK(open_held(out, *std::move(sealed), sink));
  return out;
}

Result<contentseal::Opened> SealingTransport::open(const sdk::Fetched& fetched, ByteView sealed, const SmimeMaterial& material) {
  std::optional<oraddress::ORAddress> originator;
  if (fetched.entry.originator) {
    POSTERN_TRY(originator, oraddress::parse(*fetched.entry.originator));
  }
  return open_with(material, sealed, std::move(originator), m_clock.now(), m_options.limit);
}

Result<contentseal::Opened> SealingTransport::open_or_retry(const sdk::Fetched& fetched, ByteView sealed) {
  const auto material = m_source.get();
  if (!material) return ours_to_mend(material.error());
  auto opened = open(fetched, sealed, **material);
  if (opened || (opened.error().code != ErrorCode::NotFound && opened.error().code != ErrorCode::IntegrityFailed)) return opened;
  const auto newer = m_source.again();  // a key may be younger than what was read
  if (!newer) return ours_to_mend(newer.error());
  POSTERN_CHECK(check_readers(**newer));
  return open(fetched, sealed, **newer);
}

Status SealingTransport::open_held(sdk::Fetched& fetched, Bytes sealed, const sdk::PieceSink& sink) {
  auto opened = open_or_retry(fetched, sealed);
  if (!opened && opened.error().code == ErrorCode::Unavailable) return fail(std::move(opened).error());
  const std::string verdict = opened ? verdict_json(opened->verdict) : verdict_json(opened.error());
  fetched.entry.attributes.push_back({0, kSmimeVerdict, to_bytes(verdict)});
  const bool is_open = opened && opened->content;
  if (is_open) fetched.entry.content_type = contentseal::write_content_type(opened->content_type);
  const Bytes& content = is_open ? *opened->content : sealed;
  fetched.content_size = content.size();
  if (fetched.entry.content_size) fetched.entry.content_size = content.size();
  if (!hand_on(sink, content)) return fail(ErrorCode::Conflict, "no more of the content is wanted");
  return {};
}

}  // namespace postern::transport
