#include "gateway/zone_keeper.hpp"

#include "base/log.hpp"
#include "dns/name.hpp"
#include "dns/questions.hpp"
#include "dnszone/plan.hpp"
#include "dnszone/zone_text.hpp"
#include "io/sync.hpp"
#include "store/audit_log.hpp"

namespace postern::gateway {
namespace {

constexpr auto kLook = std::chrono::seconds(5);
constexpr auto kCheckAgain = std::chrono::minutes(10);
constexpr auto kTryAgain = std::chrono::minutes(1);
constexpr int kMostRounds = 32;

/// What the records depend on, as a text that is equal when nothing has changed.
std::string gist_of(const std::vector<dnszone::ZoneFacts>& facts) {
  std::string out;
  const auto add = [&out](const std::vector<dns::TlsaData>& keys, char mark) {
    for (const auto& key : keys) out.append(1, mark).append(as_text(key.data));
  };
  for (const auto& one : facts) {
    out.append(one.domain).append("\n");
    for (const auto& key : one.dkim)
      out.append(key.name).append("=").append(key.value).append(key.at).append(std::to_string(static_cast<int>(key.use))).append("\n");
    add(one.tlsa_current, 'c');
    add(one.tlsa_next, 'n');
    add(one.tlsa_former, 'f');
  }
  return out;
}

std::string lines_of(const std::vector<dns::Record>& records) {
  std::string out;
  for (const auto& record : records) out.append(out.empty() ? "" : "\n").append(dnszone::zone_line(record));
  return out;
}

}  // namespace

struct ZoneKeeper::Zone {
  std::string name;
  NameServer server;
  dnszone::TsigKey key;
  std::uint32_t ttl = 3600;
  std::string gist;  ///< Of the facts that it was last brought up to date with.
  SteadyTime next{};
  ZoneState state;
};

ZoneKeeper::ZoneKeeper(ZoneKeeperParts parts) : m_parts(std::move(parts)) {}
ZoneKeeper::~ZoneKeeper() = default;

Result<std::unique_ptr<ZoneKeeper>> ZoneKeeper::make(ZoneKeeperParts parts) {
  std::unique_ptr<ZoneKeeper> out(new ZoneKeeper(std::move(parts)));
  const config::Config& config = out->m_parts.config;
  for (const config::Zone& setting : config.zones) {
    const std::string where = "zone " + setting.name;
    auto name = dns::normalize_name(setting.name);
    if (!name) return fail(std::move(name).error().context(where + ": name"));
    auto server = parse_name_server(setting.server);
    if (!server) return fail(std::move(server).error().context(where + ": server"));
    auto key = read_tsig_key(config.beside_config(setting.tsig));
    if (!key) return fail(std::move(key).error().context(where + ": tsig"));
    ZoneState state{*name, server->text(), std::nullopt, std::nullopt, {}};
    out->m_zones.push_back(std::make_unique<Zone>(Zone{*std::move(name),
                                                       NameServer(*std::move(server)),
                                                       *std::move(key),
                                                       static_cast<std::uint32_t>(setting.ttl),
                                                       {},
                                                       {},
                                                       std::move(state)}));
  }
  return out;
}

io::Task<void> ZoneKeeper::run() {
  if (m_zones.empty()) co_return;
  for (;;) {
    co_await look();
    co_await io::sleep_for(kLook);
  }
}

io::Task<void> ZoneKeeper::look() {
  auto gather = [this] { return m_parts.facts(); };
  const auto facts = co_await m_parts.workers.run(std::move(gather));
  if (!facts) co_return;  // the keeper does not answer now
  for (const auto& zone : m_zones) co_await tend(*zone, *facts);
}

io::Task<void> ZoneKeeper::tend(Zone& zone, const std::vector<dnszone::ZoneFacts>& facts) {
  const SteadyTime now = m_parts.clock.steady();
  std::string gist = gist_of(facts);
  if (gist == zone.gist && now < zone.next) co_return;
  Status done;
  for (const dnszone::ZoneFacts& one : facts) {
    const Status brought = co_await bring_up_to_date(zone, one);
    if (done && !brought) done = brought;
    // One domain's trouble is not the others'; a server that does not answer is everybody's, and each would wait for it.
    if (!brought && (brought.error().code == ErrorCode::Unavailable || brought.error().code == ErrorCode::Timeout)) break;
  }
  zone.gist = std::move(gist);
  zone.next = now + (done ? std::chrono::duration_cast<std::chrono::seconds>(kCheckAgain) : kTryAgain);
  const std::string failure = done ? std::string() : done.error().text();
  if (!done && failure != zone.state.failure) log::warn("dns.not_published", {{"zone", zone.name}, {"reason", failure}});
  const std::lock_guard lock(m_mutex);
  zone.state.failure = failure;
  if (done) zone.state.checked = m_parts.clock.now();
}

/// Asks the server of the zone itself until nothing is open.
io::Task<Result<dnszone::Update>> ZoneKeeper::plan(const Zone& zone, const dnszone::WantedZone& wanted) {
  dnszone::CompareOptions how;
  how.zone = zone.name;
  how.now = m_parts.clock.now();
  how.by_itself = true;
  dns::QuestionTable table;
  for (int round = 0; round < kMostRounds; ++round) {
    const dnszone::Comparison found = dnszone::compare(wanted, table, how);
    dnszone::Update update = dnszone::plan_update(found, zone.name, table);
    if (table.is_settled()) co_return update;
    for (const dns::Question& open : table.take_open()) {
      auto answer = co_await zone.server.query(open.name, open.type);
      if (answer && answer->status == dns::AnswerStatus::Timeout)
        co_return fail(ErrorCode::Unavailable,
                       zone.state.server + " does not answer; is it the primary of the zone, and reachable by TCP?");
      if (answer && answer->status == dns::AnswerStatus::ServFail)
        co_return fail(ErrorCode::Unavailable,
                       zone.state.server + " does not answer for " + open.name + "; is it the primary of the zone?");
      table.add(open.name, open.type, answer ? *std::move(answer) : dns::Answer{});
    }
  }
  co_return fail(ErrorCode::Unavailable, "the names of the zone lead on and on");
}

io::Task<Status> ZoneKeeper::bring_up_to_date(Zone& zone, const dnszone::ZoneFacts& given) {
  dnszone::ZoneFacts facts = given;
  facts.ttl = zone.ttl;
  auto wanted = dnszone::wanted_zone(std::move(facts));
  if (!wanted) co_return fail(std::move(wanted).error().context("zone " + zone.name));
  auto update = co_await plan(zone, *wanted);
  if (!update) co_return fail(update.error());
  if (update->add.empty() && update->remove.empty()) co_return Status();
  const Status done = co_await zone.server.update(*update, zone.key, m_parts.clock);
  if (!done) co_return fail(done.error());
  co_await note(zone, *update);
  const std::lock_guard lock(m_mutex);
  zone.state.changed = m_parts.clock.now();
  co_return Status();
}

io::Task<void> ZoneKeeper::note(const Zone& zone, const dnszone::Update& update) {
  log::info("dns.published", {{"zone", zone.name}, {"added", update.add.size()}, {"removed", update.remove.size()}});
  AuditRecord record;
  record.time = m_parts.clock.now();
  record.kind = "dns.published";
  record.actor = "system";
  record.facts = AuditFacts().add("zone", zone.name).add("added", lines_of(update.add)).add("removed", lines_of(update.remove)).text();
  auto keep = [this, record = std::move(record)]() mutable { return SqliteAuditLog(m_parts.store).append(std::move(record)); };
  const auto kept = co_await m_parts.workers.run(std::move(keep));
  if (!kept) log::warn("audit.not_written", {{"kind", "dns.published"}, {"zone", zone.name}});
}

std::vector<ZoneState> ZoneKeeper::states() const {
  const std::lock_guard lock(m_mutex);
  std::vector<ZoneState> out;
  for (const auto& zone : m_zones) out.push_back(zone->state);
  return out;
}

std::vector<std::string> ZoneKeeper::warnings() const {
  std::vector<std::string> out;
  for (const ZoneState& zone : states()) {
    if (!zone.failure.empty()) out.push_back("the key records of the zone " + zone.zone + " are not kept right: " + zone.failure);
  }
  return out;
}

}  // namespace postern::gateway
