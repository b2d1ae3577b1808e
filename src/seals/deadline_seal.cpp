#include "seals/deadline_seal.hpp"

#include <atomic>
#include <future>
#include <string>
#include <system_error>
#include <thread>

namespace postern::seals {
namespace {

struct Shared {
  std::unique_ptr<Seal> seal;
  std::atomic<bool> busy = false;
};

class Busy {
 public:
  explicit Busy(Shared& shared) : m_shared(shared) {}
  ~Busy() { m_shared.busy = false; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  Shared& m_shared;
};

class DeadlineSeal final : public Seal {
 public:
  DeadlineSeal(std::unique_ptr<Seal> seal, std::chrono::milliseconds deadline)
      : m_shared(std::make_shared<Shared>()), m_type(seal->type()), m_name(seal->name()), m_deadline(deadline) {
    m_needs_operator = seal->needs_operator();
    m_shared->seal = std::move(seal);
  }
  std::string_view type() const noexcept override { return m_type; }
  std::string_view name() const noexcept override { return m_name; }
  bool needs_operator() const noexcept override { return m_needs_operator; }

  Result<Bytes> wrap(ByteView root_key) override {
    return run<Bytes>([key = SecretBytes(root_key)](Seal& seal) { return seal.wrap(key.view()); });
  }
  Result<SecretBytes> unwrap(ByteView blob) override {
    return run<SecretBytes>([copy = Bytes(blob.begin(), blob.end())](Seal& seal) { return seal.unwrap(copy); });
  }

 private:
  template <class T, class Job>
  Result<T> run(Job job) {
    if (m_shared->busy.exchange(true))
      return fail(ErrorCode::Unavailable, what() + " is still busy with a call that passed its deadline: see what blocks it, or restart");
    std::packaged_task<Result<T>()> task([shared = m_shared, job = std::move(job)] {
      const Busy busy(*shared);
      return job(*shared->seal);
    });
    auto answer = task.get_future();
    try {
      std::thread(std::move(task)).detach();
    } catch (const std::system_error&) {
      m_shared->busy = false;
      return fail(ErrorCode::Unavailable, "no thread could be started for " + what() + ": try again later");
    }
    if (answer.wait_for(m_deadline) == std::future_status::ready) return answer.get();
    return fail(ErrorCode::Unavailable, what() + " did not answer within " + std::to_string(m_deadline.count() / 1000) +
                                            " seconds: see that its device or service works, then try again");
  }
  std::string what() const { return "the seal \"" + m_type + "\""; }

  std::shared_ptr<Shared> m_shared;
  std::string m_type;
  std::string m_name;
  bool m_needs_operator = false;
  std::chrono::milliseconds m_deadline;
};

}  // namespace

std::unique_ptr<Seal> with_deadline(std::unique_ptr<Seal> seal, std::chrono::milliseconds deadline) {
  return std::make_unique<DeadlineSeal>(std::move(seal), deadline);
}

}  // namespace postern::seals
