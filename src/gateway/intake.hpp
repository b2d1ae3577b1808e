// The Reception of the real gateway: users, relay rules, the pipeline and the spool behind every door.
#pragma once

#include <atomic>

#include "config/config.hpp"
#include "gateway/door.hpp"
#include "gateway/judge.hpp"
#include "gateway/milter_door.hpp"
#include "gateway/pipeline.hpp"
#include "gateway/revocations.hpp"
#include "gateway/tenants.hpp"
#include "io/loops.hpp"
#include "spool/spool.hpp"
#include "store/audit_log.hpp"

namespace postern::gateway {

struct IntakeParts {
  const config::Config& config;
  const RouteTable& routes;
  const Pipeline& pipeline;
  const Judge& judge;
  Revocations& revocations;  ///< Asked about S/MIME signers.
  const Tenants& tenants;
  Spool& spool;
  UserStore& users;
  SqliteAuditLog& audit;
  io::WorkerPool& workers;
  const Clock& clock;
  /// Told of each message that was judged, with what became of it because of DMARC. Any loop.
  std::function<void(const Arrival& arrival, DmarcPolicy done)> note_judged;
  /// Told, on a worker, of each message that was taken for an address of reports.inbox.
  std::function<void(const Arrival& arrival)> note_report;
  std::shared_ptr<ContentBudget> budget;  ///< The one that the doors' sessions count in.
};

struct IntakeStats {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> accepted_bytes{0};
  std::atomic<std::uint64_t> refused{0};   ///< 5xx
  std::atomic<std::uint64_t> deferred{0};  ///< 4xx
  std::atomic<std::uint64_t> logins{0};
  std::atomic<std::uint64_t> logins_failed{0};
};

class Intake final : public Reception, public FilterReception {
 public:
  explicit Intake(IntakeParts parts) : m_parts(std::move(parts)) {}

  [[nodiscard]] io::Task<Result<std::optional<User>>> find_user(std::string name) override;
  [[nodiscard]] io::Task<Result<bool>> check_password(std::string user, SecretBytes password) override;
  [[nodiscard]] io::Task<void> login_ended(Road road, std::string user, std::string mechanism, bool success) override;
  [[nodiscard]] smtp::Reply check_sender(const Road& road, const smtp::MailFrom& from) override;
  [[nodiscard]] smtp::Reply check_recipient(const Road& road, const smtp::RcptTo& to) override;
  [[nodiscard]] io::Task<std::vector<smtp::Reply>> take(Arrival arrival) override;
  [[nodiscard]] io::Task<FilterVerdict> filter(Arrival arrival) override;
  [[nodiscard]] std::shared_ptr<KeyAhead> key_ahead(const Road& road) override;
  void answered(bool lone) noexcept override;

  /// Whether it goes to an address of reports.inbox.
  [[nodiscard]] bool is_for_reports(const Arrival& arrival) const;
  [[nodiscard]] const IntakeStats& stats() const noexcept { return m_stats; }

 private:
  [[nodiscard]] io::Task<Result<Processed>> process(const Arrival& arrival, bool split);
  [[nodiscard]] io::Task<std::optional<smtp::Reply>> judged(Arrival& arrival);
  [[nodiscard]] io::Task<Status> find_signature(Arrival& arrival);
  [[nodiscard]] io::Task<Result<std::string>> signature_of(const Arrival& arrival, SignerQuestions* questions);
  void note_dmarc(const Arrival& arrival) const;
  [[nodiscard]] io::Task<Status> commit(Submission submission, bool lone);
  void finish_late() noexcept;
  struct Filtering {
    Processed processed;
    FilterVerdict verdict;
    bool passes = false;
  };
  [[nodiscard]] Result<Filtering> prepare(const Arrival& arrival, bool questions) const;
  [[nodiscard]] io::Task<Result<Filtering>> prepare_once(const Arrival& arrival, bool questions);
  [[nodiscard]] FilterVerdict refuse(const Arrival& arrival, const smtp::Reply& reply);
  [[nodiscard]] Result<Processed> process_and_seal(const Arrival& arrival, bool split, bool questions) const;
  [[nodiscard]] bool stocks_keys() const;
  [[nodiscard]] bool may_be_done_here(const Arrival& arrival) const;
  [[nodiscard]] io::Task<Result<Processed>> process_once(const Arrival& arrival, bool split, bool questions);
  void note(const Arrival& arrival, const smtp::Reply& reply);

  IntakeParts m_parts;
  IntakeStats m_stats;
};

}  // namespace postern::gateway
