#include "gateway/held_mail.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/log.hpp"
#include "gateway/pipeline.hpp"
#include "io/sync.hpp"

namespace postern::gateway {
namespace {

namespace json = boost::json;

constexpr auto kLook = std::chrono::hours(1);
constexpr std::size_t kPage = 500;

bool says(const json::object& facts, std::string_view name, std::string_view what) {
  const json::value* value = facts.if_contains(name);
  return value != nullptr && value->is_string() && value->get_string() == what;
}

}  // namespace

bool may_be_told(const std::string& facts) {
  boost::system::error_code malformed;
  const json::value parsed = json::parse(facts, malformed);
  if (malformed || !parsed.is_object()) return false;
  const json::object& known = parsed.get_object();
  const json::value* trusted = known.if_contains("trusted");
  if (trusted != nullptr && trusted->is_bool() && trusted->get_bool()) return true;
  const json::value* user = known.if_contains("user");
  if (user != nullptr && user->is_string() && !user->get_string().empty()) return true;
  return says(known, "spf", "pass");  // a DKIM signature vouches for the author, not for whom a bounce goes to
}

io::Task<void> HeldMail::run() {
  const auto every = m_parts.config.queue.held_expire;
  if (every.count() == 0) co_return;
  for (;;) {
    auto work = [this] { return expire(); };
    const auto done = co_await m_parts.workers.run(std::move(work));
    if (!done) log::warn("queue.held_not_expired", {{"reason", done.error()}});
    co_await io::sleep_for(std::clamp<std::chrono::seconds>(every / 4, std::chrono::seconds(1), kLook));
  }
}

Result<std::size_t> HeldMail::expire() {
  QueueSelector held;
  held.state = RecipientState::Held;
  held.route = kPolicyRoute;
  std::size_t count = 0;
  QueueCursor at;
  for (;;) {
    POSTERN_TRY(const auto page, m_parts.spool.list(held, kPage, at));
    for (const QueueEntry& entry : page) {
      POSTERN_TRY(const bool gone, expire(entry));
      count += gone ? 1 : 0;
    }
    if (page.size() < kPage) return count;
    at = {page.back().item.get(), page.back().index};
  }
}

Result<bool> HeldMail::expire(const QueueEntry& entry) {
  const auto limit = m_parts.config.queue.held_expire;
  if (m_parts.clock.now() - entry.accepted < limit) return false;
  POSTERN_TRY(const FlowEntry message, m_parts.spool.flow(entry.message));
  const bool tell = !entry.sender.empty() && may_be_told(message.facts);
  QueueChange change;
  change.verb = tell ? QueueVerb::Release : QueueVerb::Remove;
  change.selector.item = entry.item;
  change.selector.message = entry.message;
  change.selector.address = entry.address;
  change.selector.state = RecipientState::Held;
  change.reason = "held too long: " + entry.reason;
  change.actor = "system";
  if (tell) {
    change.from_route = kPolicyRoute;
    change.to_route = kBounceRoute;
  }
  POSTERN_TRY(const std::uint64_t changed, m_parts.spool.change_now(std::move(change)));
  if (changed == 0) return false;  // released meanwhile
  log::info("queue.held_expired", {{"id", entry.message.get()}, {"told", tell ? "the sender" : "nobody"}, {"reason", entry.reason}});
  return true;
}

}  // namespace postern::gateway
