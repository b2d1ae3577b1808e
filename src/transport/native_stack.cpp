#include "transport/native_stack.hpp"

#include <algorithm>
#include <new>

#include "mhs/own_proof.hpp"
#include "transport/native_submission.hpp"
#include "transport/native_tls.hpp"

namespace postern::transport {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlack{500};  ///< A call whose own deadline did not end it is ended so much later.
constexpr milliseconds kGrace{400};  ///< What is cancelled may end by itself so long.
constexpr milliseconds kSlice{200};  ///< A poll gives others their turn so often.
/// Asking takes at least so long, whatever a poll's own time: what is in the mailbox is "at hand" only by asking for it.
constexpr milliseconds kLook{1'000};
constexpr milliseconds kFirstPause{250}, kLongestPause{1'000};  ///< Between questions of a poll.
constexpr milliseconds kFarewell{500};
constexpr std::size_t kAround = std::size_t{1} << 20;  ///< Envelope and attributes of an APDU around its content.
constexpr std::size_t kPiece = std::size_t{256} << 10;

SteadyTime now() { return std::chrono::steady_clock::now(); }

Trouble ended(std::string why) { return {POSTERN_X400_ENDED, "the association ended (" + std::move(why) + "); bind again", {}, {}}; }
const Trouble kUnknown{POSTERN_X400_UNKNOWN_HANDLE, "there is no such association; bind, and use the one that gives", {}, {}};
const Trouble kClosed{POSTERN_X400_ENDED, "the library was closed", {}, {}};
const Trouble kCancelled{POSTERN_X400_CANCELLED, "cancelled", {}, {}};
const Trouble kTimedOut{POSTERN_X400_TIMED_OUT, "the peer did not answer in time; try again, or give it more", {}, {}};

Status check_role(sdk::Role role) {
  if (role == sdk::Role::P3User || role == sdk::Role::P7User) return {};
  if (role == sdk::Role::P1Mta)
    return fail(ErrorCode::Unsupported,
                "transfer between MTAs (P1) is what [x400] and [[x400_peer]] are for; bind here as a user, by P3 or P7", "role");
  return fail(ErrorCode::BadInput, "is none that there is", "role");
}

Result<std::optional<mhs::StrongCall>> strong_call_of(const NativeOptions& options, bool by_p3) {
  mhs::StrongFiles files;
  if (options.strong) {
    POSTERN_TRY(files, options.strong());
  }
  if (files.certificate.empty()) return std::optional<mhs::StrongCall>();
  auto made = mhs::strong_call(files, by_p3);
  if (!made) return fail(Error{made.error().code, made.error().what, "strong." + made.error().field});
  return std::optional(*std::move(made));
}

/// Of what was given to the peer and not answered.
Trouble unknown_outcome(Trouble why) {
  why.text += "; whether the message was taken is not known: look for it before you submit it again";
  return why;
}
bool leaves_unknown(postern_x400_status status) {
  return status == POSTERN_X400_TIMED_OUT || status == POSTERN_X400_ENDED || status == POSTERN_X400_CANCELLED ||
         status == POSTERN_X400_PROTOCOL;
}

/// What was thrown while the loop was at a call.
tl::unexpected<Trouble> fault_of(const std::exception& fault) {
  if (dynamic_cast<const std::bad_alloc*>(&fault) != nullptr) return trouble(POSTERN_X400_NO_MEMORY, "there is not enough memory");
  return trouble(POSTERN_X400_INTERNAL, std::string("a fault of the native stack itself: ") + fault.what());
}

io::Task<Outcome<sdk::Done>> say_goodbye(NativeUser& user, SteadyTime deadline) {
  co_await user.close(deadline);
  co_return sdk::Done();
}

}  // namespace

std::uint64_t next_handle() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

struct NativeStack::Association {
  std::uint64_t handle = 0;
  io::StreamControl control;
  std::unique_ptr<NativeUser> user;  ///< The loop's.
  // Under the stack's mutex:
  std::deque<const Running*> turns;  ///< The first one has it.
  bool working = false;              ///< The loop is at a call of it.
  std::string end;                   ///< Why it is over; empty: it is not.
  bool gone = false;                 ///< Unbound at the end.
  bool done_with = false;            ///< Nobody will use it any more: the loop frees what it has.
};

/// A call on its way, from its first to its last line.
struct NativeStack::Running {
  Running(NativeStack& owner, std::uint64_t called) : stack(owner), id(called) {
    const std::lock_guard lock(stack.m_mutex);
    stack.m_running.push_back(this);
  }
  ~Running() {
    const std::lock_guard lock(stack.m_mutex);
    std::erase(stack.m_running, this);
    stack.m_changed.notify_all();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  NativeStack& stack;
  const std::uint64_t id;
  bool cancelled = false;
};

/// Where the loop leaves an answer for the thread that waits.
template <class T>
struct NativeStack::Slot {
  std::optional<Outcome<T>> result;
  bool abandoned = false;  ///< Nobody waits any more.
};

Result<std::unique_ptr<NativeStack>> NativeStack::open(NativeOptions options) {
  std::unique_ptr<NativeStack> out(new NativeStack(std::move(options)));
  POSTERN_CHECK(peer_tls(out->m_options.tls));
  io::UnboundOptions resolver;
  resolver.forwarders = out->m_options.forwarders;
  resolver.use_resolv_conf = true;
  POSTERN_TRY(out->m_resolver, io::UnboundResolver::open(std::move(resolver)));
  out->m_loops = std::make_unique<io::Loops>(1);
  out->m_loops->start();
  return out;
}

NativeStack::~NativeStack() { close(); }

// ---- waiting
std::optional<Trouble> NativeStack::over(const Running& running, const Call& call) const {
  if (m_closing) return kClosed;
  if (running.cancelled) return kCancelled;
  if (now() >= call.deadline) return kTimedOut;
  return std::nullopt;
}

Outcome<std::shared_ptr<NativeStack::Association>> NativeStack::take_turn(Lock& lock, std::uint64_t handle, Running& running,
                                                                          const Call& call) {
  if (m_closing) return tl::unexpected<Trouble>(kClosed);
  const auto found = m_associations.find(handle);
  if (found == m_associations.end()) return tl::unexpected<Trouble>(kUnknown);
  std::shared_ptr<Association> association = found->second;
  association->turns.push_back(&running);
  for (;;) {
    std::optional<Trouble> why;
    if (m_closing)
      why = kClosed;
    else if (!association->end.empty())
      why = ended(association->end);
    else if (association->done_with)
      why = kUnknown;
    else if (association->turns.front() == &running)
      return association;
    else
      why = over(running, call);
    if (why) {
      std::erase(association->turns, &running);
      return tl::unexpected<Trouble>(*std::move(why));
    }
    m_changed.wait_until(lock, call.deadline);
  }
}

void NativeStack::give_turn(Association& association) {
  association.turns.pop_front();
  m_changed.notify_all();
}

template <class T>
Outcome<T> NativeStack::await(Lock& lock, const std::shared_ptr<Slot<T>>& slot, Running& running, const Call& call) {
  std::optional<SteadyTime> grace;
  for (;;) {
    if (slot->result) return *std::move(slot->result);
    if (running.cancelled && !grace) grace = now() + kGrace;
    const SteadyTime until = grace ? std::min(*grace, call.deadline + kSlack) : call.deadline + kSlack;
    if (m_closing || now() >= until) {
      slot->abandoned = true;
      return tl::unexpected<Trouble>(m_closing ? kClosed : running.cancelled ? kCancelled : kTimedOut);
    }
    m_changed.wait_until(lock, until);
  }
}

// ---- calls
template <class T>
io::Task<void> NativeStack::perform(NativeStack& stack, std::shared_ptr<Association> association, std::shared_ptr<Slot<T>> slot,
                                    Work<T> work) {
  Outcome<T> result = trouble(POSTERN_X400_INTERNAL, "a fault of the native stack itself");
  try {
    result = co_await work(*association->user);
  } catch (const std::exception& fault) {
    result = fault_of(fault);
  }
  const bool over = association->user->client().over();
  const Lock lock(stack.m_mutex);
  if (over && association->end.empty()) association->end = "the peer released or aborted it";
  association->working = false;
  if (association->done_with || slot->abandoned) association->user.reset();
  slot->result = std::move(result);
  stack.m_changed.notify_all();
}

template <class T>
Outcome<T> NativeStack::ask(std::uint64_t handle, const Call& call, Running& running, Work<T> work) {
  Lock lock(m_mutex);
  auto association = take_turn(lock, handle, running, call);
  if (!association) return tl::unexpected<Trouble>(association.error());
  if (now() >= call.deadline) {  // nothing was sent, and nothing is
    give_turn(**association);
    return tl::unexpected<Trouble>(kTimedOut);
  }
  auto slot = std::make_shared<Slot<T>>();
  (*association)->working = true;
  io::spawn(m_loops->at(0), perform<T>(*this, *association, slot, std::move(work)), "x400.native");
  Outcome<T> result = await<T>(lock, slot, running, call);
  if (slot->abandoned) {  // what comes now would be taken for the answer to another question
    (*association)->end = "a call on it was given up";
    (*association)->control.abort();
  }
  give_turn(**association);
  return result;
}

template <class T>
Outcome<T> NativeStack::ask(std::uint64_t handle, const Call& call, Work<T> work) {
  Running running(*this, call.id);
  return ask<T>(handle, call, running, std::move(work));
}

// ---- binding
Result<mhs::UserCall> NativeStack::user_call(sdk::Bind& request) const {
  mhs::UserCall out;
  POSTERN_CHECK(check_role(request.role));
  auto address = osi::parse_presentation_address(request.peer);
  if (!address) return fail(ErrorCode::BadInput, address.error().text(), "peer");
  out.address = *std::move(address);
  POSTERN_TRY(out.user, or_name_of(request.name, "name"));
  if (!request.domain.empty()) return fail(ErrorCode::BadInput, "is an MTA's; leave it out", "domain");
  out.password = SecretBytes(ByteView(request.password));
  POSTERN_TRY(out.tls, peer_tls(m_options.tls));  // anew: certificates are renewed while this runs
  out.tls.options.server_name = out.address.host;
  POSTERN_TRY(out.strong, strong_call_of(m_options, request.role == sdk::Role::P3User));
  out.limits.max_ssdu = out.limits.max_apdu = static_cast<std::size_t>(m_options.content_octets) + kAround;
  return out;
}

io::Task<Outcome<std::shared_ptr<NativeStack::Association>>> NativeStack::bound_association(NativeStack& stack, sdk::Role role,
                                                                                            mhs::UserCall call, SteadyTime deadline) {
  auto out = std::make_shared<Association>();
  auto user = co_await bind_native_user(role, std::move(call), *stack.m_resolver, deadline);
  if (!user) co_return tl::unexpected<Trouble>(std::move(user).error());
  out->user = *std::move(user);
  out->control = out->user->client().stream().control();
  co_return out;
}

io::Task<void> NativeStack::open_association(NativeStack& stack, std::shared_ptr<Slot<std::shared_ptr<Association>>> slot, sdk::Role role,
                                             mhs::UserCall call, SteadyTime deadline) {
  Outcome<std::shared_ptr<Association>> opened = trouble(POSTERN_X400_INTERNAL, "a fault of the native stack itself");
  try {
    opened = co_await bound_association(stack, role, std::move(call), deadline);
  } catch (const std::exception& fault) {
    opened = fault_of(fault);
  }
  Lock lock(stack.m_mutex);
  if (!opened) {
    --stack.m_opening;
    slot->result = tl::unexpected<Trouble>(std::move(opened).error());
  } else if (!slot->abandoned) {
    slot->result = *std::move(opened);  // admit() counts it
  } else {
    --stack.m_opening;
    lock.unlock();
    co_await (*opened)->user->close(io::deadline_in(kFarewell));
    co_return;
  }
  stack.m_changed.notify_all();
}

Outcome<sdk::Binding> NativeStack::admit(Lock&, std::shared_ptr<Association> association) {
  sdk::Binding out = association->user->binding();
  --m_opening;
  association->handle = next_handle();
  out.association = {1, association->handle};
  m_associations.emplace(association->handle, std::move(association));
  return out;
}

Outcome<sdk::Binding> NativeStack::bind(sdk::Bind request, const Call& call) {
  Running running(*this, call.id);
  auto user = user_call(request);
  wipe(request.password);
  if (!user) return tl::unexpected<Trouble>(trouble_of(user.error()));
  Lock lock(m_mutex);
  if (auto why = over(running, call)) return tl::unexpected<Trouble>(*std::move(why));
  if (m_associations.size() + m_opening >= m_options.associations)
    return trouble(POSTERN_X400_OVER_LIMIT, "there are " + std::to_string(m_options.associations) + " associations already; unbind one");
  ++m_opening;
  auto slot = std::make_shared<Slot<std::shared_ptr<Association>>>();
  io::spawn(m_loops->at(0), open_association(*this, slot, request.role, *std::move(user), call.deadline), "x400.native_bind");
  auto opened = await<std::shared_ptr<Association>>(lock, slot, running, call);
  if (!opened) return tl::unexpected<Trouble>(opened.error());
  return admit(lock, *std::move(opened));
}

Outcome<sdk::Done> NativeStack::unbind(std::uint64_t association, const Call& call) {
  Running running(*this, call.id);  // to the end of both halves: close() waits for it
  auto done = ask<sdk::Done>(association, call, running, [until = call.deadline](NativeUser& user) { return say_goodbye(user, until); });
  const Lock lock(m_mutex);
  if (m_closing) return done;  // it is close()'s then, as the loop is
  const auto found = m_associations.find(association);
  if (found == m_associations.end()) return tl::unexpected<Trouble>(kUnknown);
  if (!done && done.error().status != POSTERN_X400_ENDED) found->second->control.abort();
  found->second->done_with = true;
  // What the loop has of it is freed there; by the call it is still at, if it is.
  if (!found->second->working) io::spawn(m_loops->at(0), leave(*this, found->second, now()), "x400.native_end");
  m_associations.erase(found);
  m_changed.notify_all();
  if (!done && done.error().status == POSTERN_X400_ENDED) return sdk::Done();
  return done;
}

/// The last of an association: unbinds it where that was not done, and frees it on its loop.
io::Task<void> NativeStack::leave(NativeStack& stack, std::shared_ptr<Association> association, SteadyTime deadline) {
  if (association->user && !association->user->client().over()) co_await association->user->close(deadline);
  const Lock lock(stack.m_mutex);
  association->user.reset();
  association->gone = true;
  stack.m_changed.notify_all();
}

// ---- the calls of the port
Outcome<sdk::Submitted> NativeStack::submit(std::uint64_t association, const sdk::Submission& submission, ByteView content,
                                            const Call& call) {
  if (content.size() > m_options.content_octets)
    return trouble(POSTERN_X400_OVER_LIMIT, "is longer than " + std::to_string(m_options.content_octets) + " octets", "content");
  auto message = message_of(submission, content);
  if (!message) return tl::unexpected<Trouble>(trouble_of(message.error()));
  const auto given = std::make_shared<std::atomic<bool>>(false);
  auto result =
      ask<sdk::Submitted>(association, call, [given, until = call.deadline, message = *std::move(message)](NativeUser& user) mutable {
        *given = true;
        return user.submit(std::move(message), until);
      });
  if (!result && *given && leaves_unknown(result.error().status)) return tl::unexpected<Trouble>(unknown_outcome(result.error()));
  return result;
}

Outcome<sdk::Submitted> NativeStack::probe(std::uint64_t association, const sdk::Submission& submission, const Call& call) {
  auto probe = probe_of(submission);
  if (!probe) return tl::unexpected<Trouble>(trouble_of(probe.error()));
  return ask<sdk::Submitted>(association, call,
                             [until = call.deadline, probe = *std::move(probe)](NativeUser& user) { return user.probe(probe, until); });
}

Outcome<sdk::Done> NativeStack::cancel_deferred(std::uint64_t association, const std::string& identifier, const Call& call) {
  auto which = mts_identifier_of(identifier, "mts_identifier");
  if (!which) return tl::unexpected<Trouble>(trouble_of(which.error()));
  return ask<sdk::Done>(association, call, [until = call.deadline, which = *std::move(which)](NativeUser& user) {
    return user.cancel_deferred(which, until);
  });
}

Outcome<sdk::EntryList> NativeStack::list(const sdk::List& request, const Call& call) {
  return ask<sdk::EntryList>(request.association.handle, call,
                             [request, until = call.deadline](NativeUser& user) { return user.list(request, until); });
}

Outcome<sdk::Summary> NativeStack::summarize(const sdk::Summarize& request, const Call& call) {
  return ask<sdk::Summary>(request.association.handle, call,
                           [request, until = call.deadline](NativeUser& user) { return user.summarize(request, until); });
}

Outcome<sdk::Fetched> NativeStack::fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const Call& call) {
  auto fetched = ask<NativeUser::Fetched>(request.association.handle, call,
                                          [request, until = call.deadline](NativeUser& user) { return user.fetch(request, until); });
  if (!fetched) return tl::unexpected<Trouble>(fetched.error());
  for (ByteView rest(fetched->content); !rest.empty();) {
    const ByteView piece = rest.first(std::min(rest.size(), kPiece));
    if (!sink(piece)) return trouble(POSTERN_X400_CANCELLED, "no more of the content was wanted");
    rest = rest.subspan(piece.size());
    fetched->value.content_size += piece.size();
  }
  return std::move(fetched->value);
}

Outcome<sdk::Done> NativeStack::remove(const sdk::Delete& request, const Call& call) {
  return ask<sdk::Done>(request.association.handle, call,
                        [request, until = call.deadline](NativeUser& user) { return user.remove(request, until); });
}

Outcome<sdk::Done> NativeStack::register_user(sdk::Register request, const Call& call) {
  const std::uint64_t association = request.association.handle;
  const auto held = std::make_shared<sdk::Register>(std::move(request));
  // Given away by the loop, which wipes the passwords; here, where it was never asked.
  auto done = ask<sdk::Done>(association, call,
                             [held, until = call.deadline](NativeUser& user) { return user.register_user(std::move(*held), until); });
  if (held.use_count() == 1) {
    wipe(held->old_password);
    wipe(held->new_password);
  }
  return done;
}

/// In slices, so that other calls on the association have their turn, and cancelling is noticed.
Outcome<sdk::Event> NativeStack::poll(std::uint64_t association, const Call& call) {
  Running running(*this, call.id);
  SteadyTime ask_at = now();
  milliseconds pause = kFirstPause;
  for (;;) {
    const bool asks = now() >= ask_at;
    if (asks) ask_at = now() + pause, pause = std::min(pause * 2, kLongestPause);
    const SteadyTime until = std::min(call.deadline, now() + kSlice), look = now() + kLook;
    const Call slice{asks ? std::max(call.deadline, look) : look, call.id};
    const auto ask_until = asks ? std::optional(slice.deadline) : std::nullopt;
    auto event = ask<sdk::Event>(association, slice, running, [ask_until, until](NativeUser& user) { return user.poll(ask_until, until); });
    const bool nothing = event ? event->kind == sdk::EventKind::Nothing : event.error().status == POSTERN_X400_TIMED_OUT;
    if (!nothing) return event;
    const Lock lock(m_mutex);
    if (running.cancelled) return tl::unexpected<Trouble>(kCancelled);
    if (now() >= call.deadline) return sdk::Event();
  }
}

// ---- beside the calls
void NativeStack::cancel(std::uint64_t id) {
  if (id == 0) return;
  const Lock lock(m_mutex);
  for (Running* each : m_running) each->cancelled = each->cancelled || each->id == id;
  m_changed.notify_all();
}

bool NativeStack::knows(std::uint64_t association) const {
  const Lock lock(m_mutex);
  return m_associations.contains(association);
}

sdk::Health NativeStack::health() const {
  const Lock lock(m_mutex);
  const auto open = std::ranges::count_if(m_associations, [](const auto& each) { return each.second->end.empty(); });
  return {sdk::HealthState::Good, "ready", static_cast<std::uint32_t>(open)};
}

void NativeStack::close() {
  Lock lock(m_mutex);
  if (m_closing) return;
  m_closing = true;
  m_changed.notify_all();
  m_changed.wait(lock, [this] { return m_running.empty(); });
  if (!m_loops) return;  // it never opened
  const SteadyTime until = now() + kFarewell;
  for (const auto& [handle, association] : m_associations)
    if (association->end.empty() && !association->working) io::spawn(m_loops->at(0), leave(*this, association, until), "x400.native_close");
  m_changed.wait_until(lock, until, [this] {
    return std::ranges::all_of(m_associations, [](const auto& each) { return !each.second->end.empty() || each.second->gone; });
  });
  lock.unlock();
  m_loops->stop();
  m_loops->join();
  m_resolver.reset();
  m_loops->clear();
  lock.lock();
  auto associations = std::exchange(m_associations, {});
  auto loops = std::move(m_loops);
  lock.unlock();
  associations.clear();  // they use their loop
  loops.reset();
}

}  // namespace postern::transport
