// A whole key engine in memory for tests: barrier, custodian, audit, core, and two small backends to mount.
//
// "notes": notes/NAME with create, read, update, delete, list below it; "keys" is quick. "door": a login for everybody who says "please".
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/testing/memory_sealed_store.hpp"
#include "vault/core.hpp"

namespace postern::vault::testing {

/// Keeps lines, or refuses them.
class LineSink final : public AuditSink {
 public:
  [[nodiscard]] Status write(std::string_view line) override {
    const std::lock_guard lock(m_mutex);
    if (refusing && (refuse_type.empty() || line.find("\"type\":\"" + refuse_type + "\"") != std::string_view::npos)) {
      return fail(ErrorCode::Unavailable, "injected: the sink is full");
    }
    m_lines.emplace_back(line);
    return {};
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(m_mutex);
    return m_lines;
  }
  std::atomic<bool> refusing{false};
  std::string refuse_type;  ///< Only lines of this type; set it before `refusing`.

 private:
  mutable std::mutex m_mutex;
  std::vector<std::string> m_lines;
};

class Notes final : public Backend {
 public:
  Notes() {
    PathSpec note;
    note.pattern = "{path...}";
    note.fields = {{"path", FieldType::String}, {"text", FieldType::String}, {"count", FieldType::Integer}};
    note.exists = [](const Call& call) -> Result<bool> {
      POSTERN_TRY(const auto value, call.storage.get(place(call)));
      return value.has_value();
    };
    const Handler write = [](const Call& call) -> Result<Answer> {
      POSTERN_CHECK(call.storage.put(place(call), SecretBytes::from_text(call.fields.text("text"))));
      return Answer{};
    };
    note.operations = {{Operation::Create, write},
                       {Operation::Update, write},
                       {Operation::Read,
                        [](const Call& call) -> Result<Answer> {
                          POSTERN_TRY(const auto value, call.storage.get(place(call)));
                          if (!value) return Answer{};
                          return Answer::with({{"text", as_text(value->view())}});
                        }},
                       {Operation::Delete,
                        [](const Call& call) -> Result<Answer> {
                          POSTERN_CHECK(call.storage.remove(place(call)));
                          return Answer{};
                        }},
                       {Operation::List, [](const Call& call) -> Result<Answer> {
                          POSTERN_TRY(std::vector<std::string> names, call.storage.list("notes/" + call.fields.text("path") + "/"));
                          return Answer::list(std::move(names));
                        }}};
    PathSpec hurried;
    hurried.pattern = "keys";
    hurried.quick = true;
    hurried.operations = {{Operation::Read, [](const Call&) -> Result<Answer> { return Answer::with({{"quick", true}}); }}};
    PathSpec broken;
    broken.pattern = "broken/{how}";
    broken.fields = {{"how", FieldType::String}};
    broken.operations = {{Operation::Read, [](const Call& call) -> Result<Answer> { return break_down(call.fields.text("how")); }}};
    m_paths = {std::move(note), std::move(hurried), std::move(broken)};
  }
  std::string_view type() const noexcept override { return "notes"; }
  const std::vector<PathSpec>& paths() const noexcept override { return m_paths; }
  Status start(Storage& /*storage*/) override { return {}; }
  void stop() noexcept override {}

