// sys/tools, audit, metrics, host-info, version-history, and what this engine does not have and says so.
#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "vault/grants.hpp"
#include "vault/handlers.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMostRandom = 128 * 1024;

Result<std::string> encoded(ByteView bytes, std::string_view format) {
  if (format == "hex") return hex_encode(bytes);
  if (format == "base64") return base64_encode(bytes);
  return fail(ErrorCode::BadInput, "unsupported encoding format \"" + std::string(format) + "\"; must be \"hex\" or \"base64\"", "format");
}

Result<Answer> random(const Call& call) {
  const std::int64_t bytes = call.fields.integer(call.fields.has("urlbytes") ? "urlbytes" : "bytes");
  if (bytes < 1) return fail(ErrorCode::BadInput, "\"bytes\" cannot be less than 1", "bytes");
  if (bytes > kMostRandom) return fail(ErrorCode::BadInput, "\"bytes\" should be less than 131072", "bytes");
  const SecretBytes made = random_key(static_cast<std::size_t>(bytes));
  POSTERN_TRY(const std::string text, encoded(made.view(), call.fields.text("format")));
  return Answer::with({{"random_bytes", text}});
}

Result<Answer> hash(const Call& call) {
  const std::string name = call.fields.text(call.fields.has("urlalgorithm") ? "urlalgorithm" : "algorithm");
  const std::optional<HashAlgorithm> algorithm = hash_from_name(name);
  if (!algorithm || *algorithm == HashAlgorithm::Sha1)
    return fail(ErrorCode::BadInput, "unsupported algorithm \"" + name + "\"", "algorithm");
  const Result<Bytes> input = base64_decode(call.fields.text_view("input"));
  if (!input) return fail(ErrorCode::BadInput, "unable to decode input as base64", "input");
  POSTERN_TRY(const std::string text, encoded(digest(*algorithm, *input), call.fields.text("format")));
  return Answer::with({{"sum", text}});
}

void add_tools(std::vector<PathSpec>& to) {
  const std::vector<FieldSpec> random_fields = {{"bytes", FieldType::Integer, "32"},
                                                {"urlbytes", FieldType::Integer},
                                                {"format", FieldType::String, R"("base64")"},
                                                {"source", FieldType::String}};
  const std::vector<FieldSpec> hash_fields = {{"input", FieldType::String},
                                              {"algorithm", FieldType::String, R"("sha2-256")"},
                                              {"urlalgorithm", FieldType::String},
                                              {"format", FieldType::String, R"("hex")"}};
  to.push_back(path_of("tools/random", random_fields, writes(random)));
  to.push_back(path_of("tools/random/{urlbytes}", random_fields, writes(random)));
  to.push_back(path_of("tools/hash", hash_fields, writes(hash)));
  to.push_back(path_of("tools/hash/{urlalgorithm}", hash_fields, writes(hash)));
}

// Audit --------------------------------------------------------------------------------------------------------------------------------

Result<Answer> audit_devices(Engine& engine) {
  json::object out;
  for (const AuditBroker::Device& device : engine.audit.devices()) {
    out[device.path] = json::object{
        {"path", device.path}, {"type", device.type}, {"description", device.description}, {"local", false}, {"options", json::object()}};
  }
  return answer_on_top(std::move(out));
}

void add_audit(std::vector<PathSpec>& to, Engine& engine) {
  const Handler refuse = [](const Call&) -> Result<Answer> {
    return fail(ErrorCode::BadInput,
                "cannot enable audit device via API: audit devices belong to the daemon's configuration, which whoever holds a token "
                "cannot change");
  };
  to.push_back(with_sudo(path_of("audit", {}, reads([&engine](const Call&) { return audit_devices(engine); }))));
  to.push_back(
      with_sudo(path_of("audit/{path...}", {{"path", FieldType::String}}, {{Operation::Update, refuse}, {Operation::Delete, refuse}})));
  to.push_back(path_of("audit-hash/{path...}", {{"path", FieldType::String}, {"input", FieldType::String}},
                       writes([&engine](const Call& call) -> Result<Answer> {
                         const std::string_view input = call.fields.text_view("input");
                         if (input.empty()) return fail(ErrorCode::BadInput, "the \"input\" parameter is empty", "input");
                         std::string path = call.fields.text("path");
                         if (!path.ends_with('/')) path += '/';
                         const Result<std::string> hashed = engine.audit.hash(path, input);
                         if (!hashed) return fail(ErrorCode::BadInput, "unknown audit backend \"" + path + "\"", "path");
                         return answer_on_top({{"hash", *hashed}});
                       })));
}

// About ourselves ------------------------------------------------------------------------------------------------------------------------

Result<Answer> metrics(const Engine& engine) {
  Answer answer;
  answer.raw = RawBody{"text/plain; version=0.0.4", engine.metrics_unlocked()};
  return answer;
}

void add_about(std::vector<PathSpec>& to, Engine& engine) {
  to.push_back(path_of("metrics", {{"format", FieldType::String}}, reads([&engine](const Call&) { return metrics(engine); })));
  to.push_back(path_of("host-info", {}, reads([&engine](const Call&) -> Result<Answer> {
                         return Answer::with({{"timestamp", rfc3339(engine.clock.now())}});
                       })));
  const Handler versions = [&engine](const Call&) -> Result<Answer> {
    const json::object info{{"build_date", engine.options.build_date}, {"previous_version", nullptr}};
    return Answer::with({{"keys", json::array{engine.options.version}}, {"key_info", json::object{{engine.options.version, info}}}});
  };
  to.push_back(path_of("version-history", {}, {{Operation::List, versions}}));
}

// What others have.
void add_refusals(std::vector<PathSpec>& to) {
  const std::vector<std::pair<const char*, const char*>> missing = {
      {"namespaces", "namespaces are not offered: run one daemon for each tenant, or use policies"},
      {"quotas", "quotas are not offered: limit requests in front of the daemon"},
      {"raft", "raft storage is not offered: this is one node"},
      {"plugins", "plugins are not offered: every engine is built in"},
      {"replication", "replication is not offered: this is one node"},
      {"config/cors", "CORS is not offered"},
  };
  for (const auto& [path, why] : missing) {
    const Handler refuse = [why](const Call&) -> Result<Answer> { return fail(ErrorCode::Unsupported, why); };
    const std::map<Operation, Handler> all = {{Operation::Read, refuse},
                                              {Operation::Update, refuse},
                                              {Operation::Patch, refuse},
                                              {Operation::Delete, refuse},
                                              {Operation::List, refuse}};
    to.push_back(path_of(std::string(path) + "/{path...?}", {{"path", FieldType::String}}, all));
  }
}

}  // namespace

void add_tool_paths(std::vector<PathSpec>& to, Engine& engine) {
  add_tools(to);
  add_audit(to, engine);
  add_about(to, engine);
  add_refusals(to);
}

}  // namespace postern::vault
