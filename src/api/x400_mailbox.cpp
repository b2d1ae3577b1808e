// The operator's X.400 mailbox over HTTP: docs/x400-mailbox.md. What asks the peer waits on the loop, for a thread of the cabinet's.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "api/x400_draft.hpp"
#include "api/x400_query.hpp"
#include "cabinet/arrival.hpp"
#include "io/sync.hpp"
#include "ipm/view_json.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using cabinet::Actor;
using cabinet::Cabinet;
using cabinet::Item;

constexpr std::size_t kPage = 50, kMostOfPage = 500;
constexpr std::size_t kPiece = std::size_t{8} << 20;
constexpr std::size_t kWait = 60, kMostWait = 600;  // seconds

Actor actor_of(const http::Request& request) { return {request.user, CorrelationId(request.id)}; }

http::Response answer(const Result<Item>& item, unsigned status = 200) {
  return item ? http::json_response(static_cast<int>(status), json_of(*item, Detail::Whole)) : http::problem(item.error());
}

// ---- folders
http::Response list_folders(Cabinet& cabinet, const http::Request&) {
  const auto folders = cabinet.folders();
  if (!folders) return http::problem(folders.error());
  json::array out;
  for (const auto& each : *folders) out.push_back(json_of(each));
  return http::json_response(200, json::object{{"folders", std::move(out)}});
}

http::Response add_folder(Cabinet& cabinet, const http::Request& request) {
  const auto body = object_body(request);
  if (!body) return http::problem(body.error());
  const std::string name = text_field(*body, "name");
  if (const Status added = cabinet.add_folder(name, actor_of(request)); !added) return http::problem(added.error());
  return http::json_response(201, json::object{{"name", name}});
}

http::Response remove_folder(Cabinet& cabinet, const http::Request& request) {
  const std::string name(request.param("name"));
  if (const Status removed = cabinet.remove_folder(name, actor_of(request)); !removed) return http::problem(removed.error());
  return http::json_response(200, json::object{{"name", name}});
}

// ---- messages
http::Response list_messages(Cabinet& cabinet, const http::Request& request) {
  const auto limit = number_parameter(request, "limit", kPage, kMostOfPage);
  if (!limit) return http::problem(limit.error());
  const auto query = query_in(request);
  if (!query) return http::problem(query.error());
  const auto page = cabinet.list(*query, *limit);
  if (!page) return http::problem(page.error());
  json::array out;
  for (const Item& each : page->items) out.push_back(json_of(each, Detail::Listed));
  return http::json_response(
      200, json::object{{"messages", std::move(out)}, {"next", page->next ? json::value(*page->next) : json::value(nullptr)}});
}

Result<Item> create_draft(Cabinet& cabinet, const http::Request& request) {
  POSTERN_TRY(const json::object body, object_body(request));
  cabinet::Request wish;
  POSTERN_CHECK(read_draft(body, cabinet, wish));
  return cabinet.create(wish, actor_of(request));
}
http::Response create(Cabinet& cabinet, const http::Request& request) { return answer(create_draft(cabinet, request), 201); }

Result<Item> edit_draft(Cabinet& cabinet, const http::Request& request) {
  POSTERN_TRY(const MessageId id, message_id(request));
  POSTERN_TRY(const json::object body, object_body(request));
  POSTERN_TRY(const std::uint64_t version, seen_version(body));
  return cabinet.edit(id, version, [&](cabinet::Request& draft) { return read_draft(body, cabinet, draft); }, actor_of(request));
}
http::Response edit(Cabinet& cabinet, const http::Request& request) { return answer(edit_draft(cabinet, request)); }

http::Response show(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  return id ? answer(cabinet.find(*id)) : http::problem(id.error());
}

/// The content as people see it; nothing where it is no interpersonal one, or too large to be looked into.
Result<std::optional<ipm::MessageView>> view_of(Cabinet& cabinet, const Item& item) {
  const bool interpersonal = item.content_type == "2" || item.content_type == "22";
  if (item.copies.empty() || !interpersonal || item.copies.front().size > cabinet::kReadable) return std::optional<ipm::MessageView>();
  POSTERN_TRY(const Bytes content, cabinet.content(item.id, 0, 0, static_cast<std::size_t>(cabinet::kReadable)));
  auto view = ipm::read_content(content);
  return view ? std::optional(*std::move(view)) : std::nullopt;
}

