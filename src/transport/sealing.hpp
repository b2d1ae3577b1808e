// S/MIME around the X.400 service: what is submitted is signed and encrypted, what is fetched is opened and judged (contentseal/).
//
// submit(): by the options and the caller's wish; a content that is an S/MIME object already goes as it is, and so does a content whose
// type has no object identifier, unless it must be sealed: then an object goes only if its outermost layer is what must be (a compressed
// one is neither signed nor encrypted), so that none goes where both must be. fetch(): a content that is an S/MIME object comes out opened
// - sink, sizes and content type are those of what is inside - and the entry has the attribute kSmimeVerdict. An object that does not open,
// or whose content is not what was signed, comes as it is, with a verdict that says why. Everything else passes through; an attribute of
// that name that a peer sends is taken off, so nobody can forge one.
//
// An object in a MIME entity (RFC 3855 2.2) is one as well. fetch() always asks for the originator, so who wants no fields gets that one
// and not the defaults that are registered at the store.
//
// An object is held in memory as a whole, at most `limit` octets; a longer one comes as it is. Errors of submit() beyond those of the port:
// BadInput and Denied name the certificate or content that is missing or wrong, Conflict says that our keys cannot be asked now; nothing is
// submitted then, so none of them is a code by which the peer may have taken it. Of fetch(): Unavailable where our own keys cannot be read;
// an object's verdict is about the object alone.
#pragma once

#include "contentseal/open.hpp"
#include "contentseal/seal.hpp"
#include "transport/smime_material.hpp"
#include "transport/transport.hpp"

namespace postern::transport {

/// Attribute of a fetched entry: a JSON object, as verdict_json() has it.
inline constexpr const char* kSmimeVerdict = "postern.smime";

struct SealingOptions {
  SealingNeed sign = SealingNeed::Should;
  SealingNeed encrypt = SealingNeed::Never;
  EncryptionProfile profile = {};
  std::size_t limit = 64UL * 1024 * 1024;
};
/// security.smime.
[[nodiscard]] SealingOptions sealing_options(const config::Config& config);

/// What opening came to, for people and programs: {"valid":…,"signed":…,"encrypted":…,"reason":…,"text":…,"signers":[…],…}.
[[nodiscard]] std::string verdict_json(const contentseal::Verdict& verdict);
/// Of an object that could not be opened.
[[nodiscard]] std::string verdict_json(const Error& error);
/// The verdict of a fetched entry; nothing: its content was no S/MIME object.
[[nodiscard]] std::optional<std::string> verdict_of(const sdk::Entry& entry);

/// A content as it is to be submitted to these; nothing: as it is. Borrows for the call.
[[nodiscard]] Result<std::optional<contentseal::SealedContent>> seal_content(const mts::ContentType& type, ByteView content,
                                                                             std::span<const oraddress::ORAddress> recipients,
                                                                             const SmimeMaterial& material, const SealingOptions& options,
                                                                             WallTime now);
/// open_content() with our keys and those whom we believe. `originator`: of the envelope.
[[nodiscard]] Result<contentseal::Opened> open_with(const SmimeMaterial& material, ByteView sealed,
                                                    std::optional<oraddress::ORAddress> originator, WallTime now, std::size_t limit);

/// Thread safe, as what it stands on, which it borrows; so it does the source and the clock.
class SealingTransport final : public Transport {
 public:
  SealingTransport(Transport& inner, SmimeSource& source, SealingOptions options, const Clock& clock)
      : m_inner(inner), m_source(source), m_options(options), m_clock(clock) {}

  Result<sdk::Identity> identify(const CallOptions& options) override { return m_inner.identify(options); }
  Result<sdk::Health> health(const CallOptions& options) override { return m_inner.health(options); }
  Result<sdk::Binding> bind(const sdk::Bind& request, const CallOptions& options) override { return m_inner.bind(request, options); }
  Status unbind(const sdk::Unbind& request, const CallOptions& options) override { return m_inner.unbind(request, options); }
  Result<sdk::Submitted> submit(const sdk::Submit& request, ByteView content, const CallOptions& options) override;
  Result<sdk::Submitted> probe(const sdk::Probe& request, const CallOptions& options) override { return m_inner.probe(request, options); }
  Status cancel_deferred(const CancelDeferred& request, const CallOptions& options) override {
    return m_inner.cancel_deferred(request, options);
  }
  Result<sdk::EntryList> list(const sdk::List& request, const CallOptions& options) override;
  Result<sdk::Summary> summarize(const sdk::Summarize& request, const CallOptions& options) override {
    return m_inner.summarize(request, options);
  }
  Result<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions& options) override;
  Status remove(const sdk::Delete& request, const CallOptions& options) override { return m_inner.remove(request, options); }
  Status register_user(const sdk::Register& request, const CallOptions& options) override {
    return m_inner.register_user(request, options);
  }
  Result<sdk::Event> poll(const sdk::Poll& request, const CallOptions& options) override { return m_inner.poll(request, options); }

 private:
  /// Nothing: as it is.
  [[nodiscard]] Result<std::optional<contentseal::SealedContent>> sealed_for(const sdk::Submission& submission, ByteView content);
  [[nodiscard]] Status open_held(sdk::Fetched& fetched, Bytes sealed, const sdk::PieceSink& sink);
  /// Unavailable: our own keys cannot be asked. Every other error is a verdict.
  [[nodiscard]] Result<contentseal::Opened> open_or_retry(const sdk::Fetched& fetched, ByteView sealed);
  [[nodiscard]] Result<contentseal::Opened> open(const sdk::Fetched& fetched, ByteView sealed, const SmimeMaterial& material);

  Transport& m_inner;
  SmimeSource& m_source;
  const SealingOptions m_options;
  const Clock& m_clock;
};

}  // namespace postern::transport
