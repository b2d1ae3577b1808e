// The embedded mailbox, sending through the API, and the examination of one message.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "api/examine.hpp"
#include "base/text.hpp"
#include "mime/writer.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

json::object mail_json(const MailboxEntry& e) {
  boost::system::error_code malformed;
  json::value facts = json::parse(e.facts, malformed);
  return {{"number", e.number},
          {"id", e.message.get()},
          {"mailbox", e.address},
          {"sender", e.sender},
          {"received", rfc3339(e.received)},
          {"size", e.size},
          {"facts", malformed ? json::value(json::object{}) : std::move(facts)}};
}

http::Response list_mail(Gateway& gate, const http::Request& request) {
  const auto limit = number_parameter(request, "limit", 50, 1000);
  if (!limit) return http::problem(limit.error());
  const auto entries = gate.mailbox().list(to_lower(request.query_value("mailbox")), *limit);
  if (!entries) return http::problem(entries.error());
  json::array out;
  for (const auto& e : *entries) out.push_back(mail_json(e));
  return http::json_response(200, json::object{{"messages", std::move(out)}});
}

Result<MailboxEntry> find_mail(Gateway& gate, const http::Request& request) {
  const std::string_view id = request.param("id");
  if (!is_ulid(id)) return fail(ErrorCode::BadInput, "is not a message id (26 characters, as `postern mail list` shows)", "id");
  POSTERN_TRY(auto entries, gate.mailbox().find(MessageId(std::string(id))));
  const std::string wanted = to_lower(request.query_value("mailbox"));
  for (auto& e : entries) {
    if (wanted.empty() || e.address == wanted) return std::move(e);
  }
  return fail(ErrorCode::NotFound, "this mailbox holds no message of that id", "mailbox");
}

http::Response mail_content(Gateway& gate, const http::Request& request) {
  const auto entry = find_mail(gate, request);
  if (!entry) return http::problem(entry.error());
  auto content = gate.mailbox().content(*entry);
  if (!content) return http::problem(content.error());
  auto response = http::text_response(200, *std::move(content));
  response.headers.set("Content-Type", "message/rfc822");
  return response;
}

/// The keys of our own signers, as they would be published, and for the others what DNS says.
io::Task<http::Response> examine_mail(Gateway& gate, http::Request request) {
  auto job = [&gate, &request]() -> Result<std::string> {
    POSTERN_TRY(const auto entry, find_mail(gate, request));
    return gate.mailbox().content(entry);
  };
  auto content = co_await gate.workers().run(std::move(job));
  if (!content) co_return http::problem(content.error());
  std::string as(request.query_value("as"));
  co_return co_await examine(gate, *std::move(content), std::move(as));
}

io::Task<http::Response> examine_body(Gateway& gate, http::Request request) {
  std::string as(request.query_value("as"));
  co_return co_await examine(gate, std::move(request.body), std::move(as));
}

struct SendRequest {
  std::string from;
  std::vector<std::string> to;
  std::string content;
};

