// rooms: custody
// A hostile keeper: any bytes into the gate's side, as a welcome, as frames, and as the answer to every call there is. Never a crash; what
// is read as a value is written again to the same bytes.
#include <cstdlib>

#include "base/log.hpp"
#include "custody/channel.hpp"
#include "custody/remote_keeper.hpp"
#include "custody/vault_codec.hpp"

namespace {

using namespace postern;
using namespace postern::custody;

template <class R>
void answer_of(R /*row*/, ByteView body) {
  const typename R::Answer answer = read_answer<R>(body);
  if (!answer) {
    if (answer.error().code != ErrorCode::Unavailable) std::abort();
    return;
  }
  // Keys of OpenSSL have more than one form; everything else has one.
  if constexpr (!std::is_void_v<typename R::Value> && !std::is_same_v<typename R::Value, PublicKey>) {
    Writer out;
    Codec<typename R::Value>::write(out, *answer);
    const auto frame = std::move(out).finish();
    if (!frame || !std::ranges::equal(ByteView(*frame).subspan(kSizeField), body)) std::abort();
  }
}

void every_answer(ByteView body) {
  for (unsigned number = 0; number < 256; ++number) {
    (void)with_row(KeeperCalls{}, static_cast<std::uint8_t>(number), [&](auto row) { answer_of(row, body); });
  }
  Reader in(body);
  (void)read_vault_reply(in);
}

void one_frame(ByteView body) {
  Reader in(body);
  const auto head = read_reply_head(in);
  if (!head) return;
  if (head->kind == ReplyKind::Failed) {
    (void)read_error(in);
  } else {
    every_answer(in.remainder());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  log::configure(log::Level::Error, log::Format::Text);
  ByteView rest(data, size);
  (void)read_welcome(rest);
  every_answer(rest);
  FrameReader reader;
  while (!rest.empty()) {
    const ByteSpan room = reader.room();
    const std::size_t count = std::min({room.size(), rest.size(), std::size_t{1} + size % 97});
    std::copy_n(rest.begin(), count, room.begin());
    reader.received(count);
    rest = rest.subspan(count);
    while (true) {
      const auto body = reader.next(kMaxFrame);
      if (!body) return 0;
      if (!*body) break;
      one_frame(**body);
    }
  }
  return 0;
}