 private:
  static std::string place(const Call& call) { return "notes/" + call.fields.text("path"); }
  static Result<Answer> break_down(const std::string& how) {
    static const std::map<std::string, ErrorCode> codes = {{"bad", ErrorCode::BadInput},
                                                           {"large", ErrorCode::TooLarge},
                                                           {"conflict", ErrorCode::Conflict},
                                                           {"denied", ErrorCode::Denied},
                                                           {"missing", ErrorCode::NotFound},
                                                           {"full", ErrorCode::Exhausted},
                                                           {"integrity", ErrorCode::IntegrityFailed},
                                                           {"away", ErrorCode::Unavailable},
                                                           {"late", ErrorCode::Timeout},
                                                           {"other", ErrorCode::Unsupported},
                                                           {"internal", ErrorCode::Internal}};
    if (how == "throw") throw std::runtime_error("a bug with a SECRET");
    if (const auto code = codes.find(how); code != codes.end()) return fail(code->second, "it is " + how);
    Answer answer;
    if (how == "partly") {
      answer.data = boost::json::object{{"done", 1}};
      answer.errors = {"one failed"};
    } else if (how == "gone") {
      answer.data = boost::json::object{{"deleted", true}};
      answer.status = 404;
    } else if (how == "raw") {
      answer.raw = RawBody{"text/plain", "as it is"};
    } else if (how == "warned") {
      answer.warnings = {"mind \"this\""};
    }
    return answer;
  }
  std::vector<PathSpec> m_paths;
};

class Door final : public Backend {
 public:
  Door() {
    PathSpec login;
    login.pattern = "login/{name}";
    login.fields = {{"name", FieldType::String},       {"word", FieldType::String},  {"policies", FieldType::CommaStrings},
                    {"uses", FieldType::Integer},      {"ttl", FieldType::Duration}, {"batch", FieldType::Bool},
                    {"cidrs", FieldType::CommaStrings}};
    login.unauthenticated = true;
    login.operations = {{Operation::Update, [](const Call& call) -> Result<Answer> {
                           if (call.fields.text("word") != "please") return fail(ErrorCode::BadInput, "invalid word");
                           Answer answer;
                           answer.grant.emplace();
                           answer.grant->display_name = answer.grant->alias = call.fields.text("name");
                           answer.grant->policies = call.fields.strings("policies");
                           answer.grant->num_uses = call.fields.integer("uses");
                           answer.grant->ttl = call.fields.duration("ttl");
                           answer.grant->batch = call.fields.flag("batch");
                           answer.grant->bound_cidrs = call.fields.strings("cidrs");
                           answer.grant->metadata = {{"word", "please"}};
                           answer.grant->internal = {{"policies", boost::json::value_from(answer.grant->policies)}};
                           return answer;
                         }}};
    m_paths = {std::move(login)};
  }
  std::string_view type() const noexcept override { return "door"; }
  const std::vector<PathSpec>& paths() const noexcept override { return m_paths; }
  Status start(Storage& /*storage*/) override { return {}; }
  void stop() noexcept override {}
  Result<Grant> renew(const boost::json::object& internal) override {
    Grant grant;
    grant.policies = boost::json::value_to<std::vector<std::string>>(internal.at("policies"));
    grant.max_ttl = std::chrono::hours(2);
    return grant;
  }

 private:
  std::vector<PathSpec> m_paths;
};

/// A reply with its body read.
struct Seen {
  int status = 0;
  boost::json::value body;  ///< Null when empty or no JSON.
  std::string text;
  std::string content_type;

  [[nodiscard]] boost::json::value at(std::string_view pointer) const {
    boost::system::error_code error;
    const boost::json::value* found =
        body.is_structured() ? body.find_pointer(boost::json::string_view(pointer.data(), pointer.size()), error) : nullptr;
    return found == nullptr ? boost::json::value() : *found;
  }
  [[nodiscard]] std::string str(std::string_view pointer) const {
    const boost::json::value found = at(pointer);
    return found.is_string() ? std::string(found.get_string()) : boost::json::serialize(found);
  }
  [[nodiscard]] std::string error() const {
    const boost::json::value found = at("/errors/0");
    return found.is_string() ? std::string(found.get_string()) : std::string();
  }
};

class World {
 public:
  /// Initialized with one share, and open, unless told otherwise.
  explicit World(bool initialized = true) {
    start();
    if (initialized) initialize();
  }

  void initialize() {
    auto made = core->initialize({1, 1}).value();
    root = made.root_token;
    share = hex_encode(made.keys.shares.front().view());
    unseal();
  }
  void unseal() { (void)call(Operation::Update, "sys/unseal", {{"key", share}}, ""); }
  /// The daemon is stopped and started; sealed afterwards. With `keeping_notes` nobody may unmount notes/ any more.
  void restart(bool keeping_notes = false) {
    core.reset();
    m_keeping_notes = keeping_notes;
    start();
  }

