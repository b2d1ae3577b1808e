// A P1 APDU as a stream: the envelope of a message as soon as it is whole, then its content in pieces as they come, so that a content of
// any size needs no memory; and the way back. Reports and probes, which are small, come whole.
//
// RTSE in normal mode carries the APDU in an EXTERNAL (X.228 annex, seen on the wire); reader and writer know both.
#pragma once

#include <functional>

#include "asn1/ber.hpp"
#include "mts/p1.hpp"

namespace postern::mts {

/// Octets of one element from a stream that is cut anywhere: definite and indefinite lengths, nested.
class ElementCollector {
 public:
  /// Takes from the front of `input` what belongs to the element. True: `octets()` is one whole element. BadInput: no BER; TooLarge: more
  /// than `limit` octets, or indefinite lengths nested deeper than `depth`.
  [[nodiscard]] Result<bool> take(ByteView& input, std::size_t limit, std::size_t depth);
  [[nodiscard]] const Bytes& octets() const noexcept { return m_octets; }
  void clear() { *this = {}; }

 private:
  friend class ApduReader;  // saves and restores it
  Status enter(const asn1::Header& header, std::size_t depth);
  void take_content(ByteView& input);

  Bytes m_octets;
  std::size_t m_header_at = 0;  ///< Where the header being read begins.
  std::uint64_t m_skip = 0;     ///< Content octets still to come before the next header.
  std::size_t m_open = 0;       ///< Indefinite elements that are open.
  bool m_begun = false;
};

/// Copyable: a copy is where the reader stood, to go back to when a transfer is cut after a checkpoint. save() is the same for a later
/// process.
class ApduReader {
 public:
  struct Limits {
    std::size_t envelope = 1 << 20;             ///< Octets of a message's envelope.
    std::size_t other = 16 << 20;               ///< Octets of a report (with returned content) or probe.
    std::uint64_t content = ~std::uint64_t{0};  ///< Octets of content; more is TooLarge.
    std::size_t depth = 64;                     ///< Nested elements and segments.
  };
  enum class Event : std::uint8_t {
    NeedMore,  ///< All input is taken.
    Envelope,  ///< envelope() is there.
    Content,   ///< content() is the next piece, never empty.
    Other,     ///< apdu() is there: a report or a probe.
    End,       ///< The APDU is whole; input behind it is left.
  };

  ApduReader() = default;
  explicit ApduReader(const Limits& limits) : m_limits(limits) {}

  /// Takes octets from the front of `input` until something happens. After an error or End, only Errors and End follow. Errors: BadInput
  /// and TooLarge with the offset in the APDU.
  [[nodiscard]] Result<Event> next(ByteView& input);
  /// After End of the octets: BadInput where the APDU is not whole (the peer ended the activity too early).
  [[nodiscard]] Status finish() const;

  [[nodiscard]] MessageTransferEnvelope& envelope() noexcept { return m_envelope; }
  /// Borrowed from the input of the last next().
  [[nodiscard]] ByteView content() const noexcept { return m_piece; }
  [[nodiscard]] MTSApdu& apdu() noexcept { return m_apdu; }
  /// Content octets so far.
  [[nodiscard]] std::uint64_t content_size() const noexcept { return m_content_size; }
  /// All octets of the APDU with its EXTERNAL, and of its content: where the peer said so (definite lengths) and as soon as he did.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept { return m_size; }
  [[nodiscard]] std::optional<std::uint64_t> content_total() const noexcept { return m_content_total; }

  /// Where the reader stands, as octets: small, but for an envelope (or report) that is not whole yet, which is in it. What was given out
  /// (envelope, apdu, quirks) is not.
  [[nodiscard]] Bytes save() const;
  /// A reader that goes on from there with the octet after. BadInput: no such state, or one that these limits would not have allowed.
  [[nodiscard]] static Result<ApduReader> restore(ByteView saved, const Limits& limits);

