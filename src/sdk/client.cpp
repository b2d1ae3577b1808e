#include "sdk/client.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "base/secret.hpp"

namespace postern::sdk {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kOpenId = 0;       // of the first request of each process; others rise from 1
constexpr milliseconds kEndTime{500};      // from the end of the channel to that of the process
constexpr milliseconds kCloseTime{1'500};  // for a library to end its associations

SteadyTime now() { return std::chrono::steady_clock::now(); }

bool waits_for_peer(Call call) { return call == Call::Open || call == Call::Bind; }

/// Text of a stranger's: fit for a line of a log.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text;
}

Bytes request_body(Call call, milliseconds timeout, bool diagnostics, ByteView fields) {
  const auto ms = std::clamp<std::int64_t>(timeout.count(), 0, UINT32_MAX);
  Bytes body = encode(RequestHead{call, static_cast<std::uint32_t>(ms), diagnostics});
  append(body, fields);
  return body;
}

/// The end of the stream stays what it is; anything else that no frame can be is one fault.
tl::unexpected<Error> damaged(Error error) {
  if (error.code == ErrorCode::Unavailable) return fail(std::move(error));
  return fail(ErrorCode::Internal, "damaged its process's channel (a frame " + error.what + ")");
}

}  // namespace

/// A call that runs; lives on its caller's stack. All under m_mutex.
struct Client::Pending {
  std::uint64_t id = 0;
  Call call = Call::Open;
  milliseconds timeout{0};
  SteadyTime deadline{};
  bool done = false, hung = false;
  bool stopped = false;  ///< The caller's own: the sink wants no more.
  Bytes answer;
  std::optional<Error> error;
  std::deque<Bytes> pieces;
  std::condition_variable wake;

  void finish(Error why) {
    error = std::move(why);
    finish();
  }
  void finish() {
    done = true;
    wake.notify_all();
  }
};

Client::Client(ClientOptions options) : m_options(std::move(options)), m_bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  m_thread = std::thread([this] { supervise(); });
}

Client::~Client() {
  {
    const std::lock_guard lock(m_mutex);
    m_stopping = true;
    m_changed.notify_all();
  }
  ring();
  m_thread.join();
}

void Client::ring() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(m_bell.get(), &one, sizeof one);
}

Result<Submitted> Client::submit(const Submit& request, ByteView content, const CallOptions& options) {
  if (content.size() > kMostContent)
    return fail(ErrorCode::TooLarge, "has more than " + std::to_string(kMostContent) + " octets", "content");
  return decode_answer<Submit>(exchange(Call::Submit, encode(request), &request.association, content, {}, options));
}

Result<Fetched> Client::fetch(const Fetch& request, const PieceSink& sink, const CallOptions& options) {
  return decode_answer<Fetch>(exchange(Call::Fetch, encode(request), &request.association, {}, sink, options));
}

ClientState Client::state() const {
  const std::lock_guard lock(m_mutex);
  return {m_running, m_life, m_failures, m_last_failure, m_welcome};
}

std::string Client::last_words() const {
  const std::lock_guard lock(m_mutex);
  return m_errors.last_line();
}

// ---- The caller's side ------------------------------------------------------------------------------------------------------------------

Result<std::pair<Bytes, std::uint64_t>> Client::exchange(Call call, Bytes request, const Association* association, ByteView content,
                                                         const PieceSink& sink, const CallOptions& options) {
  Pending pending;
  pending.call = call;
  pending.timeout = options.timeout.value_or(waits_for_peer(call) ? m_options.connect_timeout : m_options.operation_timeout);
  Lock lock(m_mutex);
  const auto outlived = [&] { return association != nullptr && (!m_running || association->life != m_life); };
  const auto ended_with_process =
      fail(ErrorCode::Unavailable, "the association ended with the X.400 library's process; bind again", "association");
  if (outlived()) return ended_with_process;  // and starts none for it
  POSTERN_CHECK(wait_until_running(lock, now() + std::max(pending.timeout, m_options.connect_timeout)));
  POSTERN_CHECK(wait_for_turn(lock, now() + pending.timeout));
  if (outlived()) return ended_with_process;  // meanwhile: another process may have given its number to another
  pending.deadline = now() + pending.timeout;
  pending.id = m_next_id++;
  m_pending.emplace(pending.id, &pending);
  const auto stream = m_stream;
  const std::uint64_t life = m_life;
  lock.unlock();
  const Status sent = send(*stream, pending, request, content, options);
  wipe(request);  // a bind has a password
  lock.lock();
  Status status = sent;
  if (sent || sent.error().code != ErrorCode::TooLarge) status = wait_for_answer(lock, pending, stream, sink);
  m_pending.erase(pending.id);
  m_changed.notify_all();
  if (!status) return fail(std::move(status).error());
  return std::pair(std::move(pending.answer), life);
}

