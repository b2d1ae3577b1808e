// The flow of messages: what is queued, what became of it, and an operator's verbs on it.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "api/untrusted.hpp"
#include "io/sync.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

constexpr std::size_t kMostListed = 1000;
constexpr std::size_t kFlowShown = 100;

json::value parsed_or_empty(const std::string& text) {
  boost::system::error_code malformed;
  json::value out = json::parse(text, malformed);
  return malformed ? json::object{} : out;
}

json::object entry_json(const QueueEntry& e) {
  json::object out{{"id", e.message.get()},
                   {"item", e.item.get()},
                   {"index", e.index},
                   {"sender", e.sender},
                   {"recipient", e.address},
                   {"route", e.route},
                   {"state", name_of(e.state)},
                   {"seal", e.seal},
                   {"attempts", e.attempts},
                   {"size", e.size},
                   {"accepted", rfc3339(e.accepted)},
                   {"reason", e.reason},
                   {"last_reply", e.last_reply}};
  if (e.next_attempt) out["next_attempt"] = rfc3339(*e.next_attempt);
  return out;
}

json::object flow_json(const FlowEntry& e) {
  json::array recipients;
  for (const auto& r : e.recipients) {
    json::object one{{"address", r.address}, {"route", r.route}, {"state", name_of(r.state)}, {"seal", r.seal},
                     {"reply", r.reply},     {"road", r.road},   {"attempts", r.attempts}};
    if (auto advice = way_out_of_distrust(r); !advice.empty()) one["advice"] = std::move(advice);
    recipients.push_back(std::move(one));
  }
  json::object out{{"id", e.message.get()},
                   {"sender", e.sender},
                   {"size", e.size},
                   {"accepted", rfc3339(e.accepted)},
                   {"facts", parsed_or_empty(e.facts)},
                   {"recipients", std::move(recipients)},
                   {"more_recipients", e.more}};
  if (e.finished) out["finished"] = rfc3339(*e.finished);
  return out;
}

Result<MessageId> message_id(std::string_view text) {
  if (!is_ulid(text)) return fail(ErrorCode::BadInput, "is not a message id (26 characters, as `postern queue list` shows)", "id");
  return MessageId(std::string(text));
}

/// id, item, recipient, route, state: from the query of a listing or the body of a verb.
template <class Get>
Result<QueueSelector> selector_from(Get get) {
  QueueSelector out;
  if (const std::string id = get("id"); !id.empty()) {
    POSTERN_TRY(out.message, message_id(id));
  }
  out.address = get("recipient");
  out.route = get("route");
  if (const std::string state = get("state"); !state.empty()) {
    out.state = recipient_state_from_name(state);
    if (!out.state) return fail(ErrorCode::BadInput, "must be queued, held or quarantined", "state");
  }
  return out;
}

