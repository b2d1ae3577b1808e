#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>
#include <unordered_set>

#include "base/log.hpp"
#include "dns/name.hpp"
#include "dns/rdata.hpp"
#include "io/answer_cache.hpp"
#include "io/resolver.hpp"
#include "io/sockets.hpp"
#include "io/sync.hpp"

namespace postern::io {

using dns::Answer;
using dns::AnswerStatus;
using dns::RecordType;

namespace {

struct ContextFree {
  void operator()(ub_ctx* context) const noexcept { ub_ctx_delete(context); }
};
using Context = std::unique_ptr<ub_ctx, ContextFree>;

struct ResultFree {
  void operator()(ub_result* result) const noexcept { ub_resolve_free(result); }
};
using UbResult = std::unique_ptr<ub_result, ResultFree>;

Status check(int code, std::string doing) {
  if (code == 0) return {};
  return fail(ErrorCode::BadInput, std::move(doing) + ": " + ub_strerror(code), "dns");
}

Status add_forwarders(ub_ctx* context, const UnboundOptions& options) {
  for (const std::string& address : options.forwarders)
    POSTERN_CHECK(check(ub_ctx_set_fwd(context, address.c_str()), "forwarder " + address));
  if (options.forwarders.empty() && options.use_resolv_conf)
    POSTERN_CHECK(check(ub_ctx_resolvconf(context, nullptr), "reading /etc/resolv.conf"));
  return {};
}

Status add_local_data(ub_ctx* context, const UnboundOptions& options) {
  for (const std::string& line : options.local_data)
    POSTERN_CHECK(check(ub_ctx_data_add(context, line.c_str()), "local data \"" + line + "\""));
  return {};
}

Status add_trust(ub_ctx* context, const UnboundOptions& options) {
  if (!options.validate) return check(ub_ctx_set_option(context, "module-config:", "iterator"), "turning validation off");
  if (!std::filesystem::exists(options.root_key_file)) {
    log::warn("dns.no_trust_anchor", {{"file", options.root_key_file}, {"effect", "no DNS answer counts as secure"}});
    return {};
  }
  return check(ub_ctx_add_ta_file(context, options.root_key_file.c_str()), "reading " + options.root_key_file);
}

AnswerStatus status_of(const ub_result& result) {
  if (result.bogus) return AnswerStatus::ServFail;
  if (result.nxdomain) return AnswerStatus::NxDomain;
  if (result.rcode != 0) return AnswerStatus::ServFail;
  return result.havedata ? AnswerStatus::NoError : AnswerStatus::NoData;
}

// A record whose data has not the form of its type is left out; when none is left, the answer as a whole is a failure of its servers.
void add_records(Answer& answer, const ub_result& result, RecordType type) {
  for (std::size_t i = 0; result.data[i] != nullptr; ++i) {
    const ByteView rdata(reinterpret_cast<const Byte*>(result.data[i]), static_cast<std::size_t>(result.len[i]));
    auto data = decode_rdata(type, rdata);
    if (!data) continue;
    answer.records.push_back({answer.canonical_name, type, static_cast<std::uint32_t>(std::max(result.ttl, 0)), *std::move(data)});
  }
  if (answer.records.empty()) answer.status = AnswerStatus::ServFail;
}

Answer make_answer(const ub_result& result, const std::string& name, RecordType type) {
  Answer answer;
  answer.status = status_of(result);
  answer.secure = result.secure && !answer.is_temporary_failure();
  answer.canonical_name = name;
  if (result.canonname != nullptr) answer.canonical_name = dns::normalize_name(result.canonname).value_or(name);
  if (answer.status == AnswerStatus::NoError) add_records(answer, result, type);
  return answer;
}

}  // namespace

struct UnboundResolver::Impl {
  // One question in flight: what the callback gets as its argument.
  struct Question {
    Impl* owner;
    std::string name;
    RecordType type;
    std::function<void(Answer)> set;
  };

  UnboundOptions options;
  UniqueFd stop_event{::eventfd(0, EFD_CLOEXEC)};
  std::mutex mutex;
  std::unordered_set<Question*> outstanding;
  AnswerCache cache;  // a question to the library costs two pipes and two threads, even when it knows the answer
  Context context{ub_ctx_create()};
  std::thread pump;

