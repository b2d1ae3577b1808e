#include "custody/pool.hpp"

#include <unistd.h>

#include <system_error>

namespace postern::custody {

Pool::Pool(Dispatcher& dispatcher, const ServerOptions& options, Bell& woken, Channel& channel)
    : m_dispatcher(dispatcher), m_options(options), m_woken(woken), m_channel(channel) {
  if (::sched_getaffinity(0, sizeof m_processors, &m_processors) != 0) CPU_ZERO(&m_processors);
  m_resting.reserve(options.workers);
}

bool Pool::has_room() const noexcept { return m_requests < m_options.requests && m_bytes < m_options.bytes; }

Pool::Job Pool::job_of(ByteView body) {
  Reader in(body);
  const RequestHead head = read_request_head(in).value_or(RequestHead{});
  return {WipedBytes(body.begin(), body.end()), std::chrono::steady_clock::now() + std::chrono::milliseconds(head.patience), head.id};
}

void Pool::add(ByteView body, Place place) {
  Job job = job_of(body);
  m_requests += 1;
  m_bytes += body.size();
  const std::lock_guard lock(m_mutex);
  m_jobs.push_back(std::move(job));
  if (m_resting.size() < m_jobs.size() && m_workers.size() < m_options.workers) start_thread();
  call_one(place);
}

void Pool::start_thread() {
  Worker& worker = m_workers.emplace_back();
  try {
    worker.thread = std::thread([this, &worker] { work(worker); });
  } catch (const std::system_error&) {
    m_workers.pop_back();
    if (m_workers.empty()) throw;  // fewer than wished for will do
  }
}

void Pool::call_one(Place place) {
  if (m_resting.empty()) return;
  Worker& worker = *m_resting.back();
  m_resting.pop_back();
  worker.resting = false;
  shun(worker, place == Place::Aside ? ::sched_getcpu() : kNone);
  worker.called.notify_one();
}

void Pool::shun(Worker& worker, int processor) {
  if (worker.shuns == processor || worker.id == 0) return;
  cpu_set_t rest = m_processors;
  if (processor != kNone) CPU_CLR(static_cast<std::size_t>(processor), &rest);
  if (CPU_COUNT(&rest) > 0 && ::sched_setaffinity(worker.id, sizeof rest, &rest) == 0) worker.shuns = processor;
}

void Pool::await_job(Lock& lock, Worker& me) {
  while (!m_stop && !may_begin()) {
    me.resting = true;
    m_resting.push_back(&me);
    me.called.wait(lock, [&] { return m_stop || !me.resting; });
  }
}

void Pool::work(Worker& me) {
  Lock lock(m_mutex);
  me.id = ::gettid();
  while (true) {
    await_job(lock, me);
    if (m_stop) return;
    Job job = std::move(m_jobs.front());
    m_jobs.pop_front();
    if (!m_jobs.empty()) shun(me, kNone);  // with work for all every processor counts
    lock.unlock();
    Result<WipedBytes> reply = answer(job);
    m_requests -= 1;
    m_bytes -= job.body.size();
    WipedBytes().swap(job.body);
    lock.lock();
    if (reply) {
      pass_on(*std::move(reply));
    } else if (!m_fault) {
      m_fault = std::move(reply).error();
    }
    const bool to_do = !m_ready.empty() || m_fault || (m_lent != nullptr && !m_lent->empty());
    if (to_do && std::exchange(m_asleep, false)) m_woken.ring();
  }
}

/// With the mutex. What the socket does not take stays in the outbox, for the thread that owns it.
void Pool::pass_on(WipedBytes reply) {
  if (m_lent == nullptr || !m_lent->empty()) {
    m_ready_bytes += reply.size();
    m_ready.push_back(std::move(reply));
    return;
  }
  m_lent->add(std::move(reply));
  (void)m_lent->flush(m_channel);  // the end shows to the owner, who is rung
  m_unsent = m_lent->bytes();
}

Result<WipedBytes> Pool::answer(const Job& job) {
  if (std::chrono::steady_clock::now() >= job.until) {
    m_expired += 1;
    return write_error(job.id, {ErrorCode::Timeout, "nobody waits for this any more", {}});
  }
  try {
    return m_dispatcher.run(job.body);
  } catch (const std::exception&) {
    return write_error(job.id, {ErrorCode::Exhausted, "the keeper is out of memory; try again later", {}});
  }
}

Status Pool::collect(Outbox& into) {
  std::vector<WipedBytes> ready;
  {
    const std::lock_guard lock(m_mutex);
    ready.swap(m_ready);
    m_unsent += std::exchange(m_ready_bytes, 0);
    if (m_fault) return fail(*m_fault);
  }
  for (WipedBytes& reply : ready) into.add(std::move(reply));
  return {};
}

bool Pool::may_sleep(Outbox* out) {
  const std::lock_guard lock(m_mutex);
  m_asleep = m_ready.empty() && !m_fault;
  if (m_asleep && out != nullptr && out->empty()) m_lent = out;
  return m_asleep;
}

void Pool::take_back() {
  const std::lock_guard lock(m_mutex);
  m_lent = nullptr;
  m_asleep = false;
}

bool Pool::send_asleep(const std::function<bool()>& fill) {
  const std::lock_guard lock(m_mutex);
  if (m_lent == nullptr || !m_lent->empty()) return false;
  const bool all = fill();
  (void)m_lent->flush(m_channel);  // as in pass_on()
  m_unsent = m_lent->bytes();
  return all && m_lent->empty();
}

void Pool::set_unsent(std::size_t bytes) {
  const std::lock_guard lock(m_mutex);
  const bool was_over = m_unsent + m_ready_bytes >= m_options.unsent;
  m_unsent = bytes;
  for (std::size_t calls = was_over ? m_jobs.size() : 0; calls > 0 && !m_resting.empty(); --calls) call_one(Place::Anywhere);
}

void Pool::stop() {
  {
    const std::lock_guard lock(m_mutex);
    m_stop = true;
    m_jobs.clear();
  }
  for (Worker& worker : m_workers) worker.called.notify_one();
  for (Worker& worker : m_workers) worker.thread.join();
  m_workers.clear();
  m_resting.clear();
}

}  // namespace postern::custody
