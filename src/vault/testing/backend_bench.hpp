// Drives one Backend as the core does, without tokens, policies and audit: for the unit tests of what can be mounted.
//
//   BackendBench bench(transit_factory);               // started on an empty MemoryStorage
//   const auto made = bench.write("keys/k", {{"type", "ed25519"}});
//   EXPECT_EQ(made.status, 200); EXPECT_EQ(made.data.at("name"), "k");
//
// Not thread safe by itself where the caller is changed; run() may be called from several threads.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vault/path_table.hpp"
#include "vault/refusal.hpp"

namespace postern::vault::testing {

struct Outcome {
  int status = 0;
  boost::json::object data;         ///< Empty when there are none.
  std::vector<std::string> errors;  ///< Of a refusal, or beside data.
  std::vector<std::string> warnings;
  std::optional<Grant> grant;
  std::optional<RawBody> raw;

  /// The only error, or "".
  [[nodiscard]] std::string error() const { return errors.empty() ? std::string() : errors.front(); }
};

class BackendBench {
 public:
  /// Makes the backend with `options` and starts it; throws when that fails.
  explicit BackendBench(const BackendFactory& factory, const std::vector<std::pair<std::string, std::string>>& options = {},
                        std::string mount = "mount/")
      : m_factory(factory), m_options(options), m_mount(std::move(mount)) {
    m_caller.root = true;
    m_caller.policies = {"root"};
    m_caller.accessor = "accessor-of-the-bench";
    m_caller.cubbyhole = "cubbyhole-of-the-bench";
    start();
  }
  ~BackendBench() { m_backend->stop(); }
  BackendBench(const BackendBench&) = delete;
  BackendBench& operator=(const BackendBench&) = delete;

  [[nodiscard]] Outcome write(std::string_view path, boost::json::object data = {}) {
    return run(Operation::Update, path, std::move(data));
  }
  [[nodiscard]] Outcome patch(std::string_view path, boost::json::object data = {}) { return run(Operation::Patch, path, std::move(data)); }
  [[nodiscard]] Outcome read(std::string_view path, boost::json::object data = {}) { return run(Operation::Read, path, std::move(data)); }
  [[nodiscard]] Outcome list(std::string_view path, boost::json::object data = {}) { return run(Operation::List, path, std::move(data)); }
  [[nodiscard]] Outcome remove(std::string_view path, boost::json::object data = {}) {
    return run(Operation::Delete, path, std::move(data));
  }

  /// What the core would do after token, policy and audit said yes.
  [[nodiscard]] Outcome run(Operation operation, std::string_view path, boost::json::object data = {}) {
    Request request;
    request.id = "00000000-0000-4000-8000-000000000000";
    request.operation = operation;
    request.path = m_mount + std::string(path);
    request.data = std::move(data);
    request.remote_address = m_remote_address;
    const std::optional<PathMatch> match = m_table->match(path, operation);
    if (!match) return refused(refuse_path());
    auto fields = Fields::read(match->spec->fields, request.data, match->captures);
    if (!fields) return refused(refusal_of(fields.error()));
    Call call{.request = request,
              .fields = *fields,
              .path = path,
              .mount = m_mount,
              .storage = *m_storage,
              .caller = match->spec->unauthenticated ? nullptr : &m_caller,
              .now = m_clock.now()};
    return carry_out(*match->spec, call, operation);
  }

  /// Seals and unseals: a new backend over the same storage. Throws when it does not start.
  void restart() {
    m_backend->stop();
    start();
  }
  void tick() { m_backend->tick(m_clock.now()); }

  [[nodiscard]] ManualClock& clock() noexcept { return m_clock; }
  [[nodiscard]] Storage& storage() noexcept { return *m_storage; }
  /// Tests that count or break storage put their own in front; the backend is started again on it. It must outlive the bench.
  void use_storage(Storage& storage) {
    m_storage = &storage;
    restart();
  }
  [[nodiscard]] Backend& backend() noexcept { return *m_backend; }
  /// For paths that need a token; change it as the test wants.
  [[nodiscard]] Caller& caller() noexcept { return m_caller; }
  void set_remote_address(std::string address) { m_remote_address = std::move(address); }

 private:
  void start() {
    auto made = m_factory(m_options, m_clock);
    if (!made) throw std::runtime_error(made.error().text());
    m_backend = std::move(*made);
    if (const Status started = m_backend->start(*m_storage); !started) throw std::runtime_error(started.error().text());
    m_table.emplace(m_backend->paths());
  }

  static Outcome refused(Refusal refusal) {
    Outcome out;
    out.status = refusal.status;
    if (!refusal.text.empty()) out.errors.push_back(std::move(refusal.text));
    return out;
  }

  static Outcome carry_out(const PathSpec& spec, Call& call, Operation operation) {
    const bool writes = operation == Operation::Update || operation == Operation::Create;
    if (writes && spec.exists) {
      const Result<bool> there = spec.exists(call);
      if (!there) return refused(refusal_of(there.error()));
      call.existed = *there;
      operation = *there ? Operation::Update : Operation::Create;
    }
    auto handler = spec.operations.find(operation);
    if (handler == spec.operations.end() && operation == Operation::Create) handler = spec.operations.find(Operation::Update);
    if (handler == spec.operations.end()) return refused(refuse_operation());
    Result<Answer> answer = handler->second(call);
    if (!answer) return refused(refusal_of(answer.error()));
    Outcome out;
    out.status = status_of(*answer, operation);
    if (answer->data) out.data = std::move(*answer->data);
    out.errors = std::move(answer->errors);
    out.warnings = std::move(answer->warnings);
    out.grant = std::move(answer->grant);
    out.raw = std::move(answer->raw);
    return out;
  }

  BackendFactory m_factory;
  std::vector<std::pair<std::string, std::string>> m_options;
  std::string m_mount;
  std::string m_remote_address = "127.0.0.1";
  ManualClock m_clock{wall_from_millis(1795308067000)};
  MemoryStorage m_memory;
  Storage* m_storage = &m_memory;
  Caller m_caller;
  std::unique_ptr<Backend> m_backend;
  std::optional<PathTable> m_table;
};

}  // namespace postern::vault::testing
