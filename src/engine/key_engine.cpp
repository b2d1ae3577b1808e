#include "engine/key_engine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"
#include "engine/audit_chain.hpp"
#include "keys/transit_keeper.hpp"
#include "logins/approle.hpp"
#include "logins/userpass.hpp"
#include "recorders/settings.hpp"
#include "seals/factory.hpp"
#include "secrets/kv.hpp"
#include "secrets/transit.hpp"
#include "store/sealed_store.hpp"

namespace postern::engine {
namespace {

constexpr auto kTick = std::chrono::seconds(1);
constexpr auto kKeeperTick = std::chrono::seconds(60);
constexpr std::string_view kMailMount = "transit";
constexpr auto kAskSealAgain = std::chrono::seconds(30);
constexpr std::size_t kSalt = 32;

KeychainUse keychain_of(const config::Config& config) {
  return {config.keychain.enabled, config.keychain.service_name, config.keychain.account_name, config.keychain.fallback_env};
}

/// "auto" is the seal that fits what keys.root names.
Result<std::string> seal_setting(const config::Config& config) {
  if (config.engine.seal != "auto") return config.engine.seal;
  auto source = parse_root_key_source(config.keys.root, keychain_of(config));
  if (!source) return fail(std::move(source).error());
  switch (source->kind) {
    case RootKeySource::Kind::File: return std::string("file");
    case RootKeySource::Kind::Environment: return std::string("passphrase");
    case RootKeySource::Kind::Keychain: return std::string("keychain");
  }
  return fail(ErrorCode::Internal, "keys.root is of no known kind");
}

/// Null for shares.
Result<std::unique_ptr<Seal>> open_seal(const config::Config& config) {
  POSTERN_TRY(const std::string setting, seal_setting(config));
  if (setting == "shamir") return std::unique_ptr<Seal>();
  seals::SealSettings settings;
  settings.seal = setting;
  settings.keys_root = config.root_reference();
  settings.folder = config.in_keeper_dir("");
  settings.keychain = keychain_of(config);
  settings.create = true;
  auto seal = seals::make_seal(settings);
  if (!seal) return fail(Error(seal.error()).context("engine.seal"));
  return seal;
}

/// Readable by nobody else, and whole or not there at all.
Status write_private(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  std::error_code error;
  if (written) std::filesystem::rename(fresh, path, error);
  if (written && !error) return {};
  return fail(ErrorCode::Unavailable, "cannot write " + path + "; check the permissions of the data directory");
}

/// The daemon's folder in the barrier keeps one salt for each device.
Result<SecretBytes> salt_of(Storage& storage, const std::string& device) {
  const std::string path = "audit/" + device;
  POSTERN_TRY(auto salt, storage.get(path));
  if (salt) return *std::move(salt);
  SecretBytes made = random_key(kSalt);
  POSTERN_CHECK(storage.put(path, made.clone()));
  return made;
}

struct Device {
  std::string setting;  ///< For errors.
  std::string type;
  RecorderSettings options;
  std::string chain_name = {};  ///< Not empty: a file that is chained.
};

/// "KIND:ADDRESS" of a setting, in the recorders' words.
Device socket_device(const std::string& text) {
  const auto colon = text.find(':');
  return {"engine.audit.socket",
          "socket",
          {{"socket_type", text.substr(0, colon)}, {"address", colon == std::string::npos ? "" : text.substr(colon + 1)}}};
}

/// "unix:/dev/log", and options of the recorder behind it: "unix:/dev/log facility=local0 tag=engine".
Device syslog_device(std::string_view text) {
  Device out{"engine.audit.syslog", "syslog", {}};
  for (const std::string_view word : split(text, ' ')) {
    const auto equals = word.find('=');
    if (word.empty()) continue;
    if (out.options.empty())
      out.options["address"] = word.starts_with("unix:") ? word.substr(5) : word;
    else
      out.options[std::string(word.substr(0, equals))] = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  }
  return out;
}

std::vector<Device> devices_of(const config::Config& config) {
  std::vector<Device> out;
  const auto& audit = config.engine;
  if (!audit.audit_file.empty()) {
    const std::string path = std::filesystem::absolute(config.in_data_dir(audit.audit_file)).string();
    out.push_back(
        {"engine.audit.file", "file", {{"file_path", path}, {"acknowledge", "drained"}}, audit.audit_chain ? audit.audit_file : ""});
  }
  if (!audit.audit_syslog.empty()) out.push_back(syslog_device(audit.audit_syslog));
  if (!audit.audit_socket.empty()) out.push_back(socket_device(audit.audit_socket));
  return out;
}

struct OpenDevice {
  RecorderPlan plan;
  std::shared_ptr<Recorder> sink;
};

/// The folder of the default file is ours to make; any other is the operator's.
Status make_folder(const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path();
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return fail(ErrorCode::Unavailable, "cannot make " + folder.string() + ": " + error.message());
  return {};
}

Result<OpenDevice> open_device(const Device& device, const std::shared_ptr<SqliteSealedStore>& store, const Clock& clock) {
  if (const auto path = device.options.find("file_path"); path != device.options.end()) POSTERN_CHECK(make_folder(path->second));
  POSTERN_TRY(RecorderPlan plan, read_recorder(device.type + "/", device.type, device.options, false));
  if (!device.chain_name.empty()) POSTERN_CHECK(chain_file(plan, device.chain_name, *store));
  POSTERN_TRY(auto sink, open_recorder(plan, chain_port(store), clock));
  return OpenDevice{std::move(plan), std::move(sink)};
}

Result<std::vector<OpenDevice>> open_devices(const config::Config& config, const std::shared_ptr<SqliteSealedStore>& store,
                                             const Clock& clock) {
  std::vector<OpenDevice> out;
  for (const Device& device : devices_of(config)) {
    auto opened = open_device(device, store, clock);
    if (!opened) return fail(Error(opened.error()).context(device.setting));
    out.push_back(*std::move(opened));
  }
  return out;
}

vault::AuditDeviceOptions salted(const vault::AuditDeviceOptions& from, SecretBytes salt) {
  vault::AuditDeviceOptions out;
  out.path = from.path;
  out.type = from.type;
  out.description = from.description;
  out.log_raw = from.log_raw;
  out.hmac_accessor = from.hmac_accessor;
  out.elide_list_responses = from.elide_list_responses;
  out.plain_headers = from.plain_headers;
  out.prefix = from.prefix;
  out.salt = std::move(salt);
  return out;
}

/// The mail's keys, as long as the engine is open.
class MailTransit final : public TransitSource {
 public:
  MailTransit(const std::unique_ptr<vault::Core>& core, const std::shared_ptr<SqliteSealedStore>& store) : m_core(core), m_store(store) {}
  Result<Lease> lease() override {
    POSTERN_TRY(auto entered, m_core->enter(kMailMount));
    POSTERN_TRY(auto engine, vault::transit_engine_of(entered.mount().backend()));
    return Lease{std::move(engine), std::make_shared<vault::Entered>(std::move(entered))};
  }
  Status purge() override { return m_store->writer().empty_log(); }