Result<std::string> compose(const SendRequest& send, const std::string& subject, const std::string& text) {
  std::string fields;
  std::string everyone;
  for (const auto& to : send.to) everyone += (everyone.empty() ? "" : ", ") + to;
  POSTERN_CHECK(append_field(fields, "From", send.from));
  POSTERN_CHECK(append_field(fields, "To", everyone));
  POSTERN_CHECK(append_field(fields, "Subject", subject));
  POSTERN_CHECK(append_field(fields, "MIME-Version", "1.0"));
  const std::string body = normalize_crlf(text);
  POSTERN_CHECK(append_field(fields, "Content-Type", is_ascii(body) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8"));
  POSTERN_CHECK(append_field(fields, "Content-Transfer-Encoding", is_7bit(body) ? "7bit" : "quoted-printable"));
  return make_entity(fields, is_7bit(body) ? body : encode_quoted_printable(body));
}

Result<SendRequest> read_send(const http::Request& request) {
  POSTERN_TRY(const auto body, request.json());
  if (!body.is_object()) return fail(ErrorCode::BadInput, "the body must be a JSON object with from, to, and raw or subject and text");
  const auto& object = body.as_object();
  const auto text = [&](const char* name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  SendRequest out;
  out.from = text("from");
  const auto* to = object.if_contains("to");
  if (to == nullptr || !to->is_array()) return fail(ErrorCode::BadInput, "must be a list of addresses", "to");
  for (const auto& item : to->as_array()) {
    if (!item.is_string()) return fail(ErrorCode::BadInput, "must be a list of addresses", "to");
    out.to.emplace_back(item.as_string());
  }
  out.content = text("raw");
  if (!out.content.empty()) {
    out.content = normalize_crlf(out.content);
    return out;
  }
  POSTERN_TRY(out.content, compose(out, text("subject"), text("text")));
  return out;
}

Result<gateway::Arrival> arrival_of(Gateway& gate, const http::Request& request, SendRequest send) {
  gateway::Arrival out;
  out.received = gate.clock().now();
  out.id = make_message_id(out.received, gate.random());
  out.road.door = "api";
  out.road.protocol = request.tls ? "HTTPS" : "HTTP";
  out.road.address = request.peer.is_unix() ? "local" : request.peer.ip.text();
  out.road.helo = "api";
  out.road.trusted = true;
  out.road.correlation = CorrelationId(request.id);
  if (!send.from.empty()) {
    auto from = Mailbox::parse(send.from, Utf8::Allow);
    if (!from) return fail(ErrorCode::BadInput, from.error().what, "from");
    out.envelope.from = ReversePath(*std::move(from));
  }
  if (send.to.empty() || send.to.size() > gate.config().limits.recipients)
    return fail(ErrorCode::BadInput, "must have 1 to " + std::to_string(gate.config().limits.recipients) + " addresses", "to");
  bool utf8 = !out.envelope.from.is_null() && out.envelope.from.mailbox()->needs_utf8();
  for (const auto& address : send.to) {
    auto to = Mailbox::parse(address, Utf8::Allow);
    if (!to) return fail(ErrorCode::BadInput, to.error().what, "to");
    utf8 = utf8 || to->needs_utf8();
    out.envelope.recipients.push_back({ForwardPath(*std::move(to)), {}});
  }
  out.envelope.parameters.smtputf8 = utf8;
  out.envelope.parameters.body = is_ascii(send.content) ? smtp::BodyType::SevenBit : smtp::BodyType::EightBitMime;
  out.content = std::move(send.content);
  return out;
}

io::Task<http::Response> send_mail(Gateway& gate, http::Request request) {
  auto send = read_send(request);
  if (!send) co_return http::problem(send.error());
  auto arrival = arrival_of(gate, request, *std::move(send));
  if (!arrival) co_return http::problem(arrival.error());
  const std::string id = arrival->id.get();
  const auto replies = co_await gate.intake().take(*std::move(arrival));
  const smtp::Reply& reply = replies.front();
  if (reply.positive()) co_return http::json_response(202, json::object{{"id", id}, {"reply", reply.text()}});
  co_return http::problem(reply.transient() ? 503 : 422, reply.transient() ? "try_later" : "refused", reply.text());
}

http::Response explain_policy(Gateway& gate, const http::Request& request) {
  gateway::Arrival arrival;
  arrival.received = gate.clock().now();
  arrival.road.trusted = true;
  arrival.content = request.body;
  if (const auto from = Mailbox::parse(request.query_value("from"), Utf8::Allow)) arrival.envelope.from = ReversePath(*from);
  const auto decision = gate.pipeline().explain(arrival, std::string(request.query_value("to")));
  if (!decision) return http::problem(decision.error());
  return http::json_response(200, decision_json(*decision));
}

}  // namespace

json::object decision_json(const policy::Decision& decision) {
  constexpr const char* kActions[] = {"deliver", "hold", "bounce"};
  return {{"action", kActions[static_cast<int>(decision.action)]},
          {"sign", name_of(decision.sign)},
          {"encrypt", name_of(decision.encrypt)},
          {"rule", decision.rule},
          {"reason", decision.reason}};
}

void add_mail_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/mail", [&gate](const http::Request& r) { return list_mail(gate, r); });
  routes.add("POST", "/api/v1/mail", [&gate](http::Request r) { return send_mail(gate, std::move(r)); });
  routes.add_slow("GET", "/api/v1/mail/{id}", [&gate](const http::Request& r) { return mail_content(gate, r); });
  routes.add("GET", "/api/v1/mail/{id}/verify", [&gate](http::Request r) { return examine_mail(gate, std::move(r)); });
  routes.add("POST", "/api/v1/verify", [&gate](http::Request r) { return examine_body(gate, std::move(r)); });
  routes.add_slow("POST", "/api/v1/policy/explain", [&gate](const http::Request& r) { return explain_policy(gate, r); });
}

}  // namespace postern::api
