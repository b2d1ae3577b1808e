#include "mhs/outgoing.hpp"

#include <algorithm>

#include "asn1/ber.hpp"

namespace postern::mhs {
Result<Outgoing> Outgoing::load(Spool& spool, const Work& work) {
  Outgoing out;
  if (work.loaded) {
    out.m_item = work.loaded;
  } else {
    POSTERN_TRY(QueueItem item, spool.load(work));
    out.m_item = std::make_shared<const QueueItem>(std::move(item));
  }
  if (const Status read = out.read_head(spool); !read) {
    if (read.error().code == ErrorCode::IntegrityFailed) spool.quarantine_damaged(work.item, read.error().what);
    if (read.error().code == ErrorCode::NotFound)
      spool.give_back(work, std::chrono::seconds(1));  // removed meanwhile: the next load ends it
    return fail(read.error());
  }
  return out;
}

Status Outgoing::read_head(Spool& spool) {
  if (!in_memory()) {
    POSTERN_TRY(m_reader, spool.reader(m_item->item));
  }
  Bytes front(kStoredFrame);
  POSTERN_CHECK(read(0, front));  // the frame is still empty: offsets are those of the item
  POSTERN_TRY(const StoredFrame frame, parse_stored_frame(front));
  Bytes head(frame.head);
  POSTERN_TRY(const std::size_t got, read(kStoredFrame, head));
  if (got != head.size()) return fail(ErrorCode::IntegrityFailed, "the stored APDU ends in its head");
  auto decoded = [&]() -> Status {
    if (frame.kind != StoredKind::Message) {
      POSTERN_TRY(m_apdu, asn1::decode<mts::MTSApdu>(head, stored_form_options()));
      return {};
    }
    POSTERN_TRY(m_apdu.value.emplace<mts::Message>().envelope, asn1::decode<mts::MessageTransferEnvelope>(head, stored_form_options()));
    return {};
  }();
  if (!decoded) return fail(ErrorCode::IntegrityFailed, "the stored APDU cannot be read: " + decoded.error().text());
  m_frame = frame;
  for (const DueRecipient& recipient : m_item->recipients) {
    POSTERN_TRY(Fate fate, parse_fate(recipient.orcpt));
    m_due.push_back({recipient.index, std::move(fate), recipient.attempts});
  }
  return {};
}

std::uint64_t Outgoing::content_size() const noexcept {
  const std::uint64_t whole = m_reader ? m_reader->size() : m_item->content->size();
  return whole - std::min<std::uint64_t>(whole, m_frame.content_at());
}

Result<std::size_t> Outgoing::read(std::uint64_t offset, ByteSpan out) {
  offset += m_frame.head == 0 ? 0 : m_frame.content_at();
  if (m_reader) {
    POSTERN_CHECK(m_reader->seek(offset));
    return m_reader->read(out);
  }
  const ByteView whole = as_bytes(*m_item->content);
  if (offset > whole.size()) return fail(ErrorCode::BadInput, "a position behind the end of the content", "offset");
  const std::size_t size = std::min<std::size_t>(out.size(), whole.size() - static_cast<std::size_t>(offset));
  std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
  return size;
}

}  // namespace postern::mhs