Result<json::object> draft_form(Cabinet& cabinet, const http::Request& request) {
  POSTERN_TRY(const MessageId id, message_id(request));
  POSTERN_TRY(const Cabinet::Draft draft, cabinet.draft(id));
  POSTERN_TRY(const auto view, view_of(cabinet, draft.item));
  return json_of(draft, view);
}
http::Response show_draft(Cabinet& cabinet, const http::Request& request) {
  const auto form = draft_form(cabinet, request);
  return form ? http::json_response(200, *form) : http::problem(form.error());
}

http::Response with_view(Cabinet& cabinet, const Result<Item>& item) {
  if (!item) return http::problem(item.error());
  const auto view = view_of(cabinet, *item);
  if (!view) return http::problem(view.error());
  json::object out = json_of(*item, Detail::Whole);
  out["view"] = *view ? json::value(ipm::view_json(**view)) : json::value(nullptr);
  return http::json_response(200, out);
}

http::Response show_view(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  return id ? with_view(cabinet, cabinet.find(*id)) : http::problem(id.error());
}

http::Response open_message(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  if (!id) return http::problem(id.error());
  const auto body = optional_body(request);
  if (!body) return http::problem(body.error());
  const auto* receipt = body->if_contains("receipt");
  if (receipt != nullptr && !receipt->is_bool()) return http::problem({ErrorCode::BadInput, "must be true or false", "receipt"});
  return with_view(cabinet, cabinet.open_message(*id, receipt == nullptr || receipt->as_bool(), actor_of(request)));
}

http::Response octets(Bytes content, std::string_view disposition) {
  auto out = http::text_response(200, std::string(as_text(content)));
  out.headers.set("Content-Type", "application/octet-stream");
  out.headers.set("Content-Disposition", std::string(disposition));
  return out;
}

struct Place {
  MessageId id;
  std::size_t copy = 0, from = 0, limit = kPiece;
};
Result<Place> place_in(const http::Request& request) {
  Place out;
  POSTERN_TRY(out.id, message_id(request));
  POSTERN_TRY(out.copy, number_parameter(request, "copy", 0, sdk::kMostRecipients));
  POSTERN_TRY(out.from, number_parameter(request, "from", 0, std::numeric_limits<std::int64_t>::max()));
  POSTERN_TRY(out.limit, number_parameter(request, "limit", kPiece, kPiece));
  return out;
}

http::Response content(Cabinet& cabinet, const http::Request& request) {
  const auto place = place_in(request);
  if (!place) return http::problem(place.error());
  const auto item = cabinet.find(place->id);
  if (!item) return http::problem(item.error());
  auto piece = cabinet.content(place->id, place->copy, place->from, place->limit);
  if (!piece) return http::problem(piece.error());
  http::Response out = octets(*std::move(piece), "attachment");
  out.headers.set("X-Content-Size", std::to_string(item->copies.at(place->copy).size));
  out.headers.set("X-Content-SHA256", item->copies.at(place->copy).sha256);
  return out;
}

const ipm::PartView* part_in(const ipm::MessageView& view, std::string_view number) {
  for (const ipm::PartView& each : view.parts) {
    if (each.number == number) return &each;
    if (!each.message) continue;
    if (const ipm::PartView* inner = part_in(*each.message, number)) return inner;
  }
  return nullptr;
}

http::Response part(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  if (!id) return http::problem(id.error());
  const auto item = cabinet.find(*id);
  if (!item) return http::problem(item.error());
  const auto view = view_of(cabinet, *item);
  if (!view) return http::problem(view.error());
  const ipm::PartView* found = *view ? part_in(**view, request.param("number")) : nullptr;
  if (found == nullptr || found->content.empty())
    return http::problem(404, "not_found", "the message has no such part with octets of its own", "number");
  // RFC 6266 4.1, RFC 8187: names of strangers, as they are, and nothing that a browser would show.
  return octets(found->content, "attachment; filename*=UTF-8''" + http::percent_encode(found->file_name));
}

