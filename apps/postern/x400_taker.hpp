// What postern x400 receive does with what is delivered: it is shown and saved before it is answered, and notified of where that is asked
// for.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <optional>

#include "context.hpp"
#include "mhs/p3_client.hpp"
#include "x400_owed.hpp"

namespace postern::cli {

/// What the originators of messages are told, who asked for it.
enum class NotifyOf : std::uint8_t {
  Nothing,
  Reading,     ///< Receipt notifications: whoever reads what is shown has the message.
  Discarding,  ///< Notifications of non-receipt: what comes is neither shown nor saved.
};

struct TakeOptions {
  std::string save;        ///< Folder; empty: nothing is saved, and nothing can be notified of.
  std::int64_t count = 0;  ///< At most so many; 0: as many as come.
  NotifyOf notify = NotifyOf::Nothing;
  mts::ORName user;               ///< Whose they are.
  mts::Controls controls;         ///< Asked for at once, where anything stands in them.
  std::chrono::seconds each{60};  ///< For each thing that the MTS is asked.
};

/// One run's worth of it, over any number of associations. On one loop.
class Taker {
 public:
  /// Both must outlive it.
  Taker(const TakeOptions& options, Context& context) : m_options(options), m_context(context), m_owed(options.save) {}

  /// Takes what comes on an association until it is over, everything is here, or the deadline; sends what notifications are owed. An error
  /// is the end of the association, or of what can be done on it.
  [[nodiscard]] io::Task<Status> attend(mhs::P3Client& client, SteadyTime until);

  /// As many as were asked for are here.
  [[nodiscard]] bool is_done() const noexcept { return m_options.count > 0 && std::ssize(m_taken) >= m_options.count; }
  /// Why nothing can be kept here any more.
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return m_failure; }
  /// {"received": […], "notifications": […]}, the latter where there are any.
  [[nodiscard]] boost::json::object taken() const;
  [[nodiscard]] bool is_empty() const noexcept { return m_taken.empty() && m_notices.empty(); }

 private:
  [[nodiscard]] io::Task<Status> take_message(mts::MessageDeliveryArgument message);
  [[nodiscard]] io::Task<Status> take_report(mts::ReportDeliveryArgument report);
  [[nodiscard]] Status keep(const std::string& name, Result<Bytes> octets) const;
  [[nodiscard]] Status owe(const std::string& name, const mts::MessageDeliveryArgument& message);
  [[nodiscard]] Status note(Status kept, boost::json::object entry);
  [[nodiscard]] io::Task<Status> control(mhs::P3Client& client);
  [[nodiscard]] Status find_owed();
  [[nodiscard]] io::Task<Status> notify(mhs::P3Client& client);
  [[nodiscard]] io::Task<Status> notify_of(mhs::P3Client& client, std::string name);
  /// What became of a notification.
  void tell(const std::string& name, const Result<mts::MessageSubmissionResult>& result);

  const TakeOptions& m_options;
  Context& m_context;
  const OwedNotifications m_owed;
  std::deque<std::string> m_pending;  ///< Of m_owed, by name.
  bool m_found_owed = false;          ///< What an earlier run left is among them.
  boost::json::array m_taken, m_notices;
  std::optional<Error> m_failure;
};

}  // namespace postern::cli
