#include "api/examine.hpp"

#include <boost/json.hpp>

#include "dns/fixture.hpp"
#include "gateway/stages.hpp"
#include "mailauth/dkim.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

/// The records that our own signers would publish.
dns::Fixture own_records(Gateway& gate) {
  dns::Fixture fixture;
  const auto signers = gate.dkim_signers().all();
  for (const auto& signer : *signers) {
    if (const auto record = gate.affairs().dkim().publication(signer, gateway::DkimState::InUse))
      fixture.add_txt(record->name, record->value);
  }
  return fixture;
}

json::array dkim_json(const std::vector<DkimSignature>& signatures) {
  json::array out;
  for (const auto& s : signatures) {
    out.push_back(json::object{
        {"domain", s.domain}, {"selector", s.selector}, {"algorithm", s.algorithm}, {"result", name_of(s.result)}, {"reason", s.reason}});
  }
  return out;
}

json::object seal_json(Gateway& gate, std::string_view message, const std::string& as) {
  const auto view = MessageView::parse(message, gate.config().limits);
  if (!view) return {{"error", view.error().text()}};
  const Detection detection = classify(*view);
  json::object out{{"protection", name_of(detection.protection)},
                   {"subject", view->value("Subject")},
                   {"from", view->value("From")},
                   {"trace", view->value(gateway::kTraceField)}};
  if (!detection.label_agrees) out["label"] = detection.reason;
  const auto parts = gate.pipeline().parts();
  if (is_signed(detection.protection)) out["signature"] = gateway::verify(parts, message, detection.protection).trace;
  if (!is_encrypted(detection.protection) || as.empty()) return out;
  const auto mailbox = Mailbox::parse(as, Utf8::Allow);
  if (!mailbox) {
    out["opened"] = json::object{{"ok", false}, {"reason", mailbox.error().text()}};
    return out;
  }
  const auto opened = gateway::open_for(parts, message, detection.protection, *mailbox);
  json::object result{{"ok", opened.message.has_value()}, {"as", as}};
  if (opened.message) {
    result["facts"] = opened.trace;
    result["message"] = *opened.message;
  } else {
    result["reason"] = opened.failure.empty() ? "not encrypted to a key of " + as + " in this key engine" : opened.failure;
  }
  out["opened"] = std::move(result);
  return out;
}

}  // namespace

io::Task<http::Response> examine(Gateway& gate, std::string message, std::string as) {
  auto fixture = std::make_shared<dns::Fixture>(own_records(gate));
  const auto view = MessageView::parse(message, gate.config().limits);
  if (!view) co_return http::problem(view.error());
  for (const auto& name : dkim_key_names(*view)) {
    if (const auto own = fixture->query(name, dns::RecordType::Txt); own && own->status == dns::AnswerStatus::NoError) continue;
    const auto answer = co_await gate.resolver().query(name, dns::RecordType::Txt);
    if (!answer) continue;
    for (const auto& record : answer->records) fixture->add(record, answer->secure);
  }
  auto job = [&gate, fixture, message = std::move(message), as = std::move(as)]() -> Result<json::object> {
    json::object out = seal_json(gate, message, as);
    POSTERN_TRY(const auto again, MessageView::parse(message, gate.config().limits));
    const auto signatures = dkim_verify(again, *fixture, gate.clock().now());
    out["dkim"] = dkim_json(signatures);
    out["dkim_result"] = name_of(dkim_overall(signatures));
    return out;
  };
  auto done = co_await gate.workers().run(std::move(job));
  co_return done ? http::json_response(200, *done) : http::problem(done.error());
}

}  // namespace postern::api
