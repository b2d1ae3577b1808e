// rooms: custody
// A hostile gate: any bytes into the keeper's side, cut into frames as the server does, each given to the dispatcher over keys in memory.
// Never a crash, always a reply that reads as one, and no key is changed by a role that may not.
//
// Input: a byte for the role, then frames.
#include <cstdlib>

#include "base/log.hpp"
#include "custody/channel.hpp"
#include "custody/dispatcher.hpp"
#include "custody/server.hpp"
#include "keys/transit_keeper.hpp"

namespace {

using namespace postern;
using namespace postern::custody;

constexpr std::size_t kMostFrames = 48;

/// A world whose keys are cheap: made once, looked after at the end of each input.
struct World {
  ManualClock clock{wall_from_millis(1795308067000)};
  std::shared_ptr<Keeper> held = make_memory_keeper(clock).value();
};

vault::Reply echo(const vault::Request& request) {
  vault::Reply reply;
  reply.body = boost::json::serialize(request.data);
  return reply;
}

/// Slow calls are left to other tests: they would make keys all the time.
bool is_cheap(ByteView body) {
  Reader in(body);
  const auto head = read_request_head(in);
  if (!head) return true;
  bool cheap = true;
  (void)with_row(KeeperCalls{}, head->call, [&](auto row) { cheap = row.kNature == Nature::Repeatable && row.kCall != Call::Ensure; });
  return cheap;
}

void check_reply(ByteView frame) {
  Reader in(frame.subspan(kSizeField));
  if (frame.size() < kSizeField + kReplyHead) std::abort();
  const auto head = read_reply_head(in);
  if (!head) std::abort();
  if (head->kind == ReplyKind::Failed && !read_error(in)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World& world = *[] {
    log::configure(log::Level::Error, log::Format::Text);
    return new World;
  }();
  if (size == 0) return 0;
  Dispatcher gate({.role = data[0] % 2 == 0 ? Role::Gate : Role::Observer,
                   .keeper = *world.held,
                   .engine = {echo, [](const vault::Request& request) { return request.path.size() % 2 == 0; }},
                   .database_key = [] { return SecretBytes(as_bytes("a key of a database")); }});
  ByteView rest(data + 1, size - 1);
  (void)read_greeting(rest);
  FrameReader reader;
  std::size_t frames = 0;
  while (!rest.empty() && frames < kMostFrames) {
    const ByteSpan room = reader.room();
    const std::size_t count = std::min(room.size(), rest.size());
    std::copy_n(rest.begin(), count, room.begin());
    reader.received(count);
    rest = rest.subspan(count);
    while (frames++ < kMostFrames) {
      const auto body = reader.next(kMaxFrame);
      if (!body || !*body) break;
      if (!is_cheap(**body)) continue;
      const auto quick = gate.run_if_quick(**body);
      if (!quick) return 0;  // the channel is closed
      if (quick->frame) check_reply(*quick->frame);
      const auto reply = gate.run(**body);
      if (!reply) return 0;
      check_reply(*reply);
    }
  }
  const auto info = world.held->describe(key_names::kDkim);
  if (!info || info->latest != 1 || info->deletion_allowed) std::abort();
  return 0;
}