 private:
  const std::unique_ptr<vault::Core>& m_core;
  const std::shared_ptr<SqliteSealedStore>& m_store;
};

/// What keys.root names has to be there at the start, and right; a token or a TPM may come back.
bool is_secret(const Seal& seal) { return seal.type() == "file" || seal.type() == "passphrase" || seal.type() == "secret-service"; }

Error named(Error error) {
  error.field = "keys.root";
  if (error.code == ErrorCode::NotFound || error.code == ErrorCode::Unavailable)
    error.what += "; if it is lost, put it back from its backup: nothing else opens the keys";
  return error;
}

}  // namespace

struct KeyEngine::Parts {
  std::string token_file, recovery_file;
  std::shared_ptr<SqliteSealedStore> store;  // shared with nobody for longer than a call; see chain_port()
  std::unique_ptr<Barrier> barrier;
  std::unique_ptr<Seal> seal;
  std::unique_ptr<Custodian> custodian;
  std::vector<OpenDevice> devices;
  vault::AuditBroker audit;
  MailTransit mail{core, store};
  std::unique_ptr<TransitKeeper> keeper;  // before the core, which tells it when it seals
  std::unique_ptr<vault::Core> core;

  bool opened_once = false;  // an engine that an operator sealed stays sealed
  std::mutex mutex;
  std::condition_variable_any wake;
  std::jthread ticker;  // last: it uses the rest

