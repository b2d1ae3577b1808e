#include "keys/rotation.hpp"

#include <algorithm>

namespace postern {
namespace {

constexpr auto kBelievableStep = std::chrono::hours(1);
constexpr auto kSettle = std::chrono::minutes(10);
constexpr auto kFuture = std::chrono::minutes(5);  // what clocks of two machines may differ by

bool nearly_used_up(const RotationFacts& key) { return key.max_uses != 0 && key.uses >= key.max_uses - key.max_uses / 4; }

}  // namespace

std::string_view name_of(KeyRole role) noexcept {
  switch (role) {
    case KeyRole::Storage: return "storage";
    case KeyRole::Dkim: return "dkim";
    case KeyRole::Api: return "api";
    case KeyRole::Wrapping: return "wrapping";
    case KeyRole::Server: return "server";
    case KeyRole::Identity: return "identity";
    case KeyRole::Authority: return "authority";
    case KeyRole::Other: return "other";
  }
  return "other";
}

std::optional<SteadyTime> ClockWatch::held_until(WallTime now, SteadyTime steady) {
  if (m_last) {
    const auto stepped = (now - m_last->first) - std::chrono::duration_cast<std::chrono::milliseconds>(steady - m_last->second);
    if (stepped > kBelievableStep) m_hold_until = steady + kSettle;
  }
  m_last = {now, steady};
  if (m_hold_until && steady >= *m_hold_until) m_hold_until.reset();
  return m_hold_until;
}

SteadyTime RotationPlanner::first_seen(const RotationFacts& key, SteadyTime steady) {
  Seen& seen = m_seen[key.name];
  if (seen.version != key.latest) seen = {key.latest, steady};
  return seen.since;
}

void RotationPlanner::look_at(const RotationFacts& key, WallTime now, SteadyTime steady, RotationPlan& plan) {
  const SteadyTime since = first_seen(key, steady);
  RotationOutlook outlook{key.name, std::nullopt, {}};
  const bool waiting = key.active < key.latest;
  if (waiting) {
    outlook.note = "not before version " + std::to_string(key.latest) + " is in use";
  } else if (nearly_used_up(key)) {
    plan.steps.push_back({key.name, key.rule.announce, "use", key.latest});
    outlook.due = now;
  } else if (key.engine_period.count() > 0) {
    outlook.due = key.created + key.engine_period;
    outlook.note = "by the engine";
  } else if (!key.rule.period) {
    outlook.note = "never";
  } else {
    const bool future = key.created > now + kFuture;
    if (future)
      plan.warnings.push_back("key " + key.name.get() + ": version " + std::to_string(key.latest) + " is dated in the future (" +
                              rfc3339(key.created) + "); set the clock right, or rotate the key by hand");
    const auto seen_for = std::chrono::duration_cast<std::chrono::milliseconds>(steady - since);
    const auto age = future ? seen_for : std::max<std::chrono::milliseconds>(now - key.created, std::chrono::milliseconds(0));
    outlook.due = now + (*key.rule.period - age);
    if (age >= *key.rule.period && !m_hold_until) plan.steps.push_back({key.name, key.rule.announce, "age", key.latest});
    const WallTime ask = m_hold_until ? now + std::chrono::duration_cast<std::chrono::milliseconds>(*m_hold_until - steady) : now;
    const WallTime next = std::max(*outlook.due, ask);
    if (!plan.next || next < *plan.next) plan.next = next;
  }
  plan.keys.push_back(std::move(outlook));
}

RotationPlan RotationPlanner::plan(std::span<const RotationFacts> facts, WallTime now, SteadyTime steady) {
  m_hold_until = m_clock.held_until(now, steady);
  RotationPlan out;
  if (m_hold_until)
    out.warnings.emplace_back("the clock stepped forward: keys are not rotated for their age until it has been steady for ten minutes");
  for (const RotationFacts& key : facts) look_at(key, now, steady, out);
  std::erase_if(m_seen, [&](const auto& entry) { return std::ranges::find(facts, entry.first, &RotationFacts::name) == facts.end(); });
  return out;
}

Result<RotationRule> parse_rotation_period(std::string_view text) {
  if (text == "never") return RotationRule{};
  const auto period = parse_duration(text);
  if (!period || period->count() == 0) return fail(ErrorCode::BadInput, "must be a duration such as \"90d\", or \"never\"");
  return RotationRule{*period, false};
}

}  // namespace postern