  [[nodiscard]] Seen call(Operation operation, std::string path, boost::json::object data, std::string token,
                          std::optional<std::chrono::seconds> wrap = {}) {
    Request request;
    request.operation = operation;
    request.path = std::move(path);
    request.data = std::move(data);
    request.token = std::move(token);
    request.wrap_ttl = wrap;
    request.remote_address = "192.0.2.7";
    return send(std::move(request));
  }
  [[nodiscard]] Seen send(Request request) {
    const Reply reply = core->handle(std::move(request));
    Seen seen;
    seen.status = reply.status;
    seen.text = reply.body;
    seen.content_type = reply.content_type;
    boost::system::error_code error;
    if (!reply.body.empty()) seen.body = boost::json::parse(reply.body, error);
    return seen;
  }
  [[nodiscard]] Seen read(std::string path, std::string token = "\1") { return call(Operation::Read, std::move(path), {}, own(token)); }
  [[nodiscard]] Seen list(std::string path, std::string token = "\1") { return call(Operation::List, std::move(path), {}, own(token)); }
  [[nodiscard]] Seen remove(std::string path, std::string token = "\1") { return call(Operation::Delete, std::move(path), {}, own(token)); }
  Seen write(std::string path, boost::json::object data = {}, std::string token = "\1") {
    return call(Operation::Update, std::move(path), std::move(data), own(token));
  }
  /// A child token of root.
  [[nodiscard]] std::string token(boost::json::object wishes) {
    return write("auth/token/create", std::move(wishes)).str("/auth/client_token");
  }
  /// A token with one policy of this text.
  [[nodiscard]] std::string limited(std::string_view policy) {
    const std::string name = "limited-" + std::to_string(++m_policies);
    if (write("sys/policies/acl/" + name, {{"policy", policy}}).status != 204) throw std::runtime_error("the policy is refused");
    return token({{"policies", name}});
  }

  ManualClock clock{wall_from_millis(1795308067000)};
  test::MemorySealedStore store;
  std::shared_ptr<LineSink> sink = std::make_shared<LineSink>();
  std::string root, share;
  std::unique_ptr<Barrier> barrier;
  std::unique_ptr<Custodian> custodian;
  std::unique_ptr<AuditBroker> audit;
  std::unique_ptr<Core> core;

 private:
  [[nodiscard]] std::string own(const std::string& token) const { return token == "\1" ? root : token; }

  template <class T>
  static BackendFactory factory() {
    return [](const MountOptions& options, const Clock&) -> Result<std::unique_ptr<Backend>> {
      for (const auto& [name, value] : options) {
        if (name == "version" && value != "1" && value != "2") return fail(ErrorCode::BadInput, "unknown version");
      }
      return std::make_unique<T>();
    };
  }

  void start() {
    core.reset();
    custodian.reset();
    barrier = std::make_unique<Barrier>(store, clock, BarrierOptions{.block = 4096});
    custodian = std::make_unique<Custodian>(*barrier, CustodianOptions{.root_token_length = kServiceToken});
    audit = std::make_unique<AuditBroker>();
    CoreOptions options;
    options.secrets = {{"notes", factory<Notes>()}, {"kv", factory<Notes>()}};
    options.logins = {{"door", factory<Door>()}};
    NewMount notes, door;
    notes.path = "notes";
    notes.type = "notes";
    door.auth = true;
    door.path = "door";
    door.type = "door";
    options.defaults = {std::move(notes), std::move(door)};
    if (m_keeping_notes) options.kept_mounts = {"notes/"};
    options.on_unseal = [this](Storage&) {
      AuditDeviceOptions device;
      device.path = "file/";
      device.type = "file";
      device.salt = SecretBytes(Bytes(32, 7));
      return audit->add(std::move(device), sink);
    };
    core = std::make_unique<Core>(CoreParts{clock, *barrier, *custodian, *audit}, std::move(options));
  }

  int m_policies = 0;
  bool m_keeping_notes = false;
};

}  // namespace postern::vault::testing
