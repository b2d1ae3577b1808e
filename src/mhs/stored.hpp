// How an APDU of the MTS lies in the queue: what the MTA needs to look at in front, the content behind it, untouched.
//
//   magic "PX4\x01" · kind (1 octet) · length of the head (4 octets, big-endian) · head · content
//
// The head of a message is its MessageTransferEnvelope in BER, with the trace of our arrival in it; its content follows. A probe or report
// is its whole MTS-APDU as head, and nothing follows.
#pragma once

#include "asn1/ber.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::mhs {

enum class StoredKind : std::uint8_t { Message = 1, Probe = 2, Report = 3 };

inline constexpr std::size_t kStoredFrame = 9;                      ///< Octets in front of the head.
inline constexpr std::size_t kStoredHeadLimit = 32U * 1024 * 1024;  ///< A report may return a content.

struct StoredFrame {
  StoredKind kind = StoredKind::Message;
  std::size_t head = 0;  ///< Octets.
  [[nodiscard]] std::size_t content_at() const noexcept { return kStoredFrame + head; }
};

/// For reading a head: what was taken in before is held by no limit of the network's counts, only by the form's.
[[nodiscard]] asn1::DecodeOptions stored_form_options();
/// Frame and head, for the content to be appended to. TooLarge above kStoredHeadLimit.
[[nodiscard]] Result<Bytes> stored_front(StoredKind kind, ByteView head);
/// Of at least kStoredFrame octets. IntegrityFailed: no stored APDU.
[[nodiscard]] Result<StoredFrame> parse_stored_frame(ByteView front);

}  // namespace postern::mhs
