#include "sdk/serve.hpp"

#include <unistd.h>

#include <cstring>
#include <new>

#include "base/secret.hpp"
#include "sdk/child.hpp"

namespace postern::sdk {
namespace {

constexpr unsigned kCloseSeconds = 1;  // for a library to end its associations in
constexpr std::uint64_t kCountEvery = 16;

}  // namespace

Service::Service(FrameStream& stream, const Library& library, std::uint32_t descriptors)
    : m_stream(stream), m_session(library), m_descriptors(descriptors), m_workers(std::min(library.table().max_calls, kMostWorkers)) {}

void Service::run() {
  for (std::uint32_t i = 0; i < m_workers; ++i) std::thread([this] { work(); }).detach();
  for (;;) {
    auto frame = m_stream.read(SteadyTime::max());
    if (!frame && frame.error().code == ErrorCode::Unavailable) end();
    if (!frame) ::_exit(kBadFrames);
    take(*std::move(frame));
  }
}

/// The parent closed the channel. A library that does not close in time is ended by SIGALRM.
void Service::end() {
  ::alarm(kCloseSeconds);
  m_session.close();
  ::_exit(kChildDone);
}

void Service::take(Frame frame) {
  switch (frame.kind) {
    case Kind::Request: return take_request(std::move(frame));
    case Kind::Content: return take_content(frame);
    case Kind::Credit: return take_credit(frame);
    case Kind::Cancel: return m_session.cancel(frame.id);
    default: ::_exit(kBadFrames);
  }
}

void Service::take_request(Frame frame) {
  const ByteView body(frame.body);
  const auto head = decode<RequestHead>(body.first(std::min(body.size(), kRequestHead)));
  if (!head) ::_exit(kBadFrames);
  const ByteView rest = body.subspan(kRequestHead);
  Job job{frame.id, *head, {rest.begin(), rest.end()}, std::move(m_contents[frame.id])};
  m_contents.erase(frame.id);
  wipe(frame.body);  // a bind has a password
  const std::lock_guard lock(m_mutex);
  if (m_jobs.size() >= kMostWaiting)
    return refuse(job.id, {ErrorCode::Exhausted, "too many calls wait for the library; try again later", "x400"});
  if (job.head.call == Call::Fetch) m_credits[job.id];
  m_jobs.push_back(std::move(job));
  m_wake.notify_all();  // fetches wait for credit at the same bell
}

void Service::take_content(const Frame& frame) {
  Bytes& content = m_contents[frame.id];
  if (content.size() + frame.body.size() > kMostContent) ::_exit(kBadFrames);
  append(content, frame.body);
}

void Service::take_credit(const Frame& frame) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_credits.find(frame.id);
  if (found == m_credits.end()) return;  // the fetch ended meanwhile
  if (frame.body.size() == 1 && frame.body[0] == 1)
    ++found->second.left;
  else
    found->second.stopped = true;
  m_wake.notify_all();
}

/// With m_mutex free; the library may take its time.
bool Service::give(std::uint64_t id, ByteView piece) {
  {
    std::unique_lock lock(m_mutex);
    Credit& credit = m_credits[id];
    m_wake.wait(lock, [&] { return credit.left > 0 || credit.stopped; });
    if (credit.stopped) return false;
    --credit.left;
  }
  return m_stream.send(Kind::Piece, id, piece, SteadyTime::max()).has_value();
}

Service::Job Service::next_job() {
  std::unique_lock lock(m_mutex);
  m_wake.wait(lock, [&] { return !m_jobs.empty(); });
  Job job = std::move(m_jobs.front());
  m_jobs.pop_front();
  return job;
}

void Service::work() {
  for (;;) {
    Job job = next_job();
    try {
      finish(job, m_session.run(job.head, job.id, job.body, job.content, [&](ByteView piece) { return give(job.id, piece); }));
    } catch (const std::bad_alloc&) {
      finish(job, Refusal{{ErrorCode::Exhausted, "no memory is left in the library's process; send less at once", "x400"}, {}, false});
    } catch (...) {
      refuse(job.id, {ErrorCode::Internal, "the X.400 library is at fault: it let an exception through", name_of(job.head.call)}, true);
    }
  }
}

void Service::finish(const Job& job, const Reply& reply) {
  if (job.head.call == Call::Fetch) {
    const std::lock_guard lock(m_mutex);
    m_credits.erase(job.id);
  }
  if (const auto* refusal = std::get_if<Refusal>(&reply)) {
    refuse(job.id, refusal->error, refusal->distrust);
  } else if (const Status sent = m_stream.send(Kind::Answer, job.id, std::get<Bytes>(reply), SteadyTime::max()); !sent) {
    if (sent.error().code == ErrorCode::TooLarge) refuse(job.id, sent.error());
  }
  if (++m_served % kCountEvery == 0) end_if_leaking();
}

void Service::refuse(std::uint64_t id, Error error, bool distrust) {
  (void)m_stream.send(Kind::Refused, id, encode(Refusal{std::move(error), {}, distrust}), SteadyTime::max());
  if (distrust) ::_exit(kDistrusted);
}

void Service::end_if_leaking() {
  if (open_descriptors() > m_descriptors / 4 * 3) ::_exit(kLeaked);
}

}  // namespace postern::sdk
