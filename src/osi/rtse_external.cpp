#include "osi/rtse_external.hpp"

#include <algorithm>

#include "asn1/ber.hpp"

namespace postern::osi {

namespace {

constexpr std::size_t kEndOfContents = 2;
constexpr asn1::Tag kExternal = asn1::universal(8);

tl::unexpected<Error> broken(std::string what) { return fail(ErrorCode::BadInput, std::move(what), "EXTERNAL"); }

void write_indefinite(Bytes& out, Byte identifier) {
  out.push_back(identifier);
  out.push_back(0x80);
}

}  // namespace

ExternalFrame external_frame(std::int64_t context, std::optional<std::uint64_t> size) {
  const Bytes reference = *asn1::encode(context);
  ExternalFrame frame;
  if (!size) {
    write_indefinite(frame.prefix, 0x28);
    append(frame.prefix, reference);
    write_indefinite(frame.prefix, 0xA0);
    frame.suffix.assign(2 * kEndOfContents, 0);
    return frame;
  }
  Bytes inner;
  asn1::write_header(inner, asn1::context(0), true, *size);
  asn1::write_header(frame.prefix, kExternal, true, reference.size() + inner.size() + *size);
  append(frame.prefix, reference);
  append(frame.prefix, inner);
  return frame;
}

struct ExternalReader::Header {
  std::size_t octets = 0;
  std::optional<std::int64_t> context;
  std::optional<std::uint64_t> remaining;
  std::uint8_t trailer = 0;
};

namespace {

/// The elements before "encoding": OBJECT IDENTIFIER, INTEGER, ObjectDescriptor. False: `header` is none of them.
Result<bool> skip_reference(ByteView element, const asn1::Header& header, std::optional<std::int64_t>& context) {
  if (header.tag != asn1::universal(6) && header.tag != asn1::universal(2) && header.tag != asn1::universal(7)) return false;
  if (header.tag != asn1::universal(2)) return true;
  POSTERN_TRY(context, asn1::decode_front<std::int64_t>(element));
  return true;
}

/// Lengths of the two levels to: octets of the APDU, and end-of-contents after them. `used`: octets of the outer content before the APDU.
Result<std::pair<std::optional<std::uint64_t>, std::uint8_t>> reconcile(const asn1::Header& outer, const asn1::Header& inner,
                                                                        std::uint64_t used) {
  using Pair = std::pair<std::optional<std::uint64_t>, std::uint8_t>;
  if (!outer.length && !inner.length) return Pair{std::nullopt, 0};
  if (!outer.length) return Pair{inner.length, kEndOfContents};
  if (*outer.length < used) return broken("its length ends before its encoding begins");
  const std::uint64_t rest = *outer.length - used;
  if (inner.length && *inner.length != rest) return broken("the lengths of EXTERNAL and its encoding contradict each other");
  if (inner.length) return Pair{rest, 0};
  if (rest < kEndOfContents) return broken("no room for end-of-contents");
  return Pair{rest - kEndOfContents, kEndOfContents};
}

}  // namespace

Result<std::optional<ExternalReader::Header>> ExternalReader::parse(ByteView octets) {
  using Answer = std::optional<Header>;
  POSTERN_TRY(const auto outer, asn1::peek_header(octets));
  if (!outer) return Answer();
  if (outer->tag != kExternal || !outer->constructed) return broken("the transferred data begins with another tag than EXTERNAL's");
  Header header;
  std::size_t at = outer->octets;
  for (;;) {
    POSTERN_TRY(const auto element, asn1::peek_header(octets.subspan(at)));
    if (!element) return Answer();
    if (element->tag.tag_class == asn1::TagClass::Context) {
      const bool single = element->tag.number == 0 && element->constructed;
      const bool aligned = element->tag.number == 1 && !element->constructed;
      if (!single && !aligned) return broken("its encoding is neither single-ASN1-type nor octet-aligned in one piece");
      header.octets = at + element->octets;
      POSTERN_TRY(const auto lengths, reconcile(*outer, *element, header.octets - outer->octets));
      std::tie(header.remaining, header.trailer) = lengths;
      return Answer(header);
    }
    if (!element->length) return broken("a reference of indefinite length");
    if (*element->length > kMaxHeader) return broken("a reference of " + std::to_string(*element->length) + " octets");
    const std::size_t size = element->octets + *element->length;
    if (octets.size() - at < size) return Answer();
    POSTERN_TRY(const bool known, skip_reference(octets.subspan(at, size), *element, header.context));
    if (!known) return broken("an element that EXTERNAL does not have: " + asn1::text_of(element->tag));
    at += size;
  }
}

Status ExternalReader::feed(ByteView octets, Bytes& apdu) {
  if (m_phase != Phase::Header) return body(octets, apdu);
  const std::size_t take = std::min(octets.size(), kMaxHeader - std::min(m_held.size(), kMaxHeader));
  const std::size_t before = m_held.size();
  append(m_held, octets.first(take));
  POSTERN_TRY(const auto header, parse(m_held));
  if (!header) {
    if (take < octets.size() || m_held.size() >= kMaxHeader)
      return broken("its header does not end within " + std::to_string(kMaxHeader) + " octets");
    return {};
  }
  m_context = header->context;
  m_remaining = header->remaining;
  m_trailer = header->trailer;
  m_phase = m_remaining ? Phase::Counted : Phase::Open;
  m_held.clear();
  return body(octets.subspan(header->octets - before), apdu);
}

Status ExternalReader::body(ByteView octets, Bytes& apdu) {
  if (m_phase == Phase::Counted) {
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(*m_remaining, octets.size()));
    append(apdu, octets.first(take));
    *m_remaining -= take;
    return trailer(octets.subspan(take));
  }
  // Both lengths are indefinite: the last four octets may be the two end-of-contents.
  constexpr std::size_t kHold = 2 * kEndOfContents;
  append(m_held, octets);
  if (m_held.size() <= kHold) return {};
  const std::size_t pass = m_held.size() - kHold;
  append(apdu, ByteView(m_held).first(pass));
  m_held.erase(m_held.begin(), m_held.begin() + static_cast<std::ptrdiff_t>(pass));
  return {};
}

