// Forced access (X.411 8.1.1, X.419: mts-forced-access and mts-forced-reliable-access): this MTA binds to a user who is delivered to by
// P3, when something waits for him and he has not bound himself.
//
//   auto calls = std::make_shared<ForcedAccess>(parts);
//   deliveries.set_while_absent([calls](const auto& user) { calls->wanted(user); });
//
// An association at a time for each user. On it he is delivered to, and may invoke what he may on one of his own. It is released when
// nothing has happened for Mta::idle, or when he has asked for nothing more (delivery-control). Who cannot be reached, refuses the bind,
// shows a wrong name or password, or leaves something undelivered is called again with the pauses of the schedule. Whoever bound, a
// delivery goes to one association (user_deliveries.hpp).
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "mhs/p3_server.hpp"
#include "mhs/user_client.hpp"
#include "spool/schedule.hpp"

namespace postern::mhs {

/// A user whom we call, as an operator sees it.
struct CalledUserState {
  std::string user, address;
  bool bound = false;   ///< By us, now.
  std::string trouble;  ///< Why the last call came to nothing, or why there is none; empty: all is well.
};

class ForcedAccess : public std::enable_shared_from_this<ForcedAccess> {
 public:
  /// All must outlive stop().
  struct Parts {
    const Mta& mta;
    P3Parts& p3;  ///< With deliveries.
    io::Loops& loops;
    io::Resolver& resolver;
    Random& random;
    std::string hostname;
    RetrySchedule schedule;  ///< Between calls; its expiry does not count.
    osi::TranscriptHook transcript;
    std::shared_ptr<ContentBudget> budget = nullptr;  ///< That of the doors, which bounds what all associations hold.
  };
  explicit ForcedAccess(Parts parts);

  /// Whoever has mail that rests since an earlier run is called. After UserDeliveries::start().
  void start();
  /// Something waits for a user who is not there: he is called, where he is one whom we call. Any thread.
  void wanted(const oraddress::ORAddress& user);
  /// No more calls; releases what is bound and waits for that, some seconds at most. Not on a loop.
  void stop();

  [[nodiscard]] std::vector<CalledUserState> users() const;

 private:
  using Self = std::shared_ptr<ForcedAccess>;
  struct Line {
    const CalledUser* user = nullptr;
    std::string text;  ///< The address for people.
    io::Executor loop;
    bool busy = false;   ///< Called, or to be called after a pause.
    bool again = false;  ///< Something has come since that may have missed the association.
    bool bound = false;
    unsigned failures = 0;  ///< In a row.
    std::string trouble{};
  };
  class Session;

  static io::Task<void> run(Self self, Line* line);
  /// From the call to the end of the association; whether nothing was left that should be tried again.
  [[nodiscard]] io::Task<bool> call(Line& line);
  [[nodiscard]] io::Task<Called<std::unique_ptr<UserClient>>> bind(const CalledUser& user);
  /// X.411 8.1.1.1.2: whether it is this user who answered, with his password.
  [[nodiscard]] io::Task<Status> check_responder(const CalledUser& user, const asn1::Any& result);

  void failed(Line& line, const std::string& why);
  void note_bound(Line& line, bool bound);
  void settle(Line& line, const Session& session, const std::string& end);
  [[nodiscard]] std::chrono::milliseconds pause_of(const Line& line);
  void finish(Line& line, bool all_went);
  /// Where something still waits for him he is wanted (again).
  void look_for(const Line& line) { m_parts.p3.deliveries->look_for(line.user->user); }

  const Parts m_parts;
  std::atomic<bool> m_stopping{false};
  mutable std::mutex m_mutex;
  std::condition_variable m_ended;
  std::size_t m_calls = 0;              ///< Under way.
  std::map<std::string, Line> m_lines;  ///< By comparison key; fixed after the constructor.
};

}  // namespace postern::mhs
