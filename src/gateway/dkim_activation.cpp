// An operator's word that the next version of a DKIM key shall sign now, and whether DNS has what that takes.
#include "gateway/dkim_rollover.hpp"

namespace postern::gateway {
namespace {

std::string place_of(const DkimPublication& record) { return record.at.empty() ? record.name : record.at; }

std::string what_to_publish(const DkimPublication& record) {
  return "publish " + place_of(record) + " IN TXT \"" + record.value +
         "\", then activate again (resolvers may remember for a while what was there before); --force signs with it all the same, and "
         "receivers fail its signatures";
}

Error silence(const DkimPublication& record, const dns::Answer& answer) {
  return {ErrorCode::Unavailable,
          "DNS does not answer for " + record.name + " now (" + std::string(name_of(answer.status)) +
              "), so nobody knows whether the record of version " + std::to_string(record.version) +
              " stands there: try again later, or give --force if you know that it does",
          {}};
}

Error refusal(const DkimPublication& record, const dns::Answer& answer) {
  const std::string version = "version " + std::to_string(record.version);
  const std::string found = answer.records.empty() ? "DNS has no record of " + version + " at " + record.name
                                                   : "what DNS has at " + record.name + " does not verify signatures of " + version;
  return {ErrorCode::Conflict, found + ": " + what_to_publish(record), {}};
}

}  // namespace

Result<std::vector<DkimRollover::Waiting>> DkimRollover::waiting_of(const KeyName& key, bool in_place) const {
  POSTERN_TRY(auto waits, waiting());
  std::erase_if(waits, [&](const Waiting& one) { return one.next.key_name != key.get(); });
  if (waits.empty()) return fail(ErrorCode::NotFound, "no new version of this key waits for DNS", key.get());
  if (in_place)
    for (Waiting& one : waits) one.next.selector = m_parts.config.dkim[one.at].selector;
  return waits;
}

io::Task<Status> DkimRollover::published(KeyName key, bool in_place) {
  auto collect = [this, key, in_place] { return waiting_of(key, in_place); };
  POSTERN_CO_TRY(const auto waits, co_await m_parts.workers.run(std::move(collect)));
  for (const Waiting& one : waits) {
    const dns::Answer answer = co_await ask(dkim_record_name(one.next));
    auto judge = [this, one, answer]() -> Status {
      POSTERN_TRY(const auto record, publication(one.next, DkimState::Announced));
      if (answer.is_temporary_failure()) return fail(silence(record, answer));
      return verifies(one.next, answer) ? Status() : fail(refusal(record, answer));
    };
    POSTERN_CO_CHECK(co_await m_parts.workers.run(std::move(judge)));
  }
  co_return Status();
}

Result<std::size_t> DkimRollover::activate(const KeyName& key, bool in_place, const std::string& actor) {
  POSTERN_TRY(const auto waits, waiting_of(key, in_place));
  for (const Waiting& one : waits) POSTERN_CHECK(use(one.at, one.next, actor));
  return waits.size();
}

}  // namespace postern::gateway
