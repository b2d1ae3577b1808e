// For tests: a mail host whose keys roll over on a simulated clock, its zone, and strangers who verify its messages, however late, through
// caches that keep what they have as long as its TTL allows.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>

#include "gateway/dkim_rollover.hpp"
#include "gateway/dns_health.hpp"
#include "gateway/listener_tls.hpp"
#include "gateway/zone_facts.hpp"
#include "io/testing/run.hpp"
#include "keys/transit_keeper.hpp"
#include "store/audit_log.hpp"
#include "store/test_support.hpp"
#include "tlspolicy/dane.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::gateway::testing {

using namespace std::chrono_literals;
using std::chrono::days;

inline constexpr auto kTtl = 7200s;
inline const std::string kDomain = "example.org", kHost = "mx.example.org";

/// One authoritative zone, as it is now.
class SimulatedZone {
 public:
  dns::Answer ask(const std::string& name, dns::RecordType type) const {
    dns::Answer out{dns::AnswerStatus::NoData, true, {}, name};
    for (const dns::Record& record : m_records) {
      if (record.name == name && record.type == type) out.records.push_back(record);
    }
    if (!out.records.empty()) out.status = dns::AnswerStatus::NoError;
    return out;
  }
  void set_txt(const std::string& name, const std::string& text) {
    remove(name, dns::RecordType::Txt);
    m_records.push_back({name, dns::RecordType::Txt, static_cast<std::uint32_t>(kTtl.count()), dns::TxtData{{text}}});
  }
  void set_tlsa(const std::string& name, const std::vector<dns::TlsaData>& data) {
    remove(name, dns::RecordType::Tlsa);
    for (const auto& one : data) m_records.push_back({name, dns::RecordType::Tlsa, static_cast<std::uint32_t>(kTtl.count()), one});
  }
  void remove(const std::string& name, dns::RecordType type) {
    std::erase_if(m_records, [&](const dns::Record& record) { return record.name == name && record.type == type; });
  }
  std::size_t size() const { return m_records.size(); }
  bool silent = false;

 private:
  std::vector<dns::Record> m_records;
};

/// A resolver with a cache: a stranger's, or our own. Denials are kept as long as answers.
class CachingResolver final : public io::Resolver, public DnsPort {
 public:
  CachingResolver(const SimulatedZone& zone, const Clock& clock) : m_zone(zone), m_clock(clock) {}
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    const std::pair key{std::string(name), type};
    const auto found = m_kept.find(key);
    if (found != m_kept.end() && m_clock.steady() - found->second.first < kTtl) return found->second.second;
    if (m_zone.silent) return dns::Answer{dns::AnswerStatus::Timeout, false, {}, key.first};
    dns::Answer answer = m_zone.ask(key.first, type);
    m_kept[key] = {m_clock.steady(), answer};
    return answer;
  }
  io::Task<Result<dns::Answer>> query(std::string name, dns::RecordType type) override {
    const DnsPort& self = *this;
    co_return const_cast<DnsPort&>(self).query(std::string_view(name), type);
  }

 private:
  const SimulatedZone& m_zone;
  const Clock& m_clock;
  std::map<std::pair<std::string, dns::RecordType>, std::pair<SteadyTime, dns::Answer>> m_kept;
};

struct Signed {
  std::string message;
  SteadyTime judged{};
};

class Rollovers : public ::testing::Test {
 protected:
  void SetUp() override {
    StoreOptions where;
    where.data_dir = dir.path();
    store = Store::open(std::move(where)).value();
    keeper = make_memory_keeper(clock).value();
    config.server.hostname = kHost;
    config.domains.local = {kDomain};
    config.inbound.tlsa = true;
    for (auto [selector, key, algorithm] : {std::tuple{"ed", "dkim_key", "ed25519-sha256"}, {"rsa", "dkim_rsa", "rsa-sha256"}}) {
      config::DkimSigner signer;
      signer.domain = kDomain;
      signer.selector = selector;
      signer.key = key;
      signer.algorithm = algorithm;
      config.dkim.push_back(signer);
    }
  }

  void open() {
    tls.reset();
    dkim.reset();
    const auto pin = [this](const config::DkimSigner& signer, std::uint32_t latest) {
      return DkimPins(*store).pin({signer.domain, signer.selector, signer.key}, static_cast<std::uint32_t>(signer.version), latest);
    };
    signers = DkimSigners::make(config, *keeper, pin).value();
    dkim = std::make_unique<DkimRollover>(DkimRolloverParts{config, *store, *keeper, *signers, own, workers, clock,
                                                            [this](const KeyName& key, std::uint32_t minimum) -> Status {
                                                              if (keeper_fails) return fail(ErrorCode::Unavailable, "away");
                                                              KeySettings settings;
                                                              settings.min_decryption_version = minimum;
                                                              const auto changed = keeper->configure(key, settings);
                                                              return changed ? Status() : Status(fail(changed.error()));
                                                            }});
    AuthorityOptions options;
    options.host = kHost;
    authority = Authority::open(keeper, certificates, clock, random, options).value();
    tls = std::make_unique<ListenerTls>(config, authority, keeper, *store, clock);
    config::Listener listener;
    listener.name = "mx";
    ASSERT_TRUE(tls->add(listener));
  }

