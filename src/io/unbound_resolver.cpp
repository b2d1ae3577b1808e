#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <thread>

#include "base/log.hpp"
#include "base/text.hpp"
#include "dns/name.hpp"
#include "dns/rdata.hpp"
#include "io/answer_cache.hpp"
#include "io/fair_queue.hpp"
#include "io/resolver.hpp"
#include "io/sockets.hpp"
#include "io/sync.hpp"

namespace postern::io {

using dns::Answer;
using dns::AnswerStatus;
using dns::RecordType;

namespace {

constexpr std::size_t kSpareSockets = 100;
constexpr std::size_t kZoneShare = 8;  // of what is in flight, for one zone
constexpr const char* kTries = "4";    // of each server: after 0.1 (one that is near) or 0.4 s, and each time twice as long
constexpr const char* kSent = "16";    // to all servers of a name

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
  if (options.forwarders.empty() && !options.use_resolv_conf) return {};
  // RFC 6303 keeps questions about private addresses from the roots of the Internet; the servers of a network know its own.
  POSTERN_CHECK(check(ub_ctx_set_option(context, "unblock-lan-zones:", "yes"), "asking about private addresses"));
  return check(ub_ctx_set_option(context, "insecure-lan-zones:", "yes"), "asking about private addresses");
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

/// Labels of the zone that a name is likely to be in: example.org, example.co.uk, the /24 of an IPv4 and the /32 of an IPv6 address.
std::size_t labels_of_zone(const std::string& name) {
  if (name.ends_with(".in-addr.arpa")) return 5;
  if (name.ends_with(".ip6.arpa")) return 10;
  const auto top = name.rfind('.');
  if (top == std::string::npos || top == 0 || name.size() - top != 3) return 2;
  const auto second = name.rfind('.', top - 1);
  return second != std::string::npos && top - second <= 4 ? 3 : 2;
}

std::string zone_of(const std::string& name) {
  std::size_t labels = labels_of_zone(name), at = name.size();
  while (labels > 0 && at != std::string::npos && at > 0) {
    at = name.rfind('.', at - 1);
    --labels;
  }
  return at == std::string::npos || labels > 0 ? name : name.substr(at + 1);
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
  using Setter = std::function<void(Answer)>;
  /// One question, and who waits for its answer: what the callback gets as its argument.
  struct Question {
    Impl* owner;
    std::string name;
    RecordType type;
    SteadyTime asked;  ///< By the last of them; this and they are under the mutex.
    std::vector<Setter> askers;
  };
  using Key = std::pair<std::string, RecordType>;

  UnboundOptions options;
  UniqueFd stop_event{::eventfd(0, EFD_CLOEXEC)};
  std::mutex mutex;
  std::map<Key, std::unique_ptr<Question>> questions;  ///< Waiting, and with the library.
  std::optional<FairQueue<Question*>> queue;
  std::size_t outstanding = 0;  ///< Askers.
  AnswerCache cache;            // a question to the library costs two pipes and two threads, even when it knows the answer
  Context context{ub_ctx_create()};
  std::thread pump;

  ~Impl();
  Status open();
  Status bound_library();
  void run();
  Status ask(std::string name, RecordType type, Setter set);
  void go_on();
  std::optional<std::pair<Question*, bool>> next();
  void end(Question* question, const Answer& answer);
  static void on_answer(void* data, int error, ub_result* result);
};

/// The library's own default of 16 sockets is for programs that ask one question at a time: what waits for one stands behind the questions
/// that nobody answers.
Status UnboundResolver::Impl::bound_library() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) options.in_flight = std::min<std::size_t>(files.rlim_cur / 6 + 1, options.in_flight);
  queue.emplace(options.in_flight, options.in_flight / kZoneShare + 1);
  const std::string sockets = std::to_string(options.in_flight + kSpareSockets);
  POSTERN_CHECK(check(ub_ctx_set_option(context.get(), "outgoing-range:", sockets.c_str()), "choosing sockets"));
  const std::string streams = std::to_string(options.in_flight);  // what waited for one in the library would have no turn
  POSTERN_CHECK(check(ub_ctx_set_option(context.get(), "outgoing-num-tcp:", streams.c_str()), "choosing sockets"));
  POSTERN_CHECK(check(ub_ctx_set_option(context.get(), "outbound-msg-retry:", kTries), "choosing patience"));
  return check(ub_ctx_set_option(context.get(), "max-sent-count:", kSent), "choosing patience");
}

Status UnboundResolver::Impl::open() {
  if (!context || !stop_event) return fail(ErrorCode::Exhausted, "the DNS resolver could not be made: out of memory or descriptors");
  ub_ctx_debugout(context.get(), nullptr);
  POSTERN_CHECK(bound_library());
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
  for (const auto& [key, question] : questions) {
    for (const Setter& set : question->askers) set(Answer{});
  }
}

void UnboundResolver::Impl::on_answer(void* data, int error, ub_result* raw) {
  const UbResult result(raw);
  auto* const question = static_cast<Question*>(data);
  Impl& self = *question->owner;
  Answer answer;
  if (error == 0 && result) {
    answer = make_answer(*result, question->name, question->type);
    self.cache.keep(question->name, question->type, answer, result->ttl, std::chrono::steady_clock::now());
  }
  self.end(question, answer);
  self.go_on();
}

/// Everybody who asked gets the answer.
void UnboundResolver::Impl::end(Question* question, const Answer& answer) {
  std::unique_ptr<Question> over;
  {
    const std::lock_guard lock(mutex);
    const auto place = questions.find({question->name, question->type});
    over = std::move(place->second);
    questions.erase(place);
    outstanding -= over->askers.size();
    queue->done(zone_of(over->name));
  }
  for (const Setter& set : over->askers) set(answer);
}

/// The next question that the library may have, and whether it is too late: nobody waits for it any more.
std::optional<std::pair<UnboundResolver::Impl::Question*, bool>> UnboundResolver::Impl::next() {
  const std::lock_guard lock(mutex);
  const auto question = queue->next();
  if (!question) return std::nullopt;
  return std::pair(*question, std::chrono::steady_clock::now() - (*question)->asked >= options.timeout);
}

void UnboundResolver::Impl::go_on() {
  while (const auto turn = next()) {
    const auto [question, late] = *turn;
    const std::string name = question->name + ".";
    if (!late && ub_resolve_async(context.get(), name.c_str(), static_cast<int>(question->type), 1, question, on_answer, nullptr) == 0)
      continue;
    Answer answer;
    if (late) answer.status = AnswerStatus::Timeout;
    answer.canonical_name = question->name;
    end(question, answer);
  }
}

Status UnboundResolver::Impl::ask(std::string name, RecordType type, Setter set) {
  {
    const std::lock_guard lock(mutex);
    if (outstanding >= options.max_outstanding)
      return fail(ErrorCode::Exhausted, "too many DNS questions are waiting, try again later", "dns");
    const auto known = questions.find({name, type});
    if (known != questions.end()) {
      ++outstanding;
      known->second->asked = std::chrono::steady_clock::now();
      known->second->askers.push_back(std::move(set));
      return {};
    }
    const std::string zone = zone_of(name);
    if (queue->size_of(zone) > options.max_outstanding / 4)
      return fail(ErrorCode::Exhausted, "too many DNS questions about " + printable(zone) + " are waiting, try again later", "dns");
    ++outstanding;
    auto& place = questions[{name, type}];
    place = std::make_unique<Question>(Question{this, std::move(name), type, std::chrono::steady_clock::now(), {}});
    place->askers.push_back(std::move(set));
    queue->push(zone, place.get());
  }
  go_on();
  return {};
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