Error Client::not_started(SteadyTime at) const {
  if (m_stopping) return {ErrorCode::Unavailable, "the X.400 library is being closed", "x400"};
  const auto wait = std::chrono::ceil<milliseconds>(m_not_before - at).count();
  const std::string again =
      wait > 0 ? "; it is started again in " + std::to_string(wait) + " ms" : "; it is started again with the next call";
  return {m_last_code, m_last_failure + again, "transport.sdk"};
}

Status Client::wait_until_running(Lock& lock, SteadyTime deadline) {
  if (m_ending) (void)m_changed.wait_until(lock, deadline, [&] { return !m_ending; });
  if (m_running) return {};
  if (m_stopping || now() < m_not_before) return fail(not_started(now()));
  m_wanted = true;
  m_changed.notify_all();
  const std::uint64_t attempts = m_attempts;
  const bool known = m_changed.wait_until(lock, deadline, [&] { return m_running || m_stopping || m_attempts != attempts; });
  if (m_running) return {};
  if (!known) return fail(ErrorCode::Timeout, "the X.400 library is still starting", "transport.sdk");
  return fail(not_started(now()));
}

/// The time of a call begins with its turn: a library that is busy with others is not a library that hangs.
Status Client::wait_for_turn(Lock& lock, SteadyTime deadline) {
  const std::size_t most = std::clamp(m_welcome.max_calls, 1U, kMostWorkers);
  const bool free = m_changed.wait_until(lock, deadline, [&] { return !m_running || m_pending.size() < most; });
  if (!m_running) return fail(not_started(now()));
  if (free) return {};
  return fail(ErrorCode::Exhausted,
              "the X.400 library takes " + std::to_string(most) + " calls at a time, and as many ran until the time was up", "x400");
}

Status Client::send(FrameStream& stream, const Pending& pending, ByteView request, ByteView content, const CallOptions& options) {
  const SteadyTime deadline = pending.deadline + kGrace;
  const Bytes body = request_body(pending.call, pending.timeout, options.diagnostics, request);
  if (body.size() + kFrameHead > kMaxFrame) return fail(ErrorCode::TooLarge, "is more than one call can say", "request");
  for (ByteView rest = content; !rest.empty();) {
    const ByteView piece = rest.first(std::min(rest.size(), kPiece));
    POSTERN_CHECK(stream.send(Kind::Content, pending.id, piece, deadline));
    rest = rest.subspan(piece.size());
  }
  return stream.send(Kind::Request, pending.id, body, deadline);
}

/// The library knows its limit; after half of the grace it is told again by cancel(), at its end the process is ended. That finishes the
/// call in every case, so nobody waits for ever.
Status Client::wait_for_answer(Lock& lock, Pending& pending, const std::shared_ptr<FrameStream>& stream, const PieceSink& sink) {
  bool cancelled = false;
  while (!pending.error && (!pending.done || !pending.pieces.empty())) {
    if (!pending.pieces.empty()) {
      take_piece(lock, pending, *stream, sink);
      continue;
    }
    const SteadyTime next = pending.deadline + (cancelled ? kGrace : kGrace / 2);
    if (pending.hung) {
      pending.wake.wait(lock, [&] { return pending.done; });
    } else if (now() < next) {
      pending.wake.wait_until(lock, next);
    } else if (!cancelled) {
      cancelled = true;
      lock.unlock();
      (void)stream->send(Kind::Cancel, pending.id, {}, pending.deadline + kGrace);
      lock.lock();
    } else {
      pending.hung = true;
      m_kill = std::string("did not answer ") + name_of(pending.call) + " within " + std::to_string(pending.timeout.count()) + " ms";
      ring();
    }
  }
  if (pending.error) return fail(*std::move(pending.error));
  return {};
}

