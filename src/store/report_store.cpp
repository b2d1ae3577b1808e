#include "store/report_store.hpp"

namespace postern {
namespace {

std::int64_t seconds_of(WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }
WallTime time_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

/// Every row of a statement, made into a value.
template <class Value, class Make>
Result<std::vector<Value>> all_rows(Statement& rows, Make make) {
  std::vector<Value> out;
  for (;;) {
    POSTERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(make(rows));
  }
}

}  // namespace

Status ReportStore::add(const std::vector<TlsCount>& counts) {
  if (counts.empty()) return {};
  return m_store.writer().transact([&](Database& database) -> Status {
    for (const auto& [s, sessions] : counts) {
      POSTERN_CHECK(database.run(
          "INSERT INTO tls_session(day, domain, policy_type, policy_domain, policy, mx_patterns, result_type, mx, ip, local_ip, reason, "
          "sessions) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions",
          s.day, s.domain, s.policy_type, s.policy_domain, s.policy, s.mx_patterns, s.result_type, s.mx, s.ip, s.local_ip, s.reason,
          static_cast<std::int64_t>(sessions)));
    }
    return {};
  });
}

Result<std::vector<std::pair<std::int64_t, std::string>>> ReportStore::unsent(std::int64_t day, std::size_t most) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows,
              reader->prepare("SELECT DISTINCT day, domain FROM tls_session AS t WHERE day < ? AND NOT EXISTS (SELECT 1 FROM "
                              "report_sent AS r WHERE r.kind = 'tls' AND r.day = t.day AND r.domain = t.domain) AND NOT EXISTS "
                              "(SELECT 1 FROM report_waiting AS w WHERE w.kind = 'tls' AND w.day = t.day AND w.domain = t.domain) ORDER "
                              "BY day, domain LIMIT ?"));
  rows.bind_all(day, static_cast<std::int64_t>(most));
  return all_rows<std::pair<std::int64_t, std::string>>(rows,
                                                        [](Statement& row) { return std::pair(row.integer(0), std::string(row.text(1))); });
}

Result<std::vector<TlsCount>> ReportStore::counts(std::int64_t day, const std::string& domain) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows,
              reader->prepare("SELECT policy_type, policy_domain, policy, mx_patterns, result_type, mx, ip, reason, local_ip, "
                              "sessions FROM tls_session WHERE day = ? AND domain = ?"));
  rows.bind_all(day, domain);
  return all_rows<TlsCount>(rows, [&](Statement& row) {
    const auto text = [&](int column) { return std::string(row.text(column)); };
    return TlsCount{{day, domain, text(0), text(1), text(2), text(3), text(4), text(5), text(6), text(7), text(8)},
                    static_cast<std::uint64_t>(row.integer(9))};
  });
}

Status ReportStore::note(Database& database, const SentReport& sent) {
  return database.run("INSERT OR REPLACE INTO report_sent(kind, day, domain, time, outcome) VALUES (?,?,?,?,?)", sent.kind, sent.day,
                      sent.domain, seconds_of(sent.time), sent.outcome);
}

Status ReportStore::note(const SentReport& sent) {
  return m_store.writer().transact([&](Database& database) { return note(database, sent); });
}

Result<std::vector<SentReport>> ReportStore::sent(std::size_t most) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(
      Statement rows,
      reader->prepare("SELECT kind, day, domain, time, outcome, (SELECT MIN(next) FROM report_waiting AS w WHERE w.kind = s.kind AND "
                      "w.day = s.day AND w.domain = s.domain AND w.tries > 0) FROM report_sent AS s ORDER BY time DESC, day DESC, "
                      "domain LIMIT ?"));
  rows.bind_all(static_cast<std::int64_t>(most));
  return all_rows<SentReport>(rows, [](Statement& row) {
    SentReport out{std::string(row.text(0)), row.integer(1), std::string(row.text(2)), time_of(row.integer(3)), std::string(row.text(4))};
    if (row.integer(5) != 0) out.again = time_of(row.integer(5));
    return out;
  });
}

