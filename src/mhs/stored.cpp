#include "mhs/stored.hpp"

#include <algorithm>

#include "base/cursor.hpp"

namespace postern::mhs {
namespace {

constexpr std::string_view kMagic("PX4\x01", 4);

}  // namespace

asn1::DecodeOptions stored_form_options() {
  asn1::DecodeOptions options;
  options.elements = 4'000'000;
  return options;
}

Result<Bytes> stored_front(StoredKind kind, ByteView head) {
  if (head.size() > kStoredHeadLimit) return fail(ErrorCode::TooLarge, "an envelope or report of more than 32 MiB");
  ByteWriter out;
  out.write_bytes(as_bytes(kMagic)).write_u8(static_cast<std::uint8_t>(kind)).write_block(head);
  return std::move(out).take();
}

Result<StoredFrame> parse_stored_frame(ByteView front) {
  ByteReader reader(front);
  const auto magic = reader.read_bytes(kMagic.size(), "magic");
  const auto kind = reader.read_u8("kind");
  const auto head = reader.read_u32("length");
  if (!magic || !kind || !head || as_text(*magic) != kMagic || *kind < 1 || *kind > 3 || *head > kStoredHeadLimit)
    return fail(ErrorCode::IntegrityFailed, "the queue item is no stored APDU of the MTS");
  return StoredFrame{static_cast<StoredKind>(*kind), *head};
}

}  // namespace postern::mhs
