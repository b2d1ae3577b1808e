#include "cabinet/cabinet.hpp"

#include "cabinet/impl.hpp"

namespace postern::cabinet {

Cabinet::Cabinet(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Cabinet::~Cabinet() { stop(); }

Result<std::unique_ptr<Cabinet>> Cabinet::open(Parts parts, Options options) {
  auto impl = std::make_unique<Impl>(parts, std::move(options));
  POSTERN_TRY(impl->staging, StagingArea::open({}, parts.store, parts.keeper, parts.clock));
  return std::unique_ptr<Cabinet>(new Cabinet(std::move(impl)));
}

void Cabinet::start() {
  m_impl->worker = std::thread([impl = m_impl.get()] { impl->run(); });
}

void Cabinet::stop() {
  {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->stopping = true;
    m_impl->changed.notify_all();
  }
  if (m_impl->worker.joinable()) m_impl->worker.join();
}

// ---- reading
Result<std::vector<FolderState>> Cabinet::folders() {
  POSTERN_CHECK(m_impl->rows.unlock());
  POSTERN_TRY(const auto counts, m_impl->rows.counts());
  POSTERN_TRY(const auto own, m_impl->rows.folders());
  std::vector<FolderState> out;
  const auto add = [&](std::string_view name, bool is_own) {
    FolderState state{std::string(name), is_own};
    if (const auto found = counts.find(state.name); found != counts.end())
      state.messages = found->second.messages, state.unopened = found->second.unopened;
    out.push_back(std::move(state));
  };
  for (const std::string_view each : folder::kFixed) add(each, false);
  for (const std::string& each : own) add(each, true);
  return out;
}

Result<Cabinet::Page> Cabinet::list(Query query, std::size_t limit) {
  POSTERN_CHECK(m_impl->rows.unlock());
  Page out;
  // A damaged row is left out, and the page is filled up from behind it.
  for (std::size_t left = kMostLooked; left > 0 && out.items.size() < limit; query.before = *out.next) {
    POSTERN_TRY(const CabinetPage page, m_impl->rows.list(filter_of(query), limit - out.items.size(), left));
    for (const CabinetRow& each : page.rows) {
      auto item = item_of(each);
      if (!item)
        log_damaged(each.id, item.error());
      else if (takes(query, *item))
        out.items.push_back(*std::move(item));
    }
    left -= page.looked_at;
    out.next = page.next;
    if (!out.next) break;
  }
  return out;
}

Result<Item> Cabinet::find(const MessageId& id) { return m_impl->load(id); }

Result<std::vector<Step>> Cabinet::trace(const MessageId& id) {
  POSTERN_TRY(const Item item, m_impl->load(id));
  POSTERN_TRY(const auto steps, m_impl->rows.steps(item.id));
  std::vector<Step> out;
  for (const Bytes& each : steps) {
    POSTERN_TRY(out.emplace_back(), step_of(each));
  }
  return out;
}

Result<Bytes> Cabinet::content(const MessageId& id, std::size_t copy, std::uint64_t from, std::size_t limit) {
  POSTERN_TRY(const Item item, m_impl->load(id));
  if (from == 0) POSTERN_CHECK(m_impl->verify(item, copy));
  POSTERN_TRY(ContentReader reader, m_impl->rows.content(id, copy));
  POSTERN_CHECK(reader.seek(from));
  Bytes out(static_cast<std::size_t>(std::min<std::uint64_t>(limit, reader.size() - from)));
  POSTERN_TRY(const std::size_t got, reader.read(out));
  out.resize(got);
  return out;
}

MailboxState Cabinet::state() {
  MailboxState out;
  out.mode = m_impl->parts.service.mode();
  const auto profile = m_impl->parts.service.profile();
  {
    const std::lock_guard lock(m_impl->mutex);
    out.ok = m_impl->ok && profile.has_value();
    out.text = profile ? m_impl->last_words : profile.error().text();
    out.last_access = m_impl->last_access;
    out.is_bound = m_impl->bound;
    out.waiting = m_impl->queue.size();
  }
  if (profile) out.profile = profile->name, out.user = profile->user, out.peer = profile->peer;
  return out;
}

// ---- acts
Result<Item> Cabinet::submit(const MessageId& id, const Wish& wish, const Actor& actor) {
  POSTERN_TRY(const Item before, m_impl->load(id));
  POSTERN_CHECK(check(Act::Submit, before.state));
  POSTERN_TRY(const Plan plan, plan_of(before, wish, m_impl->options.default_strategy, unix_seconds(m_impl->parts.clock.now())));
  const Stopwatch watch(m_impl->parts.clock);
  const Deed deed{"submit", actor, "strategy " + std::to_string(static_cast<int>(plan.strategy)), {watch.step("intent", {})}};
  POSTERN_TRY(Item out, m_impl->change(id, deed, [&](Database&, Item& item) -> Status {
    POSTERN_CHECK(check(Act::Submit, item.state));
    // Without a version that somebody has seen it is the one that the plan was made for.
    POSTERN_CHECK(check_version(item, wish.version.value_or(before.version)));
    item.strategy = plan.strategy;
    item.deferred_until = plan.deferred_until;
    const Start start = start_of(plan.strategy);
    item.state = start.state, item.folder = start.folder;
    item.reason.clear();
    for (Copy& copy : item.copies)
      if (copy.state != State::Submitted) copy.state = State::Draft;
    return {};
  }));
  if (out.state == State::Queued) m_impl->enqueue_submission(id);
  return out;
}

Result<Item> Cabinet::approve(const MessageId& id, const Actor& actor, Seen seen) {
  const std::int64_t now = unix_seconds(m_impl->parts.clock.now());
  POSTERN_TRY(Item out, m_impl->change(id, {"approve", actor}, [now, seen](Database&, Item& item) -> Status {
    POSTERN_CHECK(check(Act::Approve, item.state));
    POSTERN_CHECK(check_version(item, seen.value_or(item.version)));
    const Plan plan = approved_plan(item, now);
    item.deferred_until = plan.deferred_until;
    if (plan.strategy != sdk::Strategy::Immediate) item.strategy = plan.strategy;
    item.state = State::Queued;
    item.folder = folder_of(item);
    return {};
  }));
  m_impl->enqueue_submission(id);
  return out;
}

Result<Item> Cabinet::refuse(const MessageId& id, const std::string& reason, const Actor& actor, Seen seen) {
  return m_impl->change(id, {"refuse", actor, reason}, [&](Database&, Item& item) -> Status {
    POSTERN_CHECK(check(Act::Refuse, item.state));
    POSTERN_CHECK(check_version(item, seen.value_or(item.version)));
    item.state = State::Refused;
    item.folder = folder_of(item);
    item.reason = reason.empty() ? "refused by " + actor.name : reason;
    return {};
  });
}

Result<Item> Cabinet::resolve(const MessageId& id, bool submitted, const Actor& actor) {
  const Deed deed{"resolve", actor, submitted ? "as submitted" : "as not submitted"};
  return m_impl->change(id, deed, [submitted](Database&, Item& item) -> Status {
    POSTERN_CHECK(check(Act::Resolve, item.state));
    for (Copy& copy : item.copies)
      if (copy.state == State::Unknown) copy.state = submitted ? State::Submitted : State::Failed;
    item.state = state_of(item.copies);
    item.folder = folder_of(item);
    item.reason = item.state == State::Failed && submitted ? "not all of its copies are submitted: submit it again for the others" : "";
    return {};
  });
}

Result<Item> Cabinet::move(const MessageId& id, const std::string& folder, const Actor& actor) {
  if (folder == folder::kOutbox || folder == folder::kQuarantine || folder == folder::kDrafts)
    return fail(ErrorCode::BadInput, "nothing is moved there by hand: choose another folder", "folder");
  return m_impl->change(id, {folder == folder::kArchive ? "archive" : "move", actor, "to " + folder},
                        [&](Database& database, Item& item) -> Status {
                          POSTERN_CHECK(check(Act::Move, item.state));
                          POSTERN_TRY(const bool own, m_impl->rows.has_folder(database, folder));
                          if (!own && !folder::is_fixed(folder))
                            return fail(ErrorCode::NotFound, "there is no such folder: make it first", "folder");
                          item.folder = folder;
                          return {};
                        });
}

namespace {

AuditRecord folder_record(std::string_view what, const Actor& actor, WallTime now) {
  return {now, "x400.mailbox." + std::string(what), actor.correlation, {}, actor.name, "{}"};
}

}  // namespace

Status Cabinet::add_folder(const std::string& name, const Actor& actor) {
  POSTERN_CHECK(check_folder_name(name));
  if (folder::is_fixed(name)) return fail(ErrorCode::Conflict, "there is a folder of this name", "name");
  return m_impl->parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_CHECK(m_impl->rows.add_folder(context.database, name));
    return context.audit.append(context.database, folder_record("folder_add", actor, m_impl->parts.clock.now()));
  });
}

Status Cabinet::remove_folder(const std::string& name, const Actor& actor) {
  return m_impl->parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_CHECK(m_impl->rows.remove_folder(context.database, name));
    return context.audit.append(context.database, folder_record("folder_remove", actor, m_impl->parts.clock.now()));
  });
}

void Cabinet::access(const Actor& actor, std::function<void(Result<AccessReport>)> done) {
  m_impl->push([impl = m_impl.get(), actor, done = std::move(done)](Session& session) { done(impl->access_now(actor, session)); });
}

void Cabinet::cancel(const MessageId& id, const Actor& actor, std::function<void(Result<Item>)> done) {
  m_impl->push([impl = m_impl.get(), id, actor, done = std::move(done)](Session& session) { done(impl->cancel_now(id, actor, session)); });
}

}  // namespace postern::cabinet