  [[nodiscard]] Status on_unseal(Storage& storage);
  [[nodiscard]] Status open_by_seal();
  [[nodiscard]] Status make_first();
  [[nodiscard]] Status keep_first(std::string_view root_token, const InitResult& keys) const;
  [[nodiscard]] Status try_to_open();
  void tick_keeper();
  void run(const std::stop_token& stop);
};

Status KeyEngine::Parts::on_unseal(Storage& storage) {
  audit.clear();
  for (const OpenDevice& device : devices) {
    POSTERN_TRY(SecretBytes salt, salt_of(storage, device.plan.device.type));
    POSTERN_CHECK(audit.add(salted(device.plan.device, std::move(salt)), device.sink));
  }
  return {};
}

Status KeyEngine::Parts::keep_first(std::string_view root_token, const InitResult& keys) const {
  std::string line = std::string(root_token) + '\n';
  const Status token = write_private(token_file, line);
  wipe(line);
  POSTERN_CHECK(token);
  if (!keys.recovery || keys.shares.empty()) return {};
  std::string share = base64_encode(keys.shares.front().view()) + "\n";
  const Status kept = write_private(recovery_file, share);
  wipe(share);
  return kept;
}

Status KeyEngine::Parts::make_first() {
  POSTERN_TRY(auto made,
              core->initialize({1, 1}, [this](std::string_view token, const InitResult& keys) { return keep_first(token, keys); }));
  wipe(made.root_token);
  log::info("engine.initialized", {{"seal", seal->type()}, {"token", token_file}, {"recovery", recovery_file}});
  return {};
}

Status KeyEngine::Parts::open_by_seal() {
  POSTERN_TRY(const CustodyStatus now, custodian->status());
  if (!now.initialized) return make_first();
  if (now.migration || seal->needs_operator()) return {};
  if (now.sealed) POSTERN_CHECK(custodian->unseal_by_seal());
  return core->open();
}

Status KeyEngine::Parts::try_to_open() {
  Status opened;
  if (seal && !core->is_open()) {
    opened = open_by_seal();
    if (!opened) log::error("engine.sealed", {{"seal", seal->type()}, {"error", opened.error()}});
  }
  opened_once = opened_once || core->is_open();
  return opened;
}

void KeyEngine::Parts::tick_keeper() {
  if (!core->is_open()) return;
  if (const Status done = keeper->tick(); !done && done.error().code != ErrorCode::NotFound)
    log::warn("engine.keeper_tick", {{"error", done.error()}});
}

void KeyEngine::Parts::run(const std::stop_token& stop) {
  auto asked = std::chrono::steady_clock::now(), ticked = asked;
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kTick, [] { return false; });
    lock.unlock();
    if (stop.stop_requested()) return;
    core->tick();
    if (const auto now = std::chrono::steady_clock::now(); now - ticked >= kKeeperTick) {
      ticked = now;
      tick_keeper();
    }
    if (opened_once || std::chrono::steady_clock::now() - asked < kAskSealAgain) continue;
    asked = std::chrono::steady_clock::now();
    (void)try_to_open();
  }
}

KeyEngine::KeyEngine(std::unique_ptr<Parts> parts) : m_parts(std::move(parts)) {}
KeyEngine::~KeyEngine() { stop(); }

Result<std::unique_ptr<KeyEngine>> KeyEngine::open(const config::Config& config, SecretBytes database_key, const Clock& clock) {
  auto parts = std::make_unique<Parts>();
  parts->token_file = config.in_keeper_dir("engine.token");
  parts->recovery_file = config.in_keeper_dir("engine.recovery");
  POSTERN_TRY(parts->seal, open_seal(config));
  parts->audit.allow_none(!config.engine.audit_required);
  SealedStoreOptions store;
  store.data_dir = config.in_keeper_dir("");
  store.key = std::move(database_key);
  POSTERN_TRY(parts->store, SqliteSealedStore::open(std::move(store)));
  POSTERN_TRY(parts->devices, open_devices(config, parts->store, clock));
  parts->barrier = std::make_unique<Barrier>(*parts->store, clock);
  CustodianOptions custody;
  custody.seal = parts->seal.get();
  custody.root_token_length = vault::kServiceToken;
  parts->custodian = std::make_unique<Custodian>(*parts->barrier, custody);
  vault::CoreOptions options;
  options.secrets = {{"kv", vault::make_kv}, {"cubbyhole", vault::make_cubbyhole}, {"transit", vault::make_transit}};
  options.kept_mounts = {std::string(kMailMount) + "/"};
  options.logins = {{"userpass", vault::make_userpass}, {"approle", vault::make_approle}};
  options.on_unseal = [raw = parts.get()](Storage& storage) { return raw->on_unseal(storage); };
  options.on_seal = [raw = parts.get()] {
    raw->audit.clear();
    raw->keeper->forget();
  };
  parts->core =
      std::make_unique<vault::Core>(vault::CoreParts{clock, *parts->barrier, *parts->custodian, parts->audit}, std::move(options));
  parts->keeper = std::make_unique<TransitKeeper>(parts->mail, clock);
  if (const Status opened = parts->try_to_open(); !opened && is_secret(*parts->seal)) return fail(named(opened.error()));
  return std::unique_ptr<KeyEngine>(new KeyEngine(std::move(parts)));
}

void KeyEngine::start() {
  m_parts->ticker = std::jthread([parts = m_parts.get()](const std::stop_token& stop) { parts->run(stop); });
}

void KeyEngine::stop() noexcept {
  if (m_parts->ticker.joinable()) {
    m_parts->ticker.request_stop();
    m_parts->ticker.join();
  }
}

vault::Core& KeyEngine::core() noexcept { return *m_parts->core; }
std::shared_ptr<Keeper> KeyEngine::keeper() noexcept { return {std::shared_ptr<void>(), m_parts->keeper.get()}; }
Result<CustodyStatus> KeyEngine::status() { return m_parts->custodian->status(); }

}  // namespace postern::engine
