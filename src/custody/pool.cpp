#include "custody/pool.hpp"

#include <system_error>

namespace postern::custody {

Pool::Pool(Dispatcher& dispatcher, const ServerOptions& options, Bell& woken, Channel& channel)
    : m_dispatcher(dispatcher), m_options(options), m_woken(woken), m_channel(channel) {}

bool Pool::has_room() const noexcept { return m_requests < m_options.requests && m_bytes < m_options.bytes; }

void Pool::add(ByteView body) {
  Reader in(body);
  const RequestHead head = read_request_head(in).value_or(RequestHead{});
  Job job{WipedBytes(body.begin(), body.end()), std::chrono::steady_clock::now() + std::chrono::milliseconds(head.patience), head.id};
  m_requests += 1;
  m_bytes += body.size();
  const std::lock_guard lock(m_mutex);
  m_jobs.push_back(std::move(job));
  if (m_idle < m_jobs.size() && m_threads.size() < m_options.workers) start_thread();
  m_work.notify_one();
}

void Pool::start_thread() {
  try {
    m_threads.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    if (m_threads.empty()) throw;  // fewer than wished for will do
  }
}

void Pool::work() {
  std::unique_lock lock(m_mutex);
  while (true) {
    ++m_idle;
    m_work.wait(lock, [this] { return m_stop || (!m_jobs.empty() && m_unsent + m_ready_bytes < m_options.unsent); });
    --m_idle;
    if (m_stop) return;
    Job job = std::move(m_jobs.front());
    m_jobs.pop_front();
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

void Pool::set_unsent(std::size_t bytes) {
  const std::lock_guard lock(m_mutex);
  const bool was_over = m_unsent + m_ready_bytes >= m_options.unsent;
  m_unsent = bytes;
  if (was_over && !m_jobs.empty()) m_work.notify_all();
}

void Pool::stop() {
  {
    const std::lock_guard lock(m_mutex);
    m_stop = true;
    m_jobs.clear();
  }
  m_work.notify_all();
  for (std::thread& thread : m_threads) thread.join();
  m_threads.clear();
}

}  // namespace postern::custody