void Client::take_piece(Lock& lock, Pending& pending, FrameStream& stream, const PieceSink& sink) {
  const Bytes piece = std::move(pending.pieces.front());
  pending.pieces.pop_front();
  lock.unlock();
  pending.stopped = pending.stopped || !sink || !sink(piece);
  const Byte more = pending.stopped ? 0 : 1;
  (void)stream.send(Kind::Credit, pending.id, ByteView(&more, 1),
                    pending.deadline + kGrace);  // a failure ends the process, and so the call
  lock.lock();
}

// ---- The supervising thread -------------------------------------------------------------------------------------------------------------

void Client::supervise() {
  while (wait_for_work()) {
    auto child = start();
    if (child) {
      serve(*child);
      continue;
    }
    const std::lock_guard lock(m_mutex);
    m_stream.reset();
    m_last_code = child.error().code;
    count_failure("the X.400 library does not start: " + child.error().what);
  }
}

bool Client::wait_for_work() {
  Lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_stopping || m_wanted; });
  m_wanted = false;
  return !m_stopping;
}

/// With m_mutex held.
void Client::count_failure(std::string words) {
  const SteadyTime at = now();
  const bool long_enough = m_started != SteadyTime{} && at - m_started >= m_options.long_enough;
  m_pause = long_enough ? m_options.first_pause : std::clamp(m_pause * 2, m_options.first_pause, m_options.longest_pause);
  m_not_before = at + m_pause;
  m_started = {};
  m_last_failure = std::move(words);
  ++m_failures;
  ++m_attempts;
  m_changed.notify_all();
}

Result<Launched> Client::start() {
  const SteadyTime deadline = now() + m_options.connect_timeout;
  POSTERN_TRY(Launched child, m_options.launcher ? m_options.launcher() : launch(m_options.plan));
  {
    const std::lock_guard lock(m_mutex);
    m_stream = std::make_shared<FrameStream>(std::move(child.channel));
    m_kill.clear();
    m_output = m_errors = {};
  }
  Hello hello;
  hello.library = m_options.library;
  hello.descriptors = m_options.descriptors;
  hello.memory = m_options.memory;
  (void)m_stream->send(Kind::Hello, kOpenId, encode(hello), deadline);  // what became of it shows in the answer
  const Bytes open = request_body(Call::Open, m_options.connect_timeout, false, encode(Open{m_options.profile, m_options.settings}));
  for (const Kind expected : {Kind::Welcome, Kind::Answer}) {
    auto frame = read_frame(child, deadline);
    if (!frame && frame.error().code == ErrorCode::Unavailable)
      return fail(ErrorCode::Unavailable, std::string("it ") + reap(child, now() + kEndTime) + " while it was being opened",
                  "transport.sdk");
    if (!frame) return fail(frame.error().code, "it was being opened, and " + frame.error().what, "transport.sdk");
    if (frame->kind == Kind::Refused) {
      POSTERN_TRY(Refusal refusal, decode<Refusal>(frame->body));
      return fail(refusal.error.code, one_line(refusal.error.text()), "transport.sdk");
    }
    if (frame->kind != expected || frame->id != kOpenId) return fail(ErrorCode::Internal, "its process answered nonsense", "transport.sdk");
    if (expected != Kind::Welcome) continue;
    POSTERN_TRY(const Welcome welcome, decode<Welcome>(frame->body));
    {
      const std::lock_guard lock(m_mutex);
      m_welcome = welcome;
    }
    (void)m_stream->send(Kind::Request, kOpenId, open, deadline);
  }
  return child;
}