http::Response trace(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  if (!id) return http::problem(id.error());
  const auto steps = cabinet.trace(*id);
  if (!steps) return http::problem(steps.error());
  json::array out;
  for (const auto& each : *steps) out.push_back(json_of(each));
  return http::json_response(200, json::object{{"trace", std::move(out)}});
}

// ---- acts
http::Response submit(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  if (!id) return http::problem(id.error());
  const auto wish = submit_body(request);
  if (!wish) return http::problem(wish.error());
  return answer(cabinet.submit(*id, *wish, actor_of(request)), 202);
}

Result<Item> approved(Cabinet& cabinet, const http::Request& request) {
  POSTERN_TRY(const MessageId id, message_id(request));
  POSTERN_TRY(const json::object body, optional_body(request));
  POSTERN_TRY(const auto seen, seen_version_if_any(body));
  return cabinet.approve(id, actor_of(request), seen);
}
http::Response approve(Cabinet& cabinet, const http::Request& request) { return answer(approved(cabinet, request), 202); }

Result<Item> refused(Cabinet& cabinet, const http::Request& request) {
  POSTERN_TRY(const MessageId id, message_id(request));
  POSTERN_TRY(const json::object body, optional_body(request));
  POSTERN_TRY(const auto seen, seen_version_if_any(body));
  return cabinet.refuse(id, text_field(body, "reason"), actor_of(request), seen);
}
http::Response refuse(Cabinet& cabinet, const http::Request& request) { return answer(refused(cabinet, request)); }

/// An act that takes one text of the body.
template <class Work>
http::Response with_text(const http::Request& request, const char* field, Work work) {
  const auto id = message_id(request);
  if (!id) return http::problem(id.error());
  const auto body = optional_body(request);
  if (!body) return http::problem(body.error());
  return answer(work(*id, text_field(*body, field)));
}

http::Response resolve(Cabinet& cabinet, const http::Request& request) {
  return with_text(request, "as", [&](const MessageId& id, const std::string& as) -> Result<Item> {
    if (as != "submitted" && as != "failed") return fail(ErrorCode::BadInput, "must be submitted or failed", "as");
    return cabinet.resolve(id, as == "submitted", actor_of(request));
  });
}

http::Response move(Cabinet& cabinet, const http::Request& request) {
  return with_text(request, "folder",
                   [&](const MessageId& id, const std::string& folder) { return cabinet.move(id, folder, actor_of(request)); });
}

http::Response archive(Cabinet& cabinet, const http::Request& request) {
  const auto id = message_id(request);
  if (!id) return http::problem(id.error());
  return answer(cabinet.move(*id, std::string(cabinet::folder::kArchive), actor_of(request)));
}

// ---- acts that ask the peer
http::Response still_waiting() {
  return http::json_response(202, json::object{{"done", false}, {"text", "it is still under way: ask again"}});
}

io::Task<http::Response> access(Cabinet& cabinet, http::Request request) {
  const auto body = optional_body(request);
  if (!body) co_return http::problem(body.error());
  const auto* wait = body->if_contains("wait");
  const auto* seconds = wait == nullptr ? nullptr : wait->if_int64();
  if (wait != nullptr && (seconds == nullptr || *seconds < 1 || *seconds > static_cast<std::int64_t>(kMostWait)))
    co_return http::problem(400, "bad_input", "must be a number from 1 to " + std::to_string(kMostWait), "wait");
  const SteadyTime deadline = io::deadline_in(std::chrono::seconds(seconds != nullptr ? *seconds : static_cast<std::int64_t>(kWait)));
  const io::Executor here = co_await io::this_executor();
  const io::OneShot<Result<cabinet::AccessReport>> report(here);
  cabinet.access(actor_of(request), report.setter());
  const auto got = co_await report.wait_until(deadline);
  if (!got) co_return still_waiting();
  co_return *got ? http::json_response(200, json_of(**got)) : http::problem(got->error());
}