Result<std::vector<ReportStore::Summary>> ReportStore::summary(std::size_t most) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(
      Statement rows,
      reader->prepare("SELECT day, domain, SUM(CASE WHEN result_type = '' THEN sessions ELSE 0 END), SUM(CASE WHEN result_type = '' THEN "
                      "0 ELSE sessions END) FROM tls_session GROUP BY day, domain ORDER BY day DESC, domain LIMIT ?"));
  rows.bind_all(static_cast<std::int64_t>(most));
  return all_rows<Summary>(rows, [](Statement& row) {
    return Summary{row.integer(0), std::string(row.text(1)), static_cast<std::uint64_t>(row.integer(2)),
                   static_cast<std::uint64_t>(row.integer(3))};
  });
}

Result<std::vector<ReportStore::PolicySummary>> ReportStore::policy_summary(std::int64_t first, std::int64_t last) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows,
              reader->prepare("SELECT day, policy_type, SUM(CASE WHEN result_type = '' THEN sessions ELSE 0 END), SUM(CASE WHEN "
                              "result_type = '' THEN 0 ELSE sessions END) FROM tls_session WHERE day BETWEEN ? AND ? GROUP BY day, "
                              "policy_type ORDER BY day, policy_type"));
  rows.bind_all(first, last);
  return all_rows<PolicySummary>(rows, [](Statement& row) {
    return PolicySummary{row.integer(0), std::string(row.text(1)), static_cast<std::uint64_t>(row.integer(2)),
                         static_cast<std::uint64_t>(row.integer(3))};
  });
}

Result<std::string> ReportStore::pending(const std::string& kind) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT body FROM report_pending WHERE kind = ?"));
  POSTERN_TRY(const bool found, row.bind_all(kind).step());
  return found ? std::string(row.text(0)) : std::string();
}

Status ReportStore::keep_waiting(Database& database, const WaitingReport& report) {
  return database.run(
      "INSERT INTO report_waiting(kind, day, domain, id, first, next, tries, progress, body) VALUES (?,?,?,?,?,?,?,?,?) ON "
      "CONFLICT DO UPDATE SET first = excluded.first, next = excluded.next, tries = excluded.tries, progress = "
      "excluded.progress",
      report.kind, report.day, report.domain, report.id, seconds_of(report.first), seconds_of(report.next),
      static_cast<std::int64_t>(report.tries), report.progress.save(), report.body);
}

Status ReportStore::keep_waiting(const WaitingReport& report) {
  return m_store.writer().transact([&](Database& database) { return keep_waiting(database, report); });
}

Status ReportStore::keep_pending(const std::string& kind, const std::string& body, const std::vector<WaitingReport>& taken) {
  return m_store.writer().transact([&](Database& database) -> Status {
    for (const WaitingReport& one : taken) {
      POSTERN_CHECK(
          database.run("INSERT OR IGNORE INTO report_waiting(kind, day, domain, id, first, next, tries, progress, body) VALUES "
                       "(?,?,?,?,?,?,?,?,?)",
                       one.kind, one.day, one.domain, one.id, seconds_of(one.first), seconds_of(one.next),
                       static_cast<std::int64_t>(one.tries), one.progress.save(), one.body));
    }
    return database.run("INSERT OR REPLACE INTO report_pending(kind, body) VALUES (?,?)", kind, body);
  });
}

Result<std::vector<WaitingReport>> ReportStore::waiting(WallTime until, std::size_t most) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(
      Statement rows,
      reader->prepare("SELECT kind, day, domain, id, first, next, tries, progress FROM report_waiting WHERE next <= ? ORDER BY next, "
                      "kind, day, domain LIMIT ?"));
  rows.bind_all(seconds_of(until), static_cast<std::int64_t>(most));
  return all_rows<WaitingReport>(rows, [](Statement& row) {
    const auto text = [&](int column) { return std::string(row.text(column)); };
    // Damaged, it is as if nobody had been asked: better twice than never.
    return WaitingReport{.kind = text(0),
                         .day = row.integer(1),
                         .domain = text(2),
                         .id = text(3),
                         .first = time_of(row.integer(4)),
                         .next = time_of(row.integer(5)),
                         .tries = static_cast<unsigned>(row.integer(6)),
                         .progress = ReportProgress::load(row.text(7)).value_or(ReportProgress())};
  });
}

