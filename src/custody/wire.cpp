#include "custody/wire.hpp"

#include "custody/calls.hpp"

namespace postern::custody {
namespace {

constexpr std::uint32_t kMagic = 0x50535443;  // "PSTC"
constexpr std::uint16_t kProtocol = 1;
constexpr std::size_t kMaxBuild = 64;
constexpr std::size_t kMaxWelcomeText = 400;
static_assert(kSizeField + 4 + 1 + 4 + kMaxBuild + 4 + kMaxWelcomeText <= kMaxGreeting);

std::string_view cut(std::string_view text, std::size_t limit) { return text.substr(0, limit); }

Status expect_magic(Reader& in) {
  POSTERN_TRY(const std::uint32_t magic, in.read_u32("magic"));
  if (magic != kMagic) return fail(ErrorCode::BadInput, "is not this protocol", "magic");
  return {};
}

WipedBytes finished(Writer&& out) { return *std::move(out).finish(); }

}  // namespace

Writer& Writer::block(ByteView view) {
  if (view.size() > kMaxFrame) {
    refuse({ErrorCode::TooLarge, "the request to the keeper is larger than " + std::to_string(kMaxFrame >> 20) + " MiB", {}});
    return u32(0);
  }
  return u32(static_cast<std::uint32_t>(view.size())).bytes(view);
}

Result<WipedBytes> Writer::finish() && {
  if (m_fault) return fail(*std::move(m_fault));
  const std::size_t body = m_out.size() - kSizeField;
  if (body > kMaxFrame)
    return fail(ErrorCode::TooLarge, "what passes to or from the keeper may have " + std::to_string(kMaxFrame >> 20) + " MiB");
  for (std::size_t i = 0; i < kSizeField; ++i) m_out[i] = static_cast<Byte>(body >> (8 * (kSizeField - 1 - i)));
  return std::move(m_out);
}

Result<std::string_view> Reader::text(std::string_view field, std::size_t limit) {
  POSTERN_TRY(const ByteView block, read_block(field));
  if (block.size() > limit) return fail(ErrorCode::BadInput, "is too long", std::string(field));
  return as_text(block);
}

Result<std::size_t> Reader::count(std::string_view field, std::size_t least) {
  POSTERN_TRY(const std::uint32_t count, read_u32(field));
  if (count > remaining() / least) return fail(ErrorCode::BadInput, "counts more than there is", std::string(field));
  return std::size_t{count};
}

Result<bool> Reader::flag(std::string_view field) {
  POSTERN_TRY(const std::uint8_t value, read_u8(field));
  if (value > 1) return fail(ErrorCode::BadInput, "is neither 0 nor 1", std::string(field));
  return value == 1;
}

Status Reader::end() const {
  if (!at_end()) return fail(ErrorCode::BadInput, std::to_string(remaining()) + " bytes too many");
  return {};
}

Greeting Greeting::own() { return {kProtocol, fingerprint(KeeperCalls{}), POSTERN_VERSION}; }

WipedBytes write_greeting(const Greeting& greeting) {
  Writer out;
  out.u32(kMagic).u16(greeting.protocol).u64(greeting.calls).block(cut(greeting.build, kMaxBuild));
  return finished(std::move(out));
}

Result<Greeting> read_greeting(ByteView body) {
  Reader in(body);
  POSTERN_CHECK(expect_magic(in));
  Greeting out;
  POSTERN_TRY(out.protocol, in.read_u16("protocol"));
  POSTERN_TRY(out.calls, in.read_u64("calls"));
  POSTERN_TRY(const std::string_view build, in.text("build", kMaxBuild));
  out.build = std::string(build);
  return out;  // a later version may say more
}

WipedBytes write_welcome(const Welcome& welcome) {
  Writer out;
  out.u32(kMagic).u8(welcome.accepted ? 1 : 0).block(cut(welcome.build, kMaxBuild)).block(cut(welcome.text, kMaxWelcomeText));
  return finished(std::move(out));
}

Result<Welcome> read_welcome(ByteView body) {
  Reader in(body);
  POSTERN_CHECK(expect_magic(in));
  Welcome out;
  POSTERN_TRY(out.accepted, in.flag("accepted"));
  POSTERN_TRY(const std::string_view build, in.text("build", kMaxBuild));
  POSTERN_TRY(const std::string_view text, in.text("text", kMaxWelcomeText));
  out.build = std::string(build);
  out.text = std::string(text);
  return out;
}

Welcome answer_to(const Greeting& theirs, const Greeting& own) {
  if (theirs == own) return {true, own.build, {}};
  const auto name = [](const Greeting& one) {
    const std::array<Byte, 4> calls{static_cast<Byte>(one.calls >> 24), static_cast<Byte>(one.calls >> 16),
                                    static_cast<Byte>(one.calls >> 8), static_cast<Byte>(one.calls)};
    return one.build + " (protocol " + std::to_string(one.protocol) + ", calls " + hex_encode(calls) + ")";
  };
  return {
      false, own.build,
      "gate and keeper are of different builds: the gate is " + name(theirs) + ", the keeper is " + name(own) + "; restart the service"};
}

Result<RequestHead> read_request_head(Reader& in) {
  RequestHead head;
  POSTERN_TRY(head.id, in.read_u64("id"));
  POSTERN_TRY(head.call, in.read_u8("call"));
  POSTERN_TRY(head.patience, in.read_u32("patience"));
  return head;
}

Writer begin_request(std::uint8_t call, std::size_t expected) {
  Writer out(expected);
  out.u64(0).u8(call).u32(0);
  return out;
}

void stamp(WipedBytes& frame, std::uint64_t id, std::uint32_t patience) noexcept {
  for (std::size_t i = 0; i < 8; ++i) frame[kSizeField + i] = static_cast<Byte>(id >> (8 * (7 - i)));
  for (std::size_t i = 0; i < 4; ++i) frame[kSizeField + 9 + i] = static_cast<Byte>(patience >> (8 * (3 - i)));
}

Result<ReplyHead> read_reply_head(Reader& in) {
  ReplyHead head;
  POSTERN_TRY(head.id, in.read_u64("id"));
  POSTERN_TRY(head.kind, in.choice("kind", ReplyKind::Failed));
  return head;
}

Writer begin_reply(std::uint64_t id, ReplyKind kind, std::size_t expected) {
  Writer out(expected);
  out.u64(id).u8(static_cast<std::uint8_t>(kind));
  return out;
}

void write_error_body(Writer& out, const Error& error) {
  out.u8(static_cast<std::uint8_t>(error.code)).block(cut(error.what, kMaxErrorText)).block(cut(error.field, kMaxErrorText));
}

WipedBytes write_error(std::uint64_t id, const Error& error) {
  Writer out = begin_reply(id, ReplyKind::Failed);
  write_error_body(out, error);
  return finished(std::move(out));
}

Result<Error> read_error(Reader& in) {
  Error out;
  POSTERN_TRY(out.code, in.choice("code", ErrorCode::Internal));
  POSTERN_TRY(const std::string_view what, in.text("what", kMaxErrorText));
  POSTERN_TRY(const std::string_view field, in.text("field", kMaxErrorText));
  POSTERN_CHECK(in.end());
  out.what = std::string(what);
  out.field = std::string(field);
  return out;
}

}  // namespace postern::custody