io::Task<http::Response> cancel(Cabinet& cabinet, http::Request request) {
  const auto id = message_id(request);
  if (!id) co_return http::problem(id.error());
  const io::Executor here = co_await io::this_executor();
  const io::OneShot<Result<Item>> item(here);
  cabinet.cancel(*id, actor_of(request), item.setter());
  const auto got = co_await item.wait_until(io::deadline_in(std::chrono::seconds(kWait)));
  co_return got ? answer(*got) : still_waiting();
}

io::Task<http::Response> remove(gateway::Gateway& gate, Cabinet& cabinet, http::Request request) {
  const auto id = message_id(request);
  if (!id) co_return http::problem(id.error());
  const Cabinet::Removal how{request.query_value("store") == "1", request.query_value("receipt") != "0"};
  const io::Executor here = co_await io::this_executor();
  const io::OneShot<Status> removed(here);
  auto begin = [&cabinet, id = *id, how, actor = actor_of(request), done = removed.setter()]() -> Status {
    cabinet.remove(id, how, actor, done);  // without the store it is done here and now
    return {};
  };
  const auto begun = co_await gate.workers().run(std::move(begin));
  if (!begun) co_return http::problem(begun.error());
  const auto got = co_await removed.wait_until(io::deadline_in(std::chrono::seconds(kWait)));
  if (!got) co_return still_waiting();
  co_return *got ? http::json_response(200, json::object{{"id", id->get()}}) : http::problem(got->error());
}

// ---- the whole
std::string_view name_of(transport::Finding::State state) {
  switch (state) {
    case transport::Finding::State::Ok: return "ok";
    case transport::Finding::State::Note: return "note";
    case transport::Finding::State::Warning: return "warning";
    case transport::Finding::State::Failed: break;
  }
  return "failed";
}

http::Response mailbox(Cabinet& cabinet, transport::Service* service) {
  const cabinet::MailboxState state = cabinet.state();
  json::array findings;
  for (const auto& each : service == nullptr ? transport::Findings() : service->findings())
    findings.push_back(json::object{{"name", each.name}, {"state", name_of(each.state)}, {"text", each.text}});
  return http::json_response(
      200, json::object{{"mode", state.mode},
                        {"profile", state.profile},
                        {"user", state.user},
                        {"peer", state.peer},
                        {"ok", state.ok},
                        {"text", state.text},
                        {"waiting", state.waiting},
                        {"last_access", state.last_access ? json::value(rfc3339(*state.last_access)) : json::value(nullptr)},
                        {"findings", std::move(findings)}});
}

http::Response associations(Cabinet& cabinet, mhs::Service* mta) {
  const cabinet::MailboxState state = cabinet.state();
  json::array out;
  out.push_back(json::object{{"name", state.profile},
                             {"kind", "mailbox"},
                             {"state", state.is_bound ? "bound"
                                       : state.ok     ? "idle"
                                                      : "failed"},
                             {"text", state.is_bound ? "bound to " + state.peer : state.text}});
  for (const auto& each : mta == nullptr ? std::vector<mhs::PeerState>() : mta->state().peers)
    out.push_back(json::object{{"name", each.name},
                               {"kind", "mta"},
                               {"state", each.associations > 0  ? "bound"
                                         : each.trouble.empty() ? "idle"
                                                                : "failed"},
                               {"text", each.trouble.empty() ? std::to_string(each.associations) + " associations" : each.trouble}});
  return http::json_response(200, json::object{{"associations", std::move(out)}});
}

http::Response bundle(Cabinet& cabinet, const http::Request&) {
  std::string lines;
  const Status written = cabinet.bundle([&lines](std::string_view line) -> Status {
    (lines += line) += '\n';
    return {};
  });
  if (!written) return http::problem(written.error());
  auto out = http::text_response(200, std::move(lines));
  out.headers.set("Content-Type", "application/jsonl");
  return out;
}

http::Response write_bundle(Cabinet& cabinet, const http::Request& request) {
  const auto written = cabinet.write_bundle(actor_of(request));
  if (!written) return http::problem(written.error());
  return http::json_response(200, json::object{{"path", written->path}, {"lines", written->lines}});
}