/// Hears the library's outputs while it waits, so that their pipes never fill.
Result<Frame> Client::read_frame(Launched& child, SteadyTime deadline) {
  for (;;) {
    auto frame = m_stream->poll_frame();
    if (!frame) return damaged(std::move(frame).error());
    if (*frame) return **std::move(frame);
    std::array<pollfd, 4> on{
        {{m_stream->fd(), POLLIN, 0}, {child.output.get(), POLLIN, 0}, {child.errors.get(), POLLIN, 0}, {m_bell.get(), POLLIN, 0}}};
    const auto left =
        deadline == SteadyTime::max() ? -1 : std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(deadline - now()).count());
    const int ready = ::poll(on.data(), on.size(), static_cast<int>(left));
    if (ready == 0) return fail(ErrorCode::Timeout, "no answer came in time", "transport.sdk");
    const std::lock_guard lock(m_mutex);
    if (on[1].revents != 0 && !m_output.drain(child.output.get())) child.output.reset();
    if (on[2].revents != 0 && !m_errors.drain(child.errors.get())) child.errors.reset();
    std::uint64_t rings = 0;
    if (on[3].revents != 0) (void)!::read(m_bell.get(), &rings, sizeof rings);
    if (m_stopping) return fail(ErrorCode::Conflict, "it is being closed", "transport.sdk");
    if (!m_kill.empty()) return fail(ErrorCode::Timeout, m_kill, "transport.sdk");
  }
}

void Client::serve(Launched& child) {
  {
    const std::lock_guard lock(m_mutex);
    m_running = true;
    m_started = now();
    ++m_life;
    ++m_attempts;
    m_changed.notify_all();
  }
  for (;;) {
    auto frame = read_frame(child, SteadyTime::max());
    if (!frame) return ended(child, &frame.error());
    const std::lock_guard lock(m_mutex);
    dispatch(*std::move(frame));
  }
}

/// With m_mutex held. What does not belong together ends the process: its memory is not to be trusted.
void Client::dispatch(Frame frame) {
  const auto nonsense = [this] {
    if (m_kill.empty()) m_kill = "damaged its process's channel";
    ring();
  };
  const auto found = m_pending.find(frame.id);
  if (found == m_pending.end() || found->second->done) return nonsense();
  Pending& pending = *found->second;
  if (frame.kind == Kind::Answer) {
    pending.answer = std::move(frame.body);
    return pending.finish();
  }
  if (frame.kind == Kind::Refused) {
    auto refusal = decode<Refusal>(frame.body);
    if (!refusal) return nonsense();
    refusal->error.what = one_line(std::move(refusal->error.what));
    refusal->error.field = one_line(std::move(refusal->error.field));
    if (refusal->distrust) m_ending = true, m_running = false;
    return pending.finish(std::move(refusal->error));
  }
  if (frame.kind != Kind::Piece || pending.call != Call::Fetch || pending.pieces.size() >= kWindow) return nonsense();
  pending.pieces.push_back(std::move(frame.body));
  pending.wake.notify_all();
}

void Client::ended(Launched& child, const Error* why) {
  Lock lock(m_mutex);
  m_running = false;
  m_ending = true;
  const std::string kill = m_kill;
  lock.unlock();
  m_stream->shut_down();
  const bool stopping = why->code == ErrorCode::Conflict;
  const bool by_itself = why->code == ErrorCode::Unavailable;
  const std::string how = reap(child, stopping ? now() + kCloseTime : by_itself ? now() + kEndTime : now());
  lock.lock();
  if (child.errors) (void)m_errors.drain(child.errors.get());
  m_stream.reset();
  m_last_code = ErrorCode::Unavailable;
  const std::string words =
      "the X.400 library " + (kill.empty() ? by_itself || stopping ? how : why->what : kill + ", and its process was ended");
  for (auto& [id, pending] : m_pending) {
    if (pending->done) continue;
    const bool unsure = pending->call == Call::Submit || pending->call == Call::Delete || pending->call == Call::Register;
    pending->finish({pending->hung ? ErrorCode::Timeout : ErrorCode::Unavailable,
                     words + (unsure ? "; whether it was carried out is not known" : ""), std::string("x400.") + name_of(pending->call)});
  }
  m_ending = false;
  if (!stopping) count_failure(words);
}

}  // namespace postern::sdk
