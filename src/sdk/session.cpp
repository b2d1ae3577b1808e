#include "sdk/session.hpp"

#include <cstring>

#include "base/secret.hpp"
#include "base/text.hpp"
#include "sdk/inspect.hpp"
#include "sdk/lend.hpp"

namespace postern::sdk {
namespace {

Refusal refusal_of(Error error, bool distrust = false) { return {std::move(error), {}, distrust}; }

/// What on_content hands on, and how much it was.
struct Pieces {
  const PieceSink& give;
  std::uint64_t given = 0;
  bool lied = false;
};

std::int32_t on_content(void* data, const std::uint8_t* octets, std::size_t size) {
  auto& pieces = *static_cast<Pieces*>(data);
  pieces.lied = pieces.lied || octets == nullptr || size == 0 || size > PTRDIFF_MAX;
  if (pieces.lied) return 1;
  pieces.given += size;
  for (ByteView rest(octets, size); !rest.empty();) {
    const ByteView piece = rest.first(std::min(rest.size(), kPiece));
    if (!pieces.give(piece)) return 1;
    rest = rest.subspan(piece.size());
  }
  return 0;
}

std::string octets_text(const Bytes& octets) { return octets.empty() ? "" : " (the peer's octets: " + hex_encode(octets) + ")"; }

}  // namespace

ErrorCode code_of(postern_x400_status status) noexcept {
  switch (status) {
    case POSTERN_X400_BAD_ARGUMENT: return ErrorCode::BadInput;
    case POSTERN_X400_UNKNOWN_HANDLE: return ErrorCode::Conflict;
    case POSTERN_X400_UNSUPPORTED: return ErrorCode::Unsupported;
    case POSTERN_X400_NO_MEMORY: return ErrorCode::Exhausted;
    case POSTERN_X400_UNAVAILABLE: return ErrorCode::Unavailable;
    case POSTERN_X400_TIMED_OUT: return ErrorCode::Timeout;
    case POSTERN_X400_CANCELLED: return ErrorCode::Conflict;
    case POSTERN_X400_NOT_AUTHENTICATED: return ErrorCode::Denied;
    case POSTERN_X400_REFUSED: return ErrorCode::Denied;
    case POSTERN_X400_NOT_FOUND: return ErrorCode::NotFound;
    case POSTERN_X400_OVER_LIMIT: return ErrorCode::TooLarge;
    case POSTERN_X400_ENDED: return ErrorCode::Unavailable;
    case POSTERN_X400_PROTOCOL: return ErrorCode::Unavailable;
    default: return ErrorCode::Internal;
  }
}

ErrorBuffer::ErrorBuffer(bool diagnostics) noexcept {
  m_raw.struct_size = sizeof m_raw;
  m_raw.text = m_text.data();
  m_raw.text_capacity = m_text.size();
  m_raw.field = m_field.data();
  m_raw.field_capacity = m_field.size();
  m_raw.diagnostic = diagnostics ? m_diagnostic.data() : nullptr;
  m_raw.diagnostic_capacity = diagnostics ? m_diagnostic.size() : 0;
}

bool ErrorBuffer::sizes_hold() const noexcept {
  return m_raw.text_size <= m_text.size() && m_raw.field_size <= m_field.size() && m_raw.diagnostic_size <= m_raw.diagnostic_capacity;
}

Refusal ErrorBuffer::refusal(postern_x400_status status, const postern_x400_sdk& table, const char* doing) const {
  if (!sizes_hold())
    return refusal_of(
        {ErrorCode::Internal, "the X.400 library is at fault: it says it wrote beyond the buffers of postern_x400_error", doing}, true);
  Refusal out{{code_of(status), {m_text.data(), m_raw.text_size}, {m_field.data(), m_raw.field_size}}, {}, false};
  if (!is_utf8(out.error.what) || out.error.what.empty()) {
    const char* words = table.status_text(status);
    out.error.what = words == nullptr ? "status " + std::to_string(status) : printable(words);
  }
  if (!is_utf8(out.error.field)) out.error.field.clear();
  if (out.error.field.empty()) out.error.field = std::string("x400.") + doing;
  out.diagnostic.assign(m_diagnostic.begin(), m_diagnostic.begin() + static_cast<std::ptrdiff_t>(m_raw.diagnostic_size));
  out.error.what += octets_text(out.diagnostic);
  return out;
}

struct Session::Context {
  Call call;
  postern_x400_call lent;
  bool diagnostics;
  ByteView content;
  const PieceSink& give;
};

template <class T, class Invoke, class Read>
Reply Session::answer(const Context& context, Invoke invoke, Read read) {
  T* result = nullptr;
  ErrorBuffer error(context.diagnostics);
  const postern_x400_status status = invoke(&result, error.raw());
  if (status != POSTERN_X400_OK) {
    if (result != nullptr)
      return refusal_of(
          {ErrorCode::Internal, "the X.400 library is at fault: it failed, and handed a result out too", name_of(context.call)}, true);
    return error.refusal(status, m_table, name_of(context.call));
  }
  Inspector inspector;
  const auto value = read(inspector, result);
  if (!inspector.distrust()) m_table.release(result);
  if (inspector.fault()) return refusal_of(*inspector.fault(), inspector.distrust());
  return encode(value);
}

template <class Invoke>
Reply Session::answer_done(const Context& context, Invoke invoke) {
  ErrorBuffer error(context.diagnostics);
  const postern_x400_status status = invoke(error.raw());
  if (status == POSTERN_X400_OK) return Bytes();
  return error.refusal(status, m_table, name_of(context.call));
}

Reply Session::handle(const Context& context, const Open& request) {
  postern_x400_open_args args{};
  args.struct_size = sizeof args;
  args.profile = lend(request.profile);
  args.settings = lend(request.settings);
  args.log = [](void*, std::uint32_t, postern_x400_text) {};  // its words may hold what no log of ours may
  postern_x400_handle library = 0;
  Reply reply = answer_done(context, [&](auto* error) { return m_table.open(&context.lent, &args, &library, error); });
  if (std::holds_alternative<Bytes>(reply) && library == 0)
    return refusal_of({ErrorCode::Internal, "the X.400 library is at fault: open() gave out handle 0", "open"}, true);
  m_library = library;
  return reply;
}

Reply Session::handle(const Context& context, const Identify&) {
  return answer<postern_x400_identity>(
      context, [&](auto** result, auto* error) { return m_table.identify(m_library, result, error); },
      [](Inspector& look, const auto* result) { return look.identity(result); });
}

Reply Session::handle(const Context& context, const AskHealth&) {
  return answer<postern_x400_health>(
      context, [&](auto** result, auto* error) { return m_table.health(m_library, result, error); },
      [](Inspector& look, const auto* result) { return look.health(result); });
}

Reply Session::handle(const Context& context, const Bind& request) {
  const postern_x400_bind_args args = lend(request);
  return answer<postern_x400_binding>(
      context, [&](auto** result, auto* error) { return m_table.bind(m_library, &context.lent, &args, result, error); },
      [](Inspector& look, const auto* result) { return look.binding(result); });
}

Reply Session::handle(const Context& context, const Unbind& request) {
  return answer_done(context, [&](auto* error) { return m_table.unbind(request.association.handle, &context.lent, error); });
}

Reply Session::handle(const Context& context, const Submit& request) {
  const LentSubmission args(request.submission, context.content);
  return answer<postern_x400_submission_result>(
      context,
      [&](auto** result, auto* error) { return m_table.submit(request.association.handle, &context.lent, &args.out, result, error); },
      [](Inspector& look, const auto* result) { return look.submitted(result); });
}

Reply Session::handle(const Context& context, const Probe& request) {
  const LentSubmission args(request.submission, ByteView());
  return answer<postern_x400_submission_result>(
      context,
      [&](auto** result, auto* error) { return m_table.probe(request.association.handle, &context.lent, &args.out, result, error); },
      [](Inspector& look, const auto* result) { return look.submitted(result); });
}

Reply Session::handle(const Context& context, const List& request) {
  const LentList args(request);
  return answer<postern_x400_entry_list>(
      context,
      [&](auto** result, auto* error) { return m_table.list(request.association.handle, &context.lent, &args.out, result, error); },
      [&](Inspector& look, const auto* result) { return look.entry_list(result, request.limit); });
}

Reply Session::handle(const Context& context, const Summarize& request) {
  const LentFilter filter(request.filter);
  return answer<postern_x400_summary>(
      context,
      [&](auto** result, auto* error) {
        return m_table.summarize(request.association.handle, &context.lent, filter.pointer, result, error);
      },
      [](Inspector& look, const auto* result) { return look.summary(result); });
}

Reply Session::handle(const Context& context, const Fetch& request) {
  Pieces pieces{context.give};
  const LentTexts attributes(request.wanted.attributes);
  postern_x400_fetch_args args{};
  args.struct_size = sizeof args;
  args.sequence = request.sequence;
  args.wanted = request.wanted.fields;
  args.attributes = attributes.list.data();
  args.attribute_count = attributes.list.size();
  args.on_content = request.content ? on_content : nullptr;
  args.content_data = &pieces;
  Reply reply = answer<postern_x400_fetched>(
      context, [&](auto** result, auto* error) { return m_table.fetch(request.association.handle, &context.lent, &args, result, error); },
      [&](Inspector& look, const auto* result) { return look.fetched(result, request.sequence, pieces.given); });
  if (pieces.lied)
    return refusal_of(
        {ErrorCode::Internal, "the X.400 library is at fault: on_content got a piece that is NULL, empty or endless", "fetch"}, true);
  return reply;
}

Reply Session::handle(const Context& context, const Delete& request) {
  return answer_done(context, [&](auto* error) {
    return m_table.delete_entries(request.association.handle, &context.lent, request.sequences.data(), request.sequences.size(), error);
  });
}

Reply Session::handle(const Context& context, const Register& request) {
  const LentRegister args(request);
  return answer_done(context,
                     [&](auto* error) { return m_table.register_ms(request.association.handle, &context.lent, &args.out, error); });
}

Reply Session::handle(const Context& context, const Poll& request) {
  return answer<postern_x400_event>(
      context, [&](auto** result, auto* error) { return m_table.poll(request.association.handle, &context.lent, result, error); },
      [](Inspector& look, const auto* result) { return look.event(result); });
}

template <class R>
Reply Session::run_as(const Context& context, ByteView body) {
  auto request = decode<R>(body);
  if (!request) return refusal_of(std::move(request).error());
  Reply reply = handle(context, *request);
  if constexpr (std::is_same_v<R, Bind>) wipe(request->password);
  return reply;
}

Reply Session::run(const RequestHead& head, std::uint64_t id, ByteView body, ByteView content, const PieceSink& give) {
  const Context context{head.call, {sizeof(postern_x400_call), head.timeout_ms, id}, head.diagnostics, content, give};
  switch (head.call) {
    case Call::Open: return run_as<Open>(context, body);
    case Call::Identify: return run_as<Identify>(context, body);
    case Call::Health: return run_as<AskHealth>(context, body);
    case Call::Bind: return run_as<Bind>(context, body);
    case Call::Unbind: return run_as<Unbind>(context, body);
    case Call::Submit: return run_as<Submit>(context, body);
    case Call::Probe: return run_as<Probe>(context, body);
    case Call::List: return run_as<List>(context, body);
    case Call::Summarize: return run_as<Summarize>(context, body);
    case Call::Fetch: return run_as<Fetch>(context, body);
    case Call::Delete: return run_as<Delete>(context, body);
    case Call::Register: return run_as<Register>(context, body);
    case Call::Poll: return run_as<Poll>(context, body);
  }
  return refusal_of({ErrorCode::BadInput, "is no call", "frame"});
}

void Session::cancel(std::uint64_t id) noexcept {
  if (m_can_cancel && m_library != 0) (void)m_table.cancel(m_library, id);
}

void Session::close() noexcept {
  ErrorBuffer error(false);
  if (const postern_x400_handle library = m_library.exchange(0); library != 0) (void)m_table.close(library, error.raw());
}

}  // namespace postern::sdk
