#include "transport/peer_service.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "transport/credentials.hpp"
#include "transport/native.hpp"
#include "transport/peer_check.hpp"

namespace postern::transport {
namespace {

using State = Finding::State;

constexpr std::chrono::seconds kLookAgain{60};  // at files that an operator may have replaced

std::string_view name_of(sdk::Role role) {
  if (role == sdk::Role::P1Mta) return "P1";
  return role == sdk::Role::P3User ? "P3" : "P7";
}

/// No person is named: everybody may read /status.
Finding judge_profile(const Result<Profile>& profile, const std::string& mode) {
  if (!profile) return {"profile", State::Failed, profile.error().text()};
  if (mode == "native" && profile->role == sdk::Role::P1Mta)
    return {"profile", State::Failed,
            profile->name +
                ": role p1 is for libraries; what transfers between MTAs here is [x400] with an [[x400_peer]], whose user this "
                "profile can be by p7 or p3"};
  return {"profile", State::Ok, profile->name + ": " + std::string(name_of(profile->role)) + " at " + printable(profile->peer)};
}

std::string text_of(const sdk::Identity& identity) {
  std::string out;
  for (const std::string* part : {&identity.vendor, &identity.product, &identity.version})
    if (!part->empty()) out += (out.empty() ? "" : " ") + printable(*part);
  return out;
}

Finding judge_health(const Result<sdk::Health>& health) {
  if (!health) return {"health", State::Failed, health.error().text()};
  const State states[] = {State::Ok, State::Warning, State::Failed};
  return {"health", states[static_cast<std::size_t>(health->state)],
          printable(health->words) + ", " + std::to_string(health->associations) + " associations"};
}

/// A profile that is not there yet has none; its own errors are findings.
std::vector<std::string> pins_or_none(const config::Config& config) { return profile_pins(config).value_or(std::vector<std::string>()); }

/// As next hops: by outbound.revocation, at the responder of transport.tls.ocsp_responder where there is one.
io::PeerJudge judge_of_peer(const config::Config& config, const ServiceOptions& with) {
  if (!with.revocations) return {};
  const RevocationPolicy policy = parse_revocation_policy(config.outbound.revocation).value_or(RevocationPolicy::Soft);
  return gateway::judge_of_peers(with.revocations, {policy, "X.400 service", config.transport.tls.ocsp_responder});
}

/// Borrows the configuration.
NativeOptions native_options_of(const config::Config& config, const ServiceOptions& with) {
  const auto& transport = config.transport;
  NativeOptions out;
  out.tls = {.enabled = transport.tls.enabled,
             .min_version = transport.tls.min_version,
             .ca_bundle = config.beside_config(transport.tls.ca_bundle),
             .client_certificate = config.beside_config(transport.tls.client_certificate),
             .client_key = config.beside_config(transport.tls.client_key),
             .fingerprints = transport.fingerprints,
             .more_fingerprints = [&config] { return pins_or_none(config); },
             .enforce_pinset = transport.tls.enforce_pinset,
             .judge = judge_of_peer(config, with)};
  out.strong = [&config] { return profile_strong(config); };
  out.forwarders = config.dns.servers;
  out.connect_timeout = std::chrono::milliseconds(transport.sdk.connect_timeout_ms);
  out.operation_timeout = std::chrono::milliseconds(transport.sdk.operation_timeout_ms);
  return out;
}

/// What the peer refuses an operator has to mend; what cannot be reached may come back by itself.
State state_of(const Error& error) {
  return error.code == ErrorCode::Unavailable || error.code == ErrorCode::Timeout ? State::Warning : State::Failed;
}

bool has_failed(const Findings& all) {
  return std::ranges::any_of(all, [](const Finding& one) { return one.state == State::Failed; });
}

}  // namespace

PeerService::PeerService(config::Config config, ServiceOptions options)
    : m_config(std::move(config)), m_options(std::move(options)), m_transport(maker(), *m_options.clock) {
  if (m_library != nullptr) m_meeting = std::thread([this] { meet_library_soon(); });
}

/// The library is there from the start (its process is not); the native stack when its files are.
Watched::Make PeerService::maker() {
  if (m_config.transport.mode != "sdk") return [this] { return make_native(native_options_of(m_config, m_options)); };
  sdk::ClientOptions client = client_options(m_config, pins_or_none(m_config));
  client.launcher = m_options.launcher;
  auto library = std::make_shared<std::unique_ptr<Transport>>(std::make_unique<SdkTransport>(std::move(client)));
  m_library = static_cast<SdkTransport*>(library->get());
  return [library]() -> Result<std::unique_ptr<Transport>> { return std::move(*library); };
}

PeerService::~PeerService() {
  {
    const std::lock_guard lock(m_mutex);
    m_stopping = true;
  }
  m_stop.notify_all();
  if (m_meeting.joinable()) m_meeting.join();
}

Status PeerService::meet_library() {
  POSTERN_TRY(const sdk::Identity identity, m_transport.identify({}));
  const std::lock_guard lock(m_mutex);
  if (m_library_name.empty()) log::info("x400.library", {{"name", text_of(identity)}});
  m_library_name = text_of(identity);
  return {};
}

/// A few times: the process of the gate before this one may be ending still.
void PeerService::meet_library_soon() {
  for (const int pause : {300, 2'000, 0}) {
    const Status met = meet_library();
    if (met) return;
    log::warn("x400.library_not_started", {{"reason", met.error()}});
    std::unique_lock lock(m_mutex);
    if (m_stop.wait_for(lock, std::chrono::milliseconds(pause), [&] { return m_stopping; })) return;
  }
}

Findings PeerService::judge_files() const {
  const auto profile = read_profile(m_config);
  Findings out{judge_profile(profile, m_config.transport.mode)};
  const Findings credentials = judge_credentials(m_config, pins_or_none(m_config), m_options.clock->now());
  out.insert(out.end(), credentials.begin(), credentials.end());
  return out;
}

Finding PeerService::judge_library() const {
  const sdk::ClientState state = m_library->client().state();
  const std::string failures = std::to_string(state.failures);
  const std::string last = printable(state.last_failure, 512);
  if (!state.running && state.failures > 0)
    return {"library", State::Failed, last + "; see transport.sdk.library_path (" + failures + " times so far)"};
  if (!state.running) return {"library", State::Note, "it is being started"};
  std::string name;
  {
    const std::lock_guard lock(m_mutex);
    name = m_library_name.empty() ? "a library that has not said its name" : m_library_name;
  }
  if (state.failures == 0) return {"library", State::Ok, name};
  return {"library", State::Warning, name + "; its process had to be started again, " + failures + " times so far: " + last};
}

std::optional<Finding> PeerService::judge_last_bind() const {
  const auto last = m_transport.last_bind();
  if (!last) return std::nullopt;
  if (!last->error) return Finding{"last bind", State::Ok, "went well at " + rfc3339(last->at)};
  return Finding{"last bind", state_of(*last->error), "failed at " + rfc3339(last->at) + ": " + last->error->text()};
}

Findings PeerService::findings() const {
  Findings out;
  {
    const std::lock_guard lock(m_mutex);
    const SteadyTime now = m_options.clock->steady();
    if (!m_files || now - m_files_at >= kLookAgain) {
      m_files = judge_files();
      m_files_at = now;
    }
    out = *m_files;
  }
  if (m_library != nullptr) out.push_back(judge_library());
  if (auto last = judge_last_bind()) out.push_back(*std::move(last));
  return out;
}

Findings PeerService::bind_test() {
  {
    const std::lock_guard lock(m_mutex);
    m_files.reset();  // whoever asks has mended something
  }
  const auto profile = read_profile(m_config);
  Findings out = judge_files();
  if (!profile) return out;
  if (m_config.transport.tls.enabled) {
    Findings peer = look_at_peer(m_config, *profile, m_options);
    std::ranges::move(peer, std::back_inserter(out));
  }
  // Where the pinset or a certificate refuses the peer, no password is shown to it.
  if (has_failed(out))
    out.push_back({"bind", State::Note, "not tried, because of what failed before"});
  else
    bind_and_leave(*profile, out);
  if (m_library != nullptr) out.push_back(judge_library());
  return out;
}

void PeerService::bind_and_leave(const Profile& profile, Findings& out) {
  sdk::Bind request = profile.bind_request();
  const auto bound = m_transport.bind(request, {.timeout = std::nullopt, .diagnostics = true});
  wipe(request.password);
  if (!bound) {
    const std::string said = m_library != nullptr ? m_library->client().last_words() : std::string();
    out.push_back({"bind", State::Failed, bound.error().text() + (said.empty() ? "" : "; the library last wrote: " + said)});
    return;
  }
  out.push_back({"bind", State::Ok, "as " + printable(profile.user) + ", " + std::to_string(bound->waiting) + " entries wait"});
  if (m_library != nullptr) (void)meet_library();  // another one may stand in its file by now
  out.push_back(judge_health(m_transport.health({})));
  const Status left = m_transport.unbind({bound->association}, {});
  if (!left) out.push_back({"unbind", State::Warning, left.error().text()});
}

}  // namespace postern::transport
