#include "mts/transfer_stream.hpp"

#include <algorithm>

#include "asn1/ber.hpp"

namespace postern::mts {

using asn1::Header;

namespace {

/// So that no sum of lengths overflows.
constexpr std::uint64_t kLongestContent = std::uint64_t{1} << 62;

/// X.690 8.1.5.
bool is_end_of_contents(const Header& header) {
  return header.tag == asn1::universal(0) && !header.constructed && header.length == std::uint64_t{0};
}

ByteView take(ByteView& input, std::uint64_t at_most) {
  const ByteView taken = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(at_most, input.size())));
  input = input.subspan(taken.size());
  return taken;
}

}  // namespace

// ---- ElementCollector

Result<bool> ElementCollector::take(ByteView& input, std::size_t limit, std::size_t depth) {
  for (;;) {
    take_content(input);
    if (m_octets.size() > limit) return fail(ErrorCode::TooLarge, "more than " + std::to_string(limit) + " octets");
    if (m_begun && m_skip == 0 && m_open == 0 && m_header_at == m_octets.size()) return true;
    if (input.empty()) return false;
    if (m_skip != 0) continue;
    m_octets.push_back(input.front());
    input = input.subspan(1);
    POSTERN_TRY(const auto header, asn1::peek_header(ByteView(m_octets).subspan(m_header_at)));
    if (!header) continue;
    POSTERN_CHECK(enter(*header, depth));
    // What is larger than the limit is refused before it is kept.
    if (m_skip > limit - std::min(limit, m_octets.size()))
      return fail(ErrorCode::TooLarge, "more than " + std::to_string(limit) + " octets");
  }
}

void ElementCollector::take_content(ByteView& input) {
  if (m_skip == 0) return;
  const ByteView piece = mts::take(input, m_skip);
  append(m_octets, piece);
  m_skip -= piece.size();
  if (m_skip == 0) m_header_at = m_octets.size();
}

Status ElementCollector::enter(const Header& header, std::size_t depth) {
  m_begun = true;
  m_header_at = m_octets.size();
  if (is_end_of_contents(header)) {
    if (m_open == 0) return fail(ErrorCode::BadInput, "end-of-contents octets where nothing is open");
    --m_open;
    return {};
  }
  m_skip = header.length.value_or(0);
  if (header.length) return {};
  if (++m_open > depth) return fail(ErrorCode::TooLarge, "nested deeper than " + std::to_string(depth));
  return {};
}

// ---- ApduReader

tl::unexpected<Error> ApduReader::wrong(std::string what, ErrorCode code) const {
  return fail(code, "at octet " + std::to_string(m_at) + ": " + what, "MTS-APDU");
}

Result<ApduReader::Event> ApduReader::next(ByteView& input) {
  m_piece = {};
  while (m_phase != Phase::Done) {
    if (m_phase == Phase::Broken) return wrong("nothing can be read after what was wrong before");
    auto stepped = step(input);
    if (!stepped) {
      m_phase = Phase::Broken;
      return fail(std::move(stepped).error());
    }
    if (*stepped) return **stepped;
  }
  return Event::End;
}

Status ApduReader::finish() const {
  if (m_phase == Phase::Done) return {};
  return wrong("the APDU ends before it is whole");
}

ApduReader::Step ApduReader::step(ByteView& input) {
  if (m_phase == Phase::Envelope || m_phase == Phase::Other) return collect(input);
  if (m_phase == Phase::Octets) return octets(input);
  if (m_phase == Phase::Closing || (m_phase == Phase::Segments && frame_is_full())) return close(input);
  POSTERN_TRY(const auto header, read_header(input));
  if (!header) return Event::NeedMore;
  switch (m_phase) {
    case Phase::Start: return on_start(*header);
    case Phase::External: return on_external(*header);
    case Phase::Apdu: return on_apdu(*header);
    default: return on_segment(*header);
  }
}

Result<std::optional<Header>> ApduReader::read_header(ByteView& input) {
  while (!input.empty()) {
    m_header.push_back(input.front());
    input = input.subspan(1);
    ++m_at;
    auto header = asn1::peek_header(m_header);
    if (!header) return wrong(header.error().what);
    if (!*header) continue;
    m_header.clear();
    if (m_at > bound()) return wrong("an identifier or length that reaches past what surrounds it");
    return *header;
  }
  return std::nullopt;
}

std::uint64_t ApduReader::bound() const noexcept {
  const auto definite = std::find_if(m_frames.rbegin(), m_frames.rend(), [](const Frame& frame) { return frame.end.has_value(); });
  return definite == m_frames.rend() ? ~std::uint64_t{0} : *definite->end;
}