std::string text_at(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

http::Response list_queue(Gateway& gate, const http::Request& request) {
  const auto selector = selector_from([&](const char* name) { return std::string(request.query_value(name)); });
  if (!selector) return http::problem(selector.error());
  const auto limit = number_parameter(request, "limit", 100, kMostListed);
  if (!limit) return http::problem(limit.error());
  const auto entries = gate.spool().list(*selector, *limit);
  if (!entries) return http::problem(entries.error());
  json::array out;
  for (const auto& e : *entries) out.push_back(entry_json(e));
  return http::json_response(200, json::object{{"entries", std::move(out)}, {"more", entries->size() == *limit}});
}

std::optional<QueueVerb> verb_of(std::string_view word) {
  if (word == "hold") return QueueVerb::Hold;
  if (word == "release") return QueueVerb::Release;
  if (word == "retry") return QueueVerb::Retry;
  if (word == "delete") return QueueVerb::Remove;
  return std::nullopt;
}

/// Held and damaged mail is all that an officer of the quarantine decides on; to send in clear what shall be sealed is not his to order.
Result<QueueSelector> within_quarantine(QueueSelector selector, QueueVerb verb, bool in_clear) {
  if ((verb != QueueVerb::Release && verb != QueueVerb::Remove) || in_clear)
    return fail(ErrorCode::Denied, "the role quarantine releases held mail and deletes it, nothing else; ask an admin");
  if (selector.state == RecipientState::Queued)
    return fail(ErrorCode::Denied, "the role quarantine decides on held mail only, not on what is on its way", "state");
  if (!selector.state) selector.state = RecipientState::Held;
  // What an admin put on hold himself is the admin's.
  if (*selector.state == RecipientState::Held) {
    if (!selector.route.empty() && selector.route != gateway::kPolicyRoute)
      return fail(ErrorCode::Denied, "the role quarantine decides on what policy and verdicts hold, not on what an admin holds", "route");
    selector.route = gateway::kPolicyRoute;
  }
  return selector;
}

http::Response change_queue(Gateway& gate, const Operators& operators, const http::Request& request) {
  const auto verb = verb_of(request.param("verb"));
  if (!verb) return http::problem(404, "not_found", "queue verbs are hold, release, retry and delete", "verb");
  const auto body = request.json();
  if (!body || !body->is_object())
    return http::problem(400, "bad_input",
                         "the body must be a JSON object that says which recipients: id, recipient, route or state, or all: true");
  const auto& object = body->as_object();
  auto selector = selector_from([&](const char* name) { return text_at(object, name); });
  if (!selector) return http::problem(selector.error());
  const auto* all = object.if_contains("all");
  const bool named = selector->message || !selector->address.empty() || !selector->route.empty() || selector->state;
  if (!named && !(all != nullptr && all->is_bool() && all->as_bool()))
    return http::problem(400, "bad_input", "name what to change (id, recipient, route, state), or say all: true", "id");
  const auto* flag = object.if_contains("in_clear");
  const bool in_clear = *verb == QueueVerb::Release && flag != nullptr && flag->is_bool() && flag->as_bool();
  if (in_clear && !selector->message)
    return http::problem(400, "bad_input", "sending in clear is ordered for one message at a time; give its id", "id");
  if (operators.role_of(request.user) != Role::Admin) selector = within_quarantine(*std::move(selector), *verb, in_clear);
  if (!selector) return http::problem(selector.error());
  QueueChange change;
  // The order lies in the queue with those it is for. Any other hold or release takes it back.
  change.from_route = in_clear ? gateway::kPolicyRoute : gateway::kPolicyClearRoute;
  change.to_route = in_clear ? gateway::kPolicyClearRoute : gateway::kPolicyRoute;
  change.verb = *verb;
  change.selector = *std::move(selector);
  change.reason = text_at(object, "reason");
  change.actor = request.user;
  change.correlation = CorrelationId(request.id);
  const auto changed = gate.spool().change_now(std::move(change));
  if (!changed) return http::problem(changed.error());
  return http::json_response(200, json::object{{"changed", *changed}});
}

http::Response show_message(Gateway& gate, const http::Request& request) {
  const auto id = message_id(request.param("id"));
  if (!id) return http::problem(id.error());
  const auto flow = gate.spool().flow(*id);
  if (!flow) return http::problem(flow.error());
  json::object out = flow_json(*flow);
  QueueSelector selector;
  selector.message = *id;
  if (const auto entries = gate.spool().list(selector, kMostListed + 1)) {
    json::array queued;
    for (const auto& e : *entries)
      if (queued.size() < kMostListed) queued.push_back(entry_json(e));
    out["queue"] = std::move(queued);
    out["more"] = entries->size() > kMostListed;  // of one message: whoever acts on all of them has not seen them all
  }
  return http::json_response(200, out);
}

bool is_held(const QueueEntry& entry) {
  return (entry.state == RecipientState::Held && entry.route == gateway::kPolicyRoute) || entry.state == RecipientState::Quarantined;
}

/// Mail on its way is nobody's to read but an admin's.
http::Response show_content(Gateway& gate, const Operators& operators, const http::Request& request) {
  const bool all = operators.role_of(request.user) == Role::Admin;
  const auto id = message_id(request.param("id"));
  if (!id) return http::problem(id.error());
  const auto wanted = number_parameter(request, "item", 0, std::size_t{1} << 62U);
  if (!wanted) return http::problem(wanted.error());
  QueueSelector selector;
  selector.message = *id;
  const auto entries = gate.spool().list(selector, kMostListed);
  if (!entries) return http::problem(entries.error());
  for (const auto& e : *entries) {
    if ((*wanted != 0 && static_cast<std::size_t>(e.item.get()) != *wanted) || !(all || is_held(e))) continue;
    const auto item = gate.spool().load(e.item);
    if (!item) return http::problem(item.error());
    if (!item->unfinished.empty()) return http::problem(503, "unavailable", item->unfinished, "id");
    if (!item->content) return http::problem(409, "conflict", "this content is only to be read in pieces, by who delivers it", "id");
    auto response = http::text_response(200, std::string(*item->content));
    response.headers.set("Content-Type", "message/rfc822");
    return response;
  }
  return http::problem(404, "not_found", all ? "this message is not in the queue (any more)" : "this message is not held (any more)", "id");
}

Result<std::string> flow_text(Gateway& gate, std::size_t limit) {
  POSTERN_TRY(const auto entries, gate.spool().recent(limit));
  json::array out;
  for (const auto& e : entries) out.push_back(flow_json(e));
  return json::serialize(json::object{{"messages", std::move(out)}});
}

http::Response recent_messages(Gateway& gate, const http::Request& request) {
  const auto limit = number_parameter(request, "limit", 50, kMostListed);
  if (!limit) return http::problem(limit.error());
  auto text = flow_text(gate, *limit);
  if (!text) return http::problem(text.error());
  auto response = http::text_response(200, *std::move(text));
  response.headers.set("Content-Type", "application/json");
  return response;
}

/// Anything of the flow that changed moves one of these. Not their sum: who deletes what is held takes from one and adds to another.
std::uint64_t flow_stamp(Gateway& gate) {
  const SpoolStats s = gate.spool().stats();
  std::uint64_t out = 0;
  for (const std::uint64_t count : {s.accepted, s.delivered, s.deferrals, s.bounced, s.expired, s.removed, s.held, s.quarantined})
    out = (out ^ count) * 0x100000001B3U;
  return out;
}

/// Server-sent events: the newest messages whenever something changed, at most twice a second.
io::Task<void> stream_flow(Gateway& gate, http::ResponseStream& out) {
  std::uint64_t seen = ~std::uint64_t{0};
  SteadyTime spoke = gate.clock().steady();
  while (!out.closed()) {
    const std::uint64_t now = flow_stamp(gate);
    if (now != seen) {
      seen = now;
      auto job = [&gate] { return flow_text(gate, kFlowShown); };
      auto text = co_await gate.workers().run(std::move(job));
      const std::string event = text ? http::sse_event("flow", *text) : http::sse_comment("the queue cannot be read now");
      const Status written = co_await out.write(event);
      if (!written) co_return;
      spoke = gate.clock().steady();
    } else if (gate.clock().steady() - spoke > std::chrono::seconds(15)) {
      const std::string comment = http::sse_comment("still here");
      const Status written = co_await out.write(comment);
      if (!written) co_return;
      spoke = gate.clock().steady();
    }
    co_await io::sleep_for(std::chrono::milliseconds(500));
  }
}

io::Task<http::Response> events(Gateway& gate, http::Request) {
  co_return http::event_stream([&gate](http::ResponseStream& out) { return stream_flow(gate, out); });
}

}  // namespace

void add_queue_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  const Operators& known = routes.operators;
  const auto look = Role::Reader;
  routes.add_slow("GET", "/api/v1/queue", [&gate](const http::Request& r) { return list_queue(gate, r); }, look);
  routes.add_slow(
      "POST", "/api/v1/queue/{verb}", [&gate, &known](const http::Request& r) { return change_queue(gate, known, r); }, Role::Quarantine);
  routes.add_slow("GET", "/api/v1/messages", [&gate](const http::Request& r) { return recent_messages(gate, r); }, look);
  routes.add_slow("GET", "/api/v1/messages/{id}", [&gate](const http::Request& r) { return show_message(gate, r); }, look);
  routes.add_slow(
      "GET", "/api/v1/messages/{id}/content", [&gate, &known](const http::Request& r) { return show_content(gate, known, r); },
      Role::Quarantine);
  routes.add("GET", "/api/v1/events", [&gate](http::Request r) { return events(gate, std::move(r)); }, look);
}

}  // namespace postern::api