  /// What the peer wrote against the standard and was tolerated.
  [[nodiscard]] const std::vector<asn1::Quirk>& quirks() const noexcept { return m_quirks; }

 private:
  enum class Phase : std::uint8_t { Start, External, Apdu, Envelope, Other, ContentHeader, Segments, Octets, Closing, Done, Broken };
  /// A constructed element that is open; nullopt: until its end-of-contents octets.
  struct Frame {
    std::optional<std::uint64_t> end;
  };

  using Step = Result<std::optional<Event>>;  ///< nullopt: go on in the new phase.
  Step step(ByteView& input);
  Step on_start(const asn1::Header& header);
  Step on_external(const asn1::Header& header);
  Step on_apdu(const asn1::Header& header);
  Step on_segment(const asn1::Header& header);
  Step collect(ByteView& input);
  Step octets(ByteView& input);
  Step close(ByteView& input);
  Result<std::optional<asn1::Header>> read_header(ByteView& input);
  Status push(const asn1::Header& header);
  [[nodiscard]] bool frame_is_full() const noexcept;
  [[nodiscard]] std::uint64_t bound() const noexcept;  ///< Where the innermost definite element ends.
  [[nodiscard]] tl::unexpected<Error> wrong(std::string what, ErrorCode code = ErrorCode::BadInput) const;

  Limits m_limits;
  Phase m_phase = Phase::Start;
  std::uint64_t m_at = 0;  ///< Octets taken.
  Bytes m_header;          ///< Of a header that is not whole.
  std::uint64_t m_left = 0;
  std::vector<Frame> m_frames;
  std::size_t m_content_frames = 0;  ///< Frames that were open when the content began.
  ElementCollector m_collector;
  MessageTransferEnvelope m_envelope;
  MTSApdu m_apdu;
  ByteView m_piece;
  std::uint64_t m_content_size = 0;
  std::optional<std::uint64_t> m_size, m_content_total;
  std::vector<asn1::Quirk> m_quirks;
};

/// Where the content of a message comes from: fills `out` with octets from `offset` on and says how many (0 is an error: the content ended
/// early). Called again for the same offset after a resume.
using ContentSource = std::function<Result<std::size_t>(std::uint64_t offset, ByteSpan out)>;

/// A message APDU to be pulled in pieces, of a content whose length is known; definite lengths.
class MessageWriter {
 public:
  struct Options {
    std::optional<std::int64_t> external_context;  ///< Presentation context of MTSE: wrap in an EXTERNAL.
    asn1::EncodeRules rules = asn1::EncodeRules::Lenient;
    const asn1::Type* envelope = nullptr;  ///< Another description, of 1984: umpdu_envelope_1984().
  };
  [[nodiscard]] static Result<MessageWriter> make(const MessageTransferEnvelope& envelope, std::uint64_t content_length);
  [[nodiscard]] static Result<MessageWriter> make(const MessageTransferEnvelope& envelope, std::uint64_t content_length,
                                                  const Options& options);
  /// All octets of the APDU.
  [[nodiscard]] std::uint64_t size() const noexcept { return m_head.size() + m_content_length; }
  [[nodiscard]] std::uint64_t at() const noexcept { return m_at; }
  /// Back (or on) to an octet, to resume at a checkpoint. Past the end is BadInput.
  [[nodiscard]] Status seek(std::uint64_t at);
  /// Fills `out` as far as it goes and says how far: less than out.size() only at the end. Errors are the source's, or Unavailable where it
  /// ends early.
  [[nodiscard]] Result<std::size_t> pull(ByteSpan out, const ContentSource& content);

 private:
  Bytes m_head;
  std::uint64_t m_content_length = 0;
  std::uint64_t m_at = 0;
};

/// A report or probe (or a small message) whole, wrapped in an EXTERNAL where a context is given.
[[nodiscard]] Result<Bytes> encode_apdu(const MTSApdu& apdu, std::optional<std::int64_t> external_context = {});

}  // namespace postern::mts