using Call = http::Response (*)(Cabinet&, const http::Request&);
struct Row {
  const char* method;
  const char* path;  ///< Below /api/v1/x400.
  Call call;
  Role role;
};
constexpr Row kCalls[] = {
    {"GET", "/folders", list_folders, Role::Reader},
    {"POST", "/folders", add_folder, Role::Admin},
    {"DELETE", "/folders/{name}", remove_folder, Role::Admin},
    {"GET", "/messages", list_messages, Role::Quarantine},
    {"POST", "/messages", create, Role::Admin},
    {"GET", "/messages/{id}", show, Role::Quarantine},
    {"PATCH", "/messages/{id}", edit, Role::Admin},
    {"GET", "/messages/{id}/draft", show_draft, Role::Admin},
    {"GET", "/messages/{id}/view", show_view, Role::Quarantine},
    {"GET", "/messages/{id}/content", content, Role::Quarantine},
    {"GET", "/messages/{id}/parts/{number}", part, Role::Quarantine},
    {"GET", "/messages/{id}/trace", trace, Role::Admin},
    {"POST", "/messages/{id}/open", open_message, Role::Admin},
    {"POST", "/messages/{id}/submit", submit, Role::Admin},
    {"POST", "/messages/{id}/approve", approve, Role::Quarantine},
    {"POST", "/messages/{id}/refuse", refuse, Role::Quarantine},
    {"POST", "/messages/{id}/resolve", resolve, Role::Admin},
    {"POST", "/messages/{id}/move", move, Role::Admin},
    {"POST", "/messages/{id}/archive", archive, Role::Admin},
    {"POST", "/trace/bundle", write_bundle, Role::Admin},
};

/// An officer of the quarantine reads what is held, and nothing else.
Status may_see(const Operators& operators, Cabinet& cabinet, const http::Request& request) {
  if (operators.role_of(request.user) == Role::Admin) return {};
  const auto denied = [] {
    return fail(ErrorCode::Denied, "the role quarantine sees what is in the folder quarantine; ask an admin", "folder");
  };
  if (request.param("id").empty()) return request.query_value("folder") == cabinet::folder::kQuarantine ? Status() : denied();
  POSTERN_TRY(const MessageId id, message_id(request));
  POSTERN_TRY(const Item item, cabinet.find(id));
  return item.folder == cabinet::folder::kQuarantine ? Status() : denied();
}

http::Response run(const Operators& operators, Cabinet& cabinet, const Row& row, const http::Request& request) {
  if (row.role == Role::Quarantine) {
    if (const Status allowed = may_see(operators, cabinet, request); !allowed) return http::problem(allowed.error());
  }
  return row.call(cabinet, request);
}

}  // namespace

void add_cabinet_routes(const Routes& routes) {
  if (routes.cabinet == nullptr) return;  // tests of other parts
  Cabinet& cabinet = *routes.cabinet;
  const std::string base = "/api/v1/x400";
  for (const Row& row : kCalls)
    routes.add_slow(
        row.method, base + row.path,
        [&cabinet, &row, &known = routes.operators](const http::Request& r) { return run(known, cabinet, row, r); }, row.role);
  routes.add_slow(
      "GET", base + "/mailbox", [&cabinet, at = routes.transport](const http::Request&) { return mailbox(cabinet, at); }, Role::Reader);
  routes.add_slow(
      "GET", base + "/associations", [&cabinet, mta = routes.x400](const http::Request&) { return associations(cabinet, mta); },
      Role::Reader);
  routes.add_slow("GET", "/trace/bundle", [&cabinet](const http::Request& r) { return bundle(cabinet, r); });
  routes.add("POST", base + "/access", [&cabinet](http::Request r) { return access(cabinet, std::move(r)); });
  routes.add("POST", base + "/messages/{id}/cancel", [&cabinet](http::Request r) { return cancel(cabinet, std::move(r)); });
  routes.add("DELETE", base + "/messages/{id}",
             [&cabinet, &gate = routes.gateway](http::Request r) { return remove(gate, cabinet, std::move(r)); });
}

}  // namespace postern::api