  ~Impl();
  Status open();
  void run();
  Status ask(std::string name, RecordType type, std::function<void(Answer)> set);
  std::unique_ptr<Question> release(Question* question);
  static void on_answer(void* data, int error, ub_result* result);
};

Status UnboundResolver::Impl::open() {
  if (!context || !stop_event) return fail(ErrorCode::Exhausted, "the DNS resolver could not be made: out of memory or descriptors");
  ub_ctx_debugout(context.get(), nullptr);
  POSTERN_CHECK(add_forwarders(context.get(), options));
  POSTERN_CHECK(add_trust(context.get(), options));
  POSTERN_CHECK(check(ub_ctx_async(context.get(), 1), "choosing threads"));
  POSTERN_CHECK(add_local_data(context.get(), options));  // last: it finalizes the context, and no setting is taken after that
  pump = std::thread([this] { run(); });
  return {};
}

void UnboundResolver::Impl::run() {
  pollfd waits[2] = {{ub_fd(context.get()), POLLIN, 0}, {stop_event.get(), POLLIN, 0}};
  while (true) {
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if (waits[0].revents != 0) (void)ub_process(context.get());
  }
}

UnboundResolver::Impl::~Impl() {
  const std::uint64_t one = 1;
  if (stop_event) (void)!::write(stop_event.get(), &one, sizeof one);
  if (pump.joinable()) pump.join();
  context.reset();  // after this no callback comes
  for (Question* left : outstanding) {
    const std::unique_ptr<Question> question(left);
    question->set(Answer{});
  }
}

std::unique_ptr<UnboundResolver::Impl::Question> UnboundResolver::Impl::release(Question* question) {
  const std::lock_guard lock(mutex);
  outstanding.erase(question);
  return std::unique_ptr<Question>(question);
}

void UnboundResolver::Impl::on_answer(void* data, int error, ub_result* raw) {
  const UbResult result(raw);
  auto* const pending = static_cast<Question*>(data);
  const auto question = pending->owner->release(pending);
  if (error != 0 || !result) return question->set(Answer{});
  Answer answer = make_answer(*result, question->name, question->type);
  question->owner->cache.keep(question->name, question->type, answer, result->ttl, std::chrono::steady_clock::now());
  question->set(std::move(answer));
}

Status UnboundResolver::Impl::ask(std::string name, RecordType type, std::function<void(Answer)> set) {
  auto question = std::make_unique<Question>(Question{this, std::move(name), type, std::move(set)});
  {
    const std::lock_guard lock(mutex);
    if (outstanding.size() >= options.max_outstanding)
      return fail(ErrorCode::Exhausted, "too many DNS questions are waiting, try again later", "dns");
    outstanding.insert(question.get());
  }
  Question* const pending = question.get();
  const int code =
      ub_resolve_async(context.get(), (pending->name + ".").c_str(), static_cast<int>(type), 1, question.release(), on_answer, nullptr);
  if (code == 0) return {};
  const auto failed = release(pending);
  return fail(ErrorCode::Unavailable, std::string("asking the DNS: ") + ub_strerror(code), "dns");
}

UnboundResolver::UnboundResolver(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}
UnboundResolver::~UnboundResolver() = default;

Result<std::unique_ptr<UnboundResolver>> UnboundResolver::open(UnboundOptions options) {
  auto impl = std::make_shared<Impl>();
  impl->options = std::move(options);
  POSTERN_CHECK(impl->open());
  return std::unique_ptr<UnboundResolver>(new UnboundResolver(std::move(impl)));
}

std::optional<Answer> UnboundResolver::at_hand(const std::string& name, RecordType type) const {
  return m_impl->cache.find(name, type, std::chrono::steady_clock::now());
}

Task<Result<Answer>> UnboundResolver::query(std::string name, RecordType type) {
  POSTERN_CO_TRY(const std::string normal, dns::normalize_name(name));
  if (auto known = at_hand(normal, type)) co_return *std::move(known);
  const OneShot<Answer> answer(co_await this_executor());
  POSTERN_CO_CHECK(m_impl->ask(normal, type, answer.setter()));
  const auto wait_end = deadline_in(m_impl->options.timeout);
  std::optional<Answer> got = co_await answer.wait_until(wait_end);
  if (got) co_return *std::move(got);
  Answer late;
  late.status = AnswerStatus::Timeout;
  late.canonical_name = normal;
  co_return late;
}

}  // namespace postern::io
