// Users of the X.400 side and their mailboxes: list, add, remove, password; the distribution lists. 404 where no MTA is configured.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "base/secret.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;

http::Response no_mta() {
  return http::problem(404, "not_found", "no X.400 MTA is configured: set x400.domain and start the daemon again");
}

/// Text of a field; empty where there is none.
std::string take_text(json::object& body, std::string_view field) {
  auto* value = body.if_contains(field);
  if (value == nullptr || !value->is_string()) return {};
  std::string out(value->as_string());
  json::string& text = value->as_string();
  wipe(ByteSpan(reinterpret_cast<Byte*>(text.data()), text.size()));
  return out;
}

struct Given {
  std::string address, password;
  DeliveredBy delivered_by = DeliveredBy::Store;
  ~Given() { wipe(password); }
};
Result<std::unique_ptr<Given>> given_in(const http::Request& request) {
  auto body = request.json();
  if (!body || !body->is_object()) return fail(ErrorCode::BadInput, "the body must be {\"address\", \"password\"}", "body");
  auto out = std::make_unique<Given>();
  out->address = take_text(body->as_object(), "address");
  out->password = take_text(body->as_object(), "password");
  if (const std::string name = take_text(body->as_object(), "delivery"); !name.empty()) {
    const auto known = delivered_by_from_name(name);
    if (!known) return fail(ErrorCode::BadInput, "must be store (a mailbox) or p3 (the user takes it himself)", "delivery");
    out->delivered_by = *known;
  }
  if (out->address.empty()) return fail(ErrorCode::BadInput, "is needed: an O/R address", "address");
  return out;
}

http::Response list_mailboxes(mhs::Service& x400) {
  json::array out;
  for (const auto& mailbox : x400.mailboxes())
    out.push_back(json::object{{"address", mailbox.address}, {"delivery", name_of(mailbox.delivered_by)}});
  return http::json_response(200, json::object{{"mailboxes", std::move(out)}});
}

http::Response noted(gateway::Gateway& gate, const http::Request& request, std::string_view act, const std::string& address,
                     unsigned status) {
  const Status written = gate.audit().append(admin_record(gate, request, act, AuditFacts().add("address", address)));
  if (!written) return http::problem(written.error());
  return http::json_response(status, json::object{{"address", address}});
}

http::Response add_mailbox(gateway::Gateway& gate, mhs::Service& x400, const http::Request& request) {
  const auto given = given_in(request);
  if (!given) return http::problem(given.error());
  const auto made = x400.add_mailbox((*given)->address, (*given)->password, (*given)->delivered_by);
  if (!made) return http::problem(made.error());
  return noted(gate, request, "x400.mailbox.add", made->address, 201);
}

http::Response set_password(gateway::Gateway& gate, mhs::Service& x400, const http::Request& request) {
  const auto given = given_in(request);
  if (!given) return http::problem(given.error());
  if (const Status set = x400.set_password((*given)->address, (*given)->password); !set) return http::problem(set.error());
  return noted(gate, request, "x400.mailbox.password", (*given)->address, 200);
}

http::Response remove_mailbox(gateway::Gateway& gate, mhs::Service& x400, const http::Request& request) {
  const std::string address(request.query_value("address"));
  if (const Status removed = x400.remove_mailbox(address); !removed) return http::problem(removed.error());
  return noted(gate, request, "x400.mailbox.remove", address, 200);
}

json::object list_json(const mhs::ListTexts& list) {
  return {{"address", list.address},
          {"members", list.members.size()},
          {"submitters", list.submitters.size()},
          {"reports", list.reports},
          {"owner", list.owner}};
}

/// All of them; with `address` the one, and who stands in it.
http::Response lists(mhs::Service& x400, const http::Request& request) {
  const mhs::Lists& lists = x400.node().mta().lists;
  const std::string wanted(request.query_value("address"));
  if (wanted.empty()) {
    json::array out;
    for (const auto& [key, list] : lists.all()) out.push_back(list_json(texts_of(list)));
    return http::json_response(200, json::object{{"lists", std::move(out)}});
  }
  const auto list = lists.find_text(wanted);
  if (!list) return http::problem(list.error());
  const mhs::ListTexts texts = texts_of(**list);
  json::object out = list_json(texts);
  out["names"] = json::array(texts.members.begin(), texts.members.end());
  out["may_submit"] = json::array(texts.submitters.begin(), texts.submitters.end());
  return http::json_response(200, std::move(out));
}

}  // namespace

void add_x400_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  const auto with = [x400 = routes.x400](auto handler) {
    return [x400, handler](const http::Request& request) { return x400 == nullptr ? no_mta() : handler(*x400, request); };
  };
  const auto path = "/api/v1/x400/mailboxes";
  routes.add_slow("GET", path, with([](mhs::Service& x400, const http::Request&) { return list_mailboxes(x400); }));
  routes.add_slow("POST", path, with([&gate](mhs::Service& x400, const http::Request& r) { return add_mailbox(gate, x400, r); }));
  routes.add_slow("PUT", path, with([&gate](mhs::Service& x400, const http::Request& r) { return set_password(gate, x400, r); }));
  routes.add_slow("DELETE", path, with([&gate](mhs::Service& x400, const http::Request& r) { return remove_mailbox(gate, x400, r); }));
  routes.add_slow("GET", "/api/v1/x400/lists", with([](mhs::Service& x400, const http::Request& r) { return lists(x400, r); }));
}

}  // namespace postern::api