/// Opens a constructed element, which must lie within the one around it.
Status ApduReader::push(const Header& header) {
  if (!header.constructed) return wrong("a primitive encoding where a constructed one is required");
  if (m_frames.size() >= m_limits.depth) return wrong("nested deeper than " + std::to_string(m_limits.depth), ErrorCode::TooLarge);
  Frame frame;
  if (header.length) frame.end = m_at + *header.length;
  if (frame.end && (*frame.end < m_at || *frame.end > bound())) return wrong("a length that reaches past what surrounds it");
  if (m_frames.empty()) m_size = frame.end;
  m_frames.push_back(frame);
  return {};
}

bool ApduReader::frame_is_full() const noexcept { return !m_frames.empty() && m_frames.back().end == m_at; }

ApduReader::Step ApduReader::on_start(const Header& header) {
  if (header.tag != asn1::universal(8)) return on_apdu(header);
  POSTERN_CHECK(push(header));
  m_phase = Phase::External;
  return std::nullopt;
}

/// X.690 8.18: references and a descriptor may come before the single-ASN1-type [0].
ApduReader::Step ApduReader::on_external(const Header& header) {
  if (header.tag == asn1::context(0)) {
    POSTERN_CHECK(push(header));
    m_phase = Phase::Apdu;
    return std::nullopt;
  }
  const bool reference = header.tag == asn1::universal(2) || header.tag == asn1::universal(6) || header.tag == asn1::universal(7);
  if (!reference || header.constructed || !header.length || *header.length > 64)
    return wrong(text_of(header.tag) + " in an EXTERNAL that should hold a single ASN.1 type");
  m_left = *header.length;
  m_phase = Phase::Octets;
  return std::nullopt;
}

ApduReader::Step ApduReader::on_apdu(const Header& header) {
  if (header.tag == asn1::context(0)) {
    POSTERN_CHECK(push(header));
    m_phase = Phase::Envelope;
    return std::nullopt;
  }
  if (header.tag != asn1::context(1) && header.tag != asn1::context(2))
    return wrong(text_of(header.tag) + " is no alternative of MTS-APDU");
  if (m_frames.empty() && header.length) m_size = m_at + *header.length;
  // Collected with its header, which is written anew for that.
  Bytes again;
  if (header.length)
    asn1::write_header(again, header.tag, header.constructed, *header.length);
  else
    again = {static_cast<Byte>(0xA0 | header.tag.number), 0x80};
  ByteView front = again;
  auto begun = m_collector.take(front, m_limits.other, m_limits.depth);
  if (!begun) return wrong(begun.error().what, begun.error().code);
  m_phase = Phase::Other;
  return std::nullopt;
}

ApduReader::Step ApduReader::collect(ByteView& input) {
  const bool is_envelope = m_phase == Phase::Envelope;
  const std::size_t before = input.size();
  auto whole = m_collector.take(input, is_envelope ? m_limits.envelope : m_limits.other, m_limits.depth);
  m_at += before - input.size();
  if (!whole) return wrong(whole.error().what, whole.error().code);
  if (m_at > bound()) return wrong("an element reaches past what surrounds it");
  if (!*whole) return Event::NeedMore;
  asn1::DecodeOptions options{.depth = m_limits.depth, .quirks = &m_quirks};
  if (is_envelope) {
    POSTERN_TRY(m_envelope, asn1::decode<MessageTransferEnvelope>(m_collector.octets(), options));
    m_phase = Phase::ContentHeader;
  } else {
    POSTERN_TRY(m_apdu, asn1::decode<MTSApdu>(m_collector.octets(), options));
    m_phase = Phase::Closing;
  }
  m_collector.clear();
  return is_envelope ? Event::Envelope : Event::Other;
}

/// The content's own header, and the segments of a constructed one (X.690 8.7.3), nested as they may be.
ApduReader::Step ApduReader::on_segment(const Header& header) {
  if (m_phase == Phase::ContentHeader) m_content_frames = m_frames.size();
  if (m_phase == Phase::Segments && is_end_of_contents(header) && !m_frames.back().end) {
    m_frames.pop_back();
    m_phase = m_frames.size() == m_content_frames ? Phase::Closing : Phase::Segments;
    return std::nullopt;
  }
  if (header.tag != asn1::universal(4)) return wrong("expected OCTET STRING, found " + text_of(header.tag));
  if (header.constructed) {
    POSTERN_CHECK(push(header));
    m_phase = Phase::Segments;
    return std::nullopt;
  }
  m_left = header.length.value_or(0);
  if (m_phase == Phase::ContentHeader) m_content_total = m_left;
  if (m_left > bound() - m_at) return wrong("a length that reaches past what surrounds it");
  if (m_left > m_limits.content - m_content_size)
    return wrong("a content of more than " + std::to_string(m_limits.content) + " octets", ErrorCode::TooLarge);
  m_phase = Phase::Octets;
  return std::nullopt;
}