  /// What the zone keeper does, without its server.
  void publish() {
    const auto facts = zone_facts(config, {dkim->publications().value(), tls->tlsa_keys()});
    ASSERT_EQ(facts.size(), 1U);
    for (const auto& key : facts[0].dkim) {
      if (key.use == dnszone::DkimUse::Withdrawn)
        zone.remove(key.place(), dns::RecordType::Txt);
      else
        zone.set_txt(key.place(), key.value);
    }
    auto tlsa = facts[0].tlsa_current;
    tlsa.insert(tlsa.end(), facts[0].tlsa_next.begin(), facts[0].tlsa_next.end());
    zone.set_tlsa(dnszone::tlsa_name(kHost), tlsa);
  }
  void look() {
    loops.run(dkim->look());
    auto tlsa = own.query(std::string_view(dnszone::tlsa_name(kHost)), dns::RecordType::Tlsa).value();
    if (impatient) tlsa = dns::Answer{dns::AnswerStatus::NoData, true, {}, {}};
    tls->observe(tlsa);
  }

  std::string sign() {
    const std::string text = "From: a@" + kDomain + "\r\nTo: b@example.net\r\nSubject: n\r\n\r\ntext\r\n";
    const auto view = MessageView::parse(text).value();
    const auto keys = signers->of(kDomain);
    EXPECT_EQ(keys.size(), 2U);
    DkimSignOptions options;
    options.time = clock.now();
    const auto field = dkim_sign(view, keys, options, [this](const auto& key, ByteView data) { return signers->sign(key, data); });
    EXPECT_TRUE(field);
    return field.value_or("") + text;
  }
  /// Both signatures must hold.
  void judge(const std::string& message, DnsPort& verifier, std::vector<std::string>& failures) const {
    const auto view = MessageView::parse(message).value();
    const auto found = dkim_verify(view, verifier, clock.now());
    if (found.size() != 2) failures.push_back("DKIM: a signature is missing");
    for (const auto& one : found) {
      if (one.result != DkimResult::Pass) failures.push_back("DKIM " + rfc3339(clock.now()) + " " + one.selector + ": " + one.reason);
    }
  }
  /// A sender that has TLSA records, however old, must find them true.
  void reach(DnsPort& sender, std::vector<std::string>& failures) const {
    const auto answer = sender.query(dnszone::tlsa_name(kHost), dns::RecordType::Tlsa).value();
    const auto records = answer.all<dns::TlsaData>();
    if (records.empty()) return;
    const CertificateChain chain{*tls->certificate(), authority->root()};
    const std::vector<std::string> names{kHost};
    const auto verdict = dane_check({records, chain, names, clock.now()});
    if (verdict.result != DaneResult::Match) failures.push_back("DANE " + rfc3339(clock.now()) + ": " + verdict.reason);
  }

  struct Year {
    std::vector<std::string> failures;
    std::size_t judged = 0;
    std::set<std::uint32_t> tls_versions;
  };
  /// Keys are rotated every 90 days; publishing is not always prompt; the daemon is restarted now and then; messages are judged up to five
  /// days later (queue.expire), by verifiers who ask at their own times, so that each cache has its own age.
  Year live_through(int length) {
    Year out;
    publish();
    std::mt19937 dice(4);
    std::vector<std::unique_ptr<CachingResolver>> strangers;
    for (int i = 0; i < 8; ++i) strangers.push_back(std::make_unique<CachingResolver>(zone, clock));
    std::deque<Signed> under_way;
    const auto end = clock.steady() + days(length);
    for (auto next = clock.steady() + days(90); clock.steady() < end; clock.advance(1h)) {
      if (clock.steady() >= next) {
        for (const char* key : {"dkim_key", "dkim_rsa", "tls_server"}) EXPECT_TRUE(keeper->rotate(KeyName(key)));
        next += days(90);
      }
      if (dice() % 3 != 0) publish();
      look();
      if (dice() % 100 == 0) open();
      tls->check();
      out.tls_versions.insert(tls->version_in_use().value());
      if (dice() % 6 == 0) under_way.push_back({sign(), clock.steady() + std::chrono::hours(dice() % 120)});
      CachingResolver& someone = *strangers[dice() % strangers.size()];
      reach(someone, out.failures);
      std::erase_if(under_way, [&](const Signed& one) {
        if (one.judged > clock.steady()) return false;
        judge(one.message, someone, out.failures);
        ++out.judged;
        return true;
      });
    }
    return out;
  }

  std::set<std::string> audited() const {
    const auto entries = SqliteAuditLog(*store).list({}, 1000);
    std::set<std::string> out;
    for (const auto& entry : *entries) out.insert(entry.record.kind);
    return out;
  }
  std::size_t count(DkimState state) const {
    const auto all = dkim->publications().value();
    return static_cast<std::size_t>(std::ranges::count(all, state, &DkimPublication::state));
  }

  bool keeper_fails = false;  ///< When a version shall go.
  bool impatient = false;     ///< The gate is told that DNS has no TLSA records.
  test::TemporaryDirectory dir;
  ManualClock clock{wall_from_millis(1'800'000'000'000)};
  SystemRandom random;
  config::Config config;
  SimulatedZone zone;
  CachingResolver own{zone, clock};
  io::testing::RunningLoops loops;
  io::WorkerPool workers{1, 64};
  std::unique_ptr<Store> store;
  std::shared_ptr<Keeper> keeper;
  MemoryCertificateStore certificates;
  std::shared_ptr<Authority> authority;
  std::unique_ptr<DkimSigners> signers;
  std::unique_ptr<DkimRollover> dkim;
  std::unique_ptr<ListenerTls> tls;
};

}  // namespace postern::gateway::testing
