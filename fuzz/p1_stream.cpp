// rooms: mts
// The octets of a P1 APDU as they come from RTSE, cut in pieces whose size the first octet gives. What is read in pieces must be what is
// read at once.
#include <algorithm>
#include <cstdlib>

#include "mts/transfer_stream.hpp"

using namespace postern;
using namespace postern::mts;

namespace {

struct Heard {
  bool end = false, error = false;
  Bytes content;
};

Heard listen(ApduReader& reader, ByteView octets, std::size_t piece) {
  Heard heard;
  while (!octets.empty() && !heard.end && !heard.error) {
    ByteView input = octets.first(std::min(piece, octets.size()));
    octets = octets.subspan(input.size());
    for (;;) {
      const auto event = reader.next(input);
      heard.error = !event;
      if (!event || *event == ApduReader::Event::NeedMore) break;
      heard.end = *event == ApduReader::Event::End;
      if (heard.end) break;
      if (*event == ApduReader::Event::Content) append(heard.content, reader.content());
    }
    if (!heard.end && !heard.error && !input.empty()) std::abort();  // NeedMore takes everything
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const ByteView octets(data + 1, size - 1);
  const ApduReader::Limits limits{.envelope = 1 << 16, .other = 1 << 16, .content = 1 << 16, .depth = 64};
  ApduReader cut(limits), at_once(limits);
  const Heard some = listen(cut, octets, 1 + data[0]);
  const Heard all = listen(at_once, octets, octets.size());
  if (some.end != all.end || some.error != all.error) std::abort();
  if (all.end && some.content != all.content) std::abort();
  const auto whole = asn1::decode<MTSApdu>(octets);
  if (!whole || !all.end) return 0;
  if (const auto* message = std::get_if<Message>(&whole->value)) {
    if (message->content.octets != all.content || !(message->envelope == at_once.envelope())) std::abort();
  } else if (!(at_once.apdu() == *whole)) {
    std::abort();
  }
  return 0;
}