Status ExternalReader::trailer(ByteView octets) {
  if (octets.size() > m_trailer) return broken("more follows after its end");
  if (std::ranges::any_of(octets, [](Byte each) { return each != 0; })) return broken("no end-of-contents where it should be");
  m_trailer = static_cast<std::uint8_t>(m_trailer - octets.size());
  return {};
}

Status ExternalReader::finish() const {
  const bool zeros = std::ranges::all_of(m_held, [](Byte each) { return each == 0; });
  switch (m_phase) {
    case Phase::Header: return broken("it is cut off in its header");
    case Phase::Counted:
      if (*m_remaining != 0) return broken("it is cut off: " + std::to_string(*m_remaining) + " octets are missing");
      if (m_trailer != 0) return broken("its end-of-contents is missing");
      return {};
    case Phase::Open:
      if (m_held.size() != 2 * kEndOfContents || !zeros) return broken("its end-of-contents is missing");
      return {};
  }
  return {};
}

namespace {
void put(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<Byte>(value >> shift));
}
std::uint64_t get(ByteView octets) {
  std::uint64_t value = 0;
  for (const Byte each : octets.first(8)) value = value << 8 | each;
  return value;
}
constexpr std::size_t kSaved = 3 + 8 + 8;
}  // namespace

Bytes ExternalReader::save() const {
  Bytes out{static_cast<Byte>(m_phase), m_trailer, static_cast<Byte>((m_context ? 1 : 0) | (m_remaining ? 2 : 0))};
  put(out, static_cast<std::uint64_t>(m_context.value_or(0)));
  put(out, m_remaining.value_or(0));
  append(out, m_held);
  return out;
}

Result<ExternalReader> ExternalReader::restore(ByteView saved) {
  if (saved.size() < kSaved || saved[0] > 2 || saved[1] > kEndOfContents || saved[2] > 3 || saved.size() > kSaved + kMaxHeader)
    return fail(ErrorCode::BadInput, "this is not what save() gave: start the transfer anew", "envelope");
  ExternalReader reader;
  reader.m_phase = static_cast<Phase>(saved[0]);
  reader.m_trailer = saved[1];
  if ((saved[2] & 1) != 0) reader.m_context = static_cast<std::int64_t>(get(saved.subspan(3)));
  if ((saved[2] & 2) != 0) reader.m_remaining = get(saved.subspan(11));
  reader.m_held.assign(saved.begin() + kSaved, saved.end());
  if ((reader.m_phase == Phase::Counted) != reader.m_remaining.has_value())
    return fail(ErrorCode::BadInput, "this is not what save() gave: start the transfer anew", "envelope");
  return reader;
}

}  // namespace postern::osi
