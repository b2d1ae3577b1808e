#include "mhs/transfer_in.hpp"

namespace postern::mhs {

using Event = mts::ApduReader::Event;

TransferIn::TransferIn(TransferInOptions options, StagingArea& staging, MessageId id, Seen seen)
    : m_options(options), m_staging(staging), m_id(std::move(id)), m_seen(std::move(seen)) {
  m_now.reader = mts::ApduReader(options.limits);
  m_kept = m_now;
}

TransferIn::TransferIn(TransferInOptions options, StagingArea& staging, std::shared_ptr<StagedContent> staged, mts::ApduReader reader,
                       std::uint64_t octets)
    : m_options(options), m_staging(staging), m_id(staged->message()), m_staged(std::move(staged)) {
  m_now.reader = std::move(reader);
  m_now.octets = octets;
  m_now.enveloped = true;
  m_kept = m_now;
}

Status TransferIn::append(ByteView octets) {
  m_now.octets += octets.size();
  for (;;) {
    POSTERN_TRY(const Event event, m_now.reader.next(octets));
    switch (event) {
      case Event::NeedMore: return {};
      case Event::Envelope: POSTERN_CHECK(take_envelope()); break;
      case Event::Content:
        postern::append(m_now.content, m_now.reader.content());
        if (m_now.content.size() <= m_options.memory) break;
        POSTERN_CHECK(stage());
        m_ahead = true;
        break;
      case Event::Other: break;
      case Event::End:
        if (!octets.empty()) return fail(ErrorCode::BadInput, "more follows after the APDU");
        return {};
    }
  }
}

Status TransferIn::take_envelope() {
  POSTERN_CHECK(m_seen(m_now.reader.envelope()));
  POSTERN_TRY(const Bytes envelope, asn1::encode_as_taken(m_now.reader.envelope()));
  POSTERN_TRY(m_front, stored_front(StoredKind::Message, envelope));
  m_now.enveloped = true;
  return {};
}

/// Content that is larger than memory shall hold, or that must outlive a crash.
Status TransferIn::stage() {
  if (!m_staged) {
    POSTERN_TRY(m_staged, m_staging.begin(m_id));
    POSTERN_CHECK(m_staged->append(m_front));
  }
  POSTERN_CHECK(m_staged->append(m_now.content));
  m_now.content.clear();
  return {};
}

Status TransferIn::checkpoint(std::string note, Bytes secret) {
  if (m_now.enveloped) {
    POSTERN_CHECK(stage());
    POSTERN_CHECK(m_staged->checkpoint(std::move(note), std::move(secret)));
  }
  m_kept = m_now;
  m_ahead = false;
  return {};
}

bool TransferIn::back_to_checkpoint() {
  if (m_ahead || m_kept.octets == 0) return false;
  m_now = m_kept;
  return true;
}

Result<Incoming> TransferIn::finish() {
  POSTERN_CHECK(m_now.reader.finish());
  Incoming out;
  out.id = m_id;
  out.quirks = m_now.reader.quirks();
  out.content_size = m_now.reader.content_size();
  if (!m_now.enveloped) {
    out.apdu = std::move(m_now.reader.apdu());
    return out;
  }
  out.apdu.value.emplace<mts::Message>().envelope = std::move(m_now.reader.envelope());
  if (!m_staged) {
    out.content = as_text(m_now.content);
    return out;
  }
  POSTERN_CHECK(stage());
  POSTERN_CHECK(m_staged->finish());
  out.staged = std::move(m_staged);
  return out;
}

}  // namespace postern::mhs
