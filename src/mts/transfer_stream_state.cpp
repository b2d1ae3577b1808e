// Where an ApduReader stands, written down and taken up again.
#include <algorithm>

#include "mts/transfer_stream.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

/// Octet counts are kept as the signed number of the same bits; -1 stands for "not said".
struct SavedState {
  std::int64_t version = 1;
  std::int64_t phase = 0;
  std::int64_t at = 0;
  OctetString header;
  std::int64_t left = 0;
  std::vector<std::int64_t> frames;
  std::int64_t content_frames = 0;
  std::int64_t content_size = 0;
  std::int64_t size = -1;
  std::int64_t content_total = -1;
  OctetString collected;
  std::int64_t collected_header_at = 0;
  std::int64_t collected_skip = 0;
  std::int64_t collected_open = 0;
  bool collected_begun = false;
};
const Type& schema(Of<SavedState>) {
  using T = SavedState;
  static const Type type = sequence<T>("ApduReader", {
                                                         field<&T::version>("version"),
                                                         field<&T::phase>("phase"),
                                                         field<&T::at>("at"),
                                                         field<&T::header>("header").size(0, 16),
                                                         field<&T::left>("left"),
                                                         field<&T::frames>("frames"),
                                                         field<&T::content_frames>("content-frames"),
                                                         field<&T::content_size>("content-size"),
                                                         field<&T::size>("size"),
                                                         field<&T::content_total>("content-total"),
                                                         field<&T::collected>("collected"),
                                                         field<&T::collected_header_at>("collected-header-at"),
                                                         field<&T::collected_skip>("collected-skip"),
                                                         field<&T::collected_open>("collected-open"),
                                                         field<&T::collected_begun>("collected-begun"),
                                                     });
  return type;
}

std::int64_t number_of(const std::optional<std::uint64_t>& count) { return count ? static_cast<std::int64_t>(*count) : -1; }
std::optional<std::uint64_t> count_of(std::int64_t number) {
  return number == -1 ? std::nullopt : std::optional(static_cast<std::uint64_t>(number));
}
bool is_within(std::int64_t number, std::size_t most) { return number >= 0 && static_cast<std::uint64_t>(number) <= most; }

}  // namespace

Bytes ApduReader::save() const {
  SavedState state;
  state.phase = static_cast<std::int64_t>(m_phase);
  state.at = static_cast<std::int64_t>(m_at);
  state.header.octets = m_header;
  state.left = static_cast<std::int64_t>(m_left);
  for (const Frame& frame : m_frames) state.frames.push_back(number_of(frame.end));
  state.content_frames = static_cast<std::int64_t>(m_content_frames);
  state.content_size = static_cast<std::int64_t>(m_content_size);
  state.size = number_of(m_size);
  state.content_total = number_of(m_content_total);
  state.collected.octets = m_collector.m_octets;
  state.collected_header_at = static_cast<std::int64_t>(m_collector.m_header_at);
  state.collected_skip = static_cast<std::int64_t>(m_collector.m_skip);
  state.collected_open = static_cast<std::int64_t>(m_collector.m_open);
  state.collected_begun = m_collector.m_begun;
  return encode(state).value();  // nothing in it can be refused
}

Result<ApduReader> ApduReader::restore(ByteView saved, const Limits& limits) {
  POSTERN_TRY(SavedState state, decode<SavedState>(saved, {.strict = true}));
  // A version of ours, and nothing in it that a reader would not have come to.
  const std::size_t frames = state.frames.size();
  const auto phase = static_cast<Phase>(state.phase);
  const bool behind_content = phase == Phase::Closing || phase == Phase::Done || phase == Phase::Broken;  // elements are closed already
  const bool in_content = phase == Phase::ContentHeader || phase == Phase::Segments;
  const bool sound = state.version == 1 && is_within(state.phase, static_cast<std::size_t>(Phase::Broken)) && frames <= limits.depth &&
                     is_within(state.content_frames, behind_content ? limits.depth : frames) &&
                     static_cast<std::uint64_t>(state.content_size) <= limits.content && (!in_content || frames > 0) &&
                     (phase != Phase::Segments || static_cast<std::size_t>(state.content_frames) < frames) &&
                     state.collected.octets.size() <= std::max(limits.envelope, limits.other) &&
                     is_within(state.collected_header_at, state.collected.octets.size()) && is_within(state.collected_open, limits.depth);
  if (!sound) return fail(ErrorCode::BadInput, "is no state of a reader with these limits; receive the message again", "ApduReader");
  ApduReader reader(limits);
  reader.m_phase = phase;
  reader.m_at = static_cast<std::uint64_t>(state.at);
  reader.m_header = std::move(state.header.octets);
  reader.m_left = static_cast<std::uint64_t>(state.left);
  for (const std::int64_t end : state.frames) reader.m_frames.push_back({count_of(end)});
  reader.m_content_frames = static_cast<std::size_t>(state.content_frames);
  reader.m_content_size = static_cast<std::uint64_t>(state.content_size);
  reader.m_size = count_of(state.size);
  reader.m_content_total = count_of(state.content_total);
  reader.m_collector.m_octets = std::move(state.collected.octets);
  reader.m_collector.m_header_at = static_cast<std::size_t>(state.collected_header_at);
  reader.m_collector.m_skip = static_cast<std::uint64_t>(state.collected_skip);
  reader.m_collector.m_open = static_cast<std::size_t>(state.collected_open);
  reader.m_collector.m_begun = state.collected_begun;
  return reader;
}

}  // namespace postern::mts