Result<std::string> ReportStore::waiting_body(const WaitingReport& report) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT body FROM report_waiting WHERE kind = ? AND day = ? AND domain = ? AND id = ?"));
  POSTERN_TRY(const bool found, row.bind_all(report.kind, report.day, report.domain, report.id).step());
  if (!found) return fail(ErrorCode::NotFound, "this report does not wait any more");
  return std::string(row.text(0));
}

Status ReportStore::note_attempt(const WaitingReport& report, const SentReport& sent) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(note(database, sent));
    if (sent.again) return keep_waiting(database, report);
    return database.run("DELETE FROM report_waiting WHERE kind = ? AND day = ? AND domain = ? AND id = ?", report.kind, report.day,
                        report.domain, report.id);
  });
}

Status ReportStore::add_received(const ReceivedReport& r, WallTime now, bool vouched) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(
        database.run("INSERT OR REPLACE INTO report_received(kind, organization, id, domain, begin, end, received, good, bad, vouched, "
                     "body) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                     r.kind, r.organization, r.id, r.domain, seconds_of(r.begin), seconds_of(r.end), seconds_of(now),
                     static_cast<std::int64_t>(r.good), static_cast<std::int64_t>(r.bad), std::int64_t{vouched}, r.body));
    return database.run("DELETE FROM report_received WHERE n <= (SELECT MAX(n) FROM report_received) - ?",
                        static_cast<std::int64_t>(kMostReceived));
  });
}

namespace {

/// Of a row "n, kind, organization, id, domain, begin, end, received, good, bad, vouched".
ReportStore::Received received_in(Statement& row) {
  const auto text = [&](int column) { return std::string(row.text(column)); };
  const auto time = [&](int column) { return WallTime(std::chrono::seconds(row.integer(column))); };
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  return {row.integer(0), {text(1), text(2), text(3), text(4), time(5), time(6), count(8), count(9), {}}, time(7), row.integer(10) != 0};
}

}  // namespace

Result<std::vector<ReportStore::Received>> ReportStore::received(std::size_t most) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT n, kind, organization, id, domain, begin, end, received, good, bad, vouched FROM "
                                              "report_received ORDER BY n DESC LIMIT ?"));
  rows.bind_all(static_cast<std::int64_t>(most));
  return all_rows<Received>(rows, received_in);
}

Status ReportStore::visit_received(const ReceivedQuery& query, const std::function<bool(const Received&)>& see) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows,
              reader->prepare("SELECT n, kind, organization, id, domain, begin, end, received, good, bad, vouched, body FROM "
                              "report_received WHERE begin + (end - begin) / 2 >= ? AND begin + (end - begin) / 2 < ? AND (vouched OR "
                              "NOT ?) AND (?4 = '' OR lower(domain) = lower(?4)) ORDER BY n DESC"));
  rows.bind_all(seconds_of(day_begin(query.first)), seconds_of(day_begin(query.last + 1)), query.only_vouched, query.domain);
  for (;;) {
    POSTERN_TRY(const bool more, rows.step());
    if (!more) return {};
    Received one = received_in(rows);
    one.report.body = rows.text(11);
    if (!see(one)) return {};
  }
}

Result<std::string> ReportStore::received_body(std::int64_t number) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT body FROM report_received WHERE n = ?"));
  POSTERN_TRY(const bool found, row.bind_all(number).step());
  if (!found) return fail(ErrorCode::NotFound, "no report has this number", "number");
  return std::string(row.text(0));
}

Status ReportStore::forget_before(std::int64_t day) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("DELETE FROM tls_session WHERE day < ?", day));
    POSTERN_CHECK(database.run("DELETE FROM report_waiting WHERE day < ? AND tries > 0", day));
    return database.run("DELETE FROM report_sent WHERE day < ?", day);
  });
}

}  // namespace postern
