#include "sdk/wire.hpp"

namespace postern::sdk {

const char* name_of(Call call) noexcept {
  switch (call) {
    case Call::Open: return "open";
    case Call::Identify: return "identify";
    case Call::Health: return "health";
    case Call::Bind: return "bind";
    case Call::Unbind: return "unbind";
    case Call::Submit: return "submit";
    case Call::Probe: return "probe";
    case Call::List: return "list";
    case Call::Summarize: return "summarize";
    case Call::Fetch: return "fetch";
    case Call::Delete: return "delete";
    case Call::Register: return "register";
    case Call::Poll: return "poll";
  }
  return "unknown call";
}

Bytes frame(Kind kind, std::uint64_t id, ByteView body) {
  ByteWriter out;
  out.write_u32(static_cast<std::uint32_t>(kFrameHead - 4 + body.size())).write_u8(static_cast<std::uint8_t>(kind)).write_u64(id);
  out.write_bytes(body);
  return std::move(out).take();
}

Result<std::optional<std::pair<Frame, std::size_t>>> read_frame(ByteView bytes) {
  ByteReader in(bytes);
  const auto size = in.read_u32("size");
  if (!size) return std::nullopt;
  if (*size < kFrameHead - 4) return fail(ErrorCode::BadInput, "is too short for kind and id", "frame");
  if (*size > kMaxFrame) return fail(ErrorCode::TooLarge, "is longer than " + std::to_string(kMaxFrame) + " octets", "frame");
  const auto whole = in.read_bytes(*size, "frame");
  if (!whole) return std::nullopt;
  ByteReader inner(*whole);
  POSTERN_TRY(const std::uint8_t kind, inner.read_u8("kind"));
  POSTERN_TRY(const std::uint64_t id, inner.read_u64("id"));
  if (kind < static_cast<std::uint8_t>(Kind::Hello) || kind > static_cast<std::uint8_t>(Kind::Verdict))
    return fail(ErrorCode::BadInput, "has an unknown kind", "frame");
  const ByteView body = inner.remainder();
  return std::pair(Frame{static_cast<Kind>(kind), id, {body.begin(), body.end()}}, std::size_t{4} + *size);
}

}  // namespace postern::sdk
