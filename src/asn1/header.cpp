// Identifier and length octets (X.690 8.1.2, 8.1.3), and the way over whole elements.
#include "asn1/ber.hpp"

namespace postern::asn1 {

namespace {

tl::unexpected<Error> malformed(std::string what) { return fail(ErrorCode::BadInput, std::move(what)); }

/// The high-tag-number form (8.1.2.4). nullopt: not whole yet.
Result<std::optional<std::uint32_t>> long_tag(ByteView input, std::size_t& at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; at < input.size(); ++i) {
    const Byte octet = input[at++];
    if (i == 0 && octet == 0x80) return malformed("a tag number begins with a zero octet (X.690 8.1.2.4.2)");
    number = number << 7 | (octet & 0x7FU);
    if (number > 0xFFFFFFFFU) return malformed("a tag number does not fit in 32 bits");
    if ((octet & 0x80U) == 0) return static_cast<std::uint32_t>(number);
  }
  return std::nullopt;
}

/// The length octets; false: not whole yet.
Result<bool> read_length(ByteView input, std::size_t& at, Header& header) {
  if (at >= input.size()) return false;
  const Byte first = input[at++];
  if (first < 0x80) return header.length = first, true;
  if (first == 0x80) {
    if (!header.constructed) return malformed("an indefinite length on a primitive element (X.690 8.1.3.2)");
    return header.length = std::nullopt, true;
  }
  const std::size_t count = first & 0x7FU;
  if (first == 0xFF) return malformed("length octet FF is reserved (X.690 8.1.3.5)");
  if (input.size() - at < count) return count > 126 ? Result<bool>(malformed("a length of too many octets")) : Result<bool>(false);
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if ((length >> 55) != 0) return malformed("a length does not fit in 63 bits");
    length = length << 8 | input[at++];
  }
  return header.length = length, true;
}

}  // namespace

Result<std::optional<Header>> peek_header(ByteView input) {
  if (input.empty()) return std::nullopt;
  Header header;
  const Byte first = input[0];
  std::size_t at = 1;
  header.tag = {static_cast<TagClass>(first >> 6), first & 0x1FU};
  header.constructed = (first & 0x20U) != 0;
  if (header.tag.number == 0x1F) {
    POSTERN_TRY(const std::optional<std::uint32_t> number, long_tag(input, at));
    if (!number) return std::nullopt;
    header.tag.number = *number;
  }
  POSTERN_TRY(const bool whole, read_length(input, at, header));
  if (!whole) return std::nullopt;
  header.octets = at;
  return header;
}

Result<std::size_t> element_size(ByteView input, const DecodeOptions& options) {
  std::size_t at = 0;
  std::size_t open = 0;  // indefinite elements begun and not ended
  for (std::size_t count = 0; count <= options.elements; ++count) {
    POSTERN_TRY(const std::optional<Header> header, peek_header(input.subspan(at)));
    if (!header) return malformed("at octet " + std::to_string(at) + ": ends within an identifier or length");
    const bool end_of_contents = header->tag == Tag{} && header->length == 0U && !header->constructed;
    if (end_of_contents && open == 0) return malformed("at octet " + std::to_string(at) + ": end-of-contents octets that end nothing");
    at += header->octets;
    if (end_of_contents) {
      --open;
    } else if (!header->length) {
      if (++open > options.depth)
        return fail(ErrorCode::TooLarge, "at octet " + std::to_string(at) + ": nested deeper than " + std::to_string(options.depth));
    } else {
      if (*header->length > input.size() - at)
        return malformed("at octet " + std::to_string(at) + ": a length of " + std::to_string(*header->length) + " where " +
                         std::to_string(input.size() - at) + " octets follow");
      at += static_cast<std::size_t>(*header->length);
    }
    if (open == 0) return at;
  }
  return fail(ErrorCode::TooLarge, "more than " + std::to_string(options.elements) + " elements");
}

void write_header(Bytes& out, Tag tag, bool constructed, std::uint64_t length) {
  const Byte lead = static_cast<Byte>(static_cast<unsigned>(tag.tag_class) << 6 | (constructed ? 0x20U : 0U));
  if (tag.number < 0x1F) {
    out.push_back(static_cast<Byte>(lead | tag.number));
  } else {
    out.push_back(lead | 0x1FU);
    int shift = 28;
    while ((tag.number >> shift) == 0) shift -= 7;
    for (; shift > 0; shift -= 7) out.push_back(static_cast<Byte>(0x80U | (tag.number >> shift & 0x7FU)));
    out.push_back(static_cast<Byte>(tag.number & 0x7FU));
  }
  if (length < 0x80) return out.push_back(static_cast<Byte>(length));
  int octets = 1;
  while (octets < 8 && (length >> (8 * octets)) != 0) ++octets;
  out.push_back(static_cast<Byte>(0x80 | octets));
  for (int i = octets - 1; i >= 0; --i) out.push_back(static_cast<Byte>(length >> (8 * i)));
}

}  // namespace postern::asn1