/// Octets of the content, or (before the APDU) of a reference in the EXTERNAL, which nobody needs.
ApduReader::Step ApduReader::octets(ByteView& input) {
  const bool in_external = m_content_frames == 0;
  const ByteView piece = take(input, m_left);
  m_left -= piece.size();
  m_at += piece.size();
  if (m_left == 0) {
    const bool whole = m_frames.size() == m_content_frames;
    m_phase = in_external ? Phase::External : whole ? Phase::Closing : Phase::Segments;
  }
  if (in_external) return m_left == 0 ? Step(std::nullopt) : Step(Event::NeedMore);
  m_content_size += piece.size();
  m_piece = piece;
  if (!piece.empty()) return Event::Content;
  return m_left == 0 ? Step(std::nullopt) : Step(Event::NeedMore);
}

/// Ends of elements: definite ones that are full, indefinite ones at their end-of-contents octets.
ApduReader::Step ApduReader::close(ByteView& input) {
  while (!m_frames.empty()) {
    const Frame& frame = m_frames.back();
    if (frame.end && *frame.end != m_at) return wrong("more follows where the value ends");
    if (!frame.end) {
      POSTERN_TRY(const auto header, read_header(input));
      if (!header) return Event::NeedMore;
      if (!is_end_of_contents(*header)) return wrong("more follows where the value ends");
    }
    m_frames.pop_back();
    if (m_phase == Phase::Segments && m_frames.size() > m_content_frames) return std::nullopt;
    m_phase = Phase::Closing;
  }
  m_phase = Phase::Done;
  return Event::End;
}

// ---- MessageWriter

namespace {

/// EXTERNAL {indirect-reference, single-ASN1-type [0]} around `size` octets that follow.
void write_external(Bytes& out, std::int64_t context, std::uint64_t size) {
  Bytes inner = asn1::encode(context).value();
  asn1::write_header(inner, asn1::context(0), true, size);
  asn1::write_header(out, asn1::universal(8), true, inner.size() + size);
  append(out, inner);
}

std::size_t header_size(asn1::Tag tag, std::uint64_t length) {
  Bytes header;
  asn1::write_header(header, tag, false, length);
  return header.size();
}

}  // namespace

Result<MessageWriter> MessageWriter::make(const MessageTransferEnvelope& envelope, std::uint64_t content_length) {
  return make(envelope, content_length, Options{});
}

Result<MessageWriter> MessageWriter::make(const MessageTransferEnvelope& envelope, std::uint64_t content_length, const Options& options) {
  if (content_length > kLongestContent)
    return fail(ErrorCode::TooLarge, "a content of " + std::to_string(content_length) + " octets", "content");
  const asn1::Type& type = options.envelope != nullptr ? *options.envelope : schema(asn1::Of<MessageTransferEnvelope>{});
  POSTERN_TRY(const Bytes encoded, asn1::encode(envelope, type, options.rules));
  const std::uint64_t inner = encoded.size() + header_size(asn1::universal(4), content_length) + content_length;
  MessageWriter writer;
  writer.m_content_length = content_length;
  if (options.external_context) write_external(writer.m_head, *options.external_context, header_size(asn1::context(0), inner) + inner);
  asn1::write_header(writer.m_head, asn1::context(0), true, inner);
  append(writer.m_head, encoded);
  asn1::write_header(writer.m_head, asn1::universal(4), false, content_length);
  return writer;
}

Status MessageWriter::seek(std::uint64_t at) {
  if (at > size()) return fail(ErrorCode::BadInput, "octet " + std::to_string(at) + " of " + std::to_string(size()), "checkpoint");
  m_at = at;
  return {};
}

Result<std::size_t> MessageWriter::pull(ByteSpan out, const ContentSource& content) {
  std::size_t filled = 0;
  while (filled < out.size() && m_at < size()) {
    const ByteSpan room = out.subspan(filled);
    std::size_t got = 0;
    if (m_at < m_head.size()) {
      got = std::min<std::size_t>(room.size(), m_head.size() - static_cast<std::size_t>(m_at));
      std::copy_n(m_head.begin() + static_cast<std::ptrdiff_t>(m_at), got, room.begin());
    } else {
      const std::uint64_t left = size() - m_at;
      POSTERN_TRY(got, content(m_at - m_head.size(), room.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, room.size())))));
      if (got == 0) return fail(ErrorCode::Unavailable, "the content ended " + std::to_string(left) + " octets early", "content");
    }
    filled += got;
    m_at += got;
  }
  return filled;
}

Result<Bytes> encode_apdu(const MTSApdu& apdu, std::optional<std::int64_t> external_context) {
  POSTERN_TRY(const Bytes encoded, asn1::encode_as_taken(apdu));
  Bytes out;
  if (external_context) write_external(out, *external_context, encoded.size());
  append(out, encoded);
  return out;
}

}  // namespace postern::mts
