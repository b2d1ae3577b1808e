#include "mhs/forced_access.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "mhs/mts_ports.hpp"
#include "mhs/p3_client.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

/// From the name of the host to the bind result.
constexpr auto kCallTime = std::chrono::seconds(60);
constexpr auto kRelease = std::chrono::seconds(10);
constexpr auto kStop = std::chrono::seconds(5);
/// Who has asked for nothing more may still be about to submit something.
constexpr auto kGrace = std::chrono::seconds(1);
constexpr const char* kNoSuchUser =
    "nobody is delivered to by P3 under this address; add him (postern x400 ms add ADDRESS --delivery p3), or take his "
    "[[x400_called_user]] out";

std::string words_of_bind_error(const asn1::Any& error) {
  const auto code = asn1::from_any<mts::MTSBindError>(error);
  return code ? mts::words_of(*code) : "refused, with a bind error that cannot be read";
}

/// X.411 8.1.1.1.1: the initiator is an MTA.
Result<asn1::Any> bind_argument(const Mta& mta, const CalledUser& user) {
  mts::MTSBindArgument out;
  out.initiator_name.value = mta.name;
  out.initiator_credentials = simple_credentials(user.our_password);
  return asn1::to_any(out);
}

UserCall call_of(const CalledUser& user, const ForcedAccess::Parts& parts) {
  UserCall out;
  out.address = user.address;
  out.user = user.user;
  out.reliable = user.reliable;
  out.tls = user.tls;
  out.limits = parts.mta.limits;
  out.transcript = parts.transcript;
  out.hostname = parts.hostname;
  out.budget = parts.budget;
  return out;
}

/// A user, or a store in his place.
const mts::ORName* user_in(const mts::ObjectName& name) {
  const auto* user = std::get_if<0>(&name.value);
  return user != nullptr ? user : std::get_if<2>(&name.value);
}

}  // namespace

// ---- one association
// ---------------------------------------------------------------------------------------------------------------------

class ForcedAccess::Session {
 public:
  Session(ForcedAccess& owner, UserClient& client, const Line& line)
      : m_owner(owner),
        m_client(client),
        m_user{line.user->user, line.text},
        m_ports(owner.m_parts.p3, client.wire(), client.rose(), m_user) {}

  [[nodiscard]] io::Task<Status> open() {
    POSTERN_CO_CHECK(co_await m_ports.open_delivery());
    m_ports.add_to(m_client.operations());
    m_client.wire()->allow(m_owner.m_parts.p3.gate.apdu_octets);
    co_return Status();
  }
  /// To the end of the association, which is returned in words.
  [[nodiscard]] io::Task<std::string> serve() {
    RoseCaller::Serving serving;
    serving.idle = m_owner.m_parts.p3.idle + m_owner.m_parts.mta.idle;  // look() is sooner: it releases, and this would abort
    serving.every = m_owner.m_parts.p3.look_for_news;
    serving.meanwhile = [this] { return look(); };
    co_return co_await m_client.rose().serve(std::move(serving));
  }
  [[nodiscard]] std::size_t taken() const noexcept { return m_ports.delivery().taken(); }
  [[nodiscard]] bool all_went() const noexcept { return m_all_went; }
  /// It was not we who ended it.
  [[nodiscard]] bool broke_off() const noexcept { return !m_released; }

 private:
  io::Task<void> look() {
    co_await m_ports.look();
    if (m_client.over() || !is_due()) co_return;
    m_released = true;
    m_all_went = m_ports.delivery().close();
    co_await m_client.close(io::deadline_in(kRelease));
  }
  [[nodiscard]] bool is_due() {
    if (m_owner.m_stopping) return true;
    const auto quiet = std::chrono::steady_clock::now() - m_client.rose().heard();
    return quiet >= (m_ports.delivery().is_done() ? kGrace : m_owner.m_parts.mta.idle);
  }

  ForcedAccess& m_owner;
  UserClient& m_client;
  const BoundUser m_user;
  MtsPorts m_ports;
  bool m_all_went = false, m_released = false;
};

// ---- calls
// -------------------------------------------------------------------------------------------------------------------------------

ForcedAccess::ForcedAccess(Parts parts) : m_parts(std::move(parts)) {
  std::size_t next = 0;
  for (const CalledUser& user : m_parts.mta.called_users)
    m_lines.emplace(
        oraddress::comparison_key(user.user),
        Line{.user = &user, .text = printable(oraddress::write(user.user)), .loop = m_parts.loops.at(next++ % m_parts.loops.size())});
}

void ForcedAccess::start() {
  for (const auto& [key, line] : m_lines) look_for(line);
}

void ForcedAccess::wanted(const oraddress::ORAddress& user) {
  const auto found = m_lines.find(oraddress::comparison_key(user));
  if (found == m_lines.end()) return;
  Line& line = found->second;
  {
    const std::lock_guard lock(m_mutex);
    line.again = true;
    if (line.busy || m_stopping) return;
    line.busy = true;
  }
  io::spawn(line.loop, run(shared_from_this(), &line), "x400.forced_access");  // may begin here and now
}

void ForcedAccess::stop() {
  std::unique_lock lock(m_mutex);
  m_stopping = true;
  m_ended.wait_for(lock, kStop, [this] { return m_calls == 0; });
}

std::vector<CalledUserState> ForcedAccess::users() const {
  std::vector<CalledUserState> out;
  const std::lock_guard lock(m_mutex);
  for (const auto& [key, line] : m_lines)
    out.push_back({line.text, osi::format_presentation_address(line.user->address), line.bound,
                   m_parts.p3.deliveries->serves(line.user->user) ? line.trouble : kNoSuchUser});
  return out;
}

io::Task<void> ForcedAccess::run(Self self, Line* line) {
  const bool all_went = co_await self->call(*line);
  if (!all_went && !self->m_stopping) co_await io::sleep_for(self->pause_of(*line));
  self->finish(*line, all_went);
}

void ForcedAccess::finish(Line& line, bool all_went) {
  {
    const std::lock_guard lock(m_mutex);
    line.busy = false;
    if (m_stopping || (all_went && !line.again)) return;
  }
  look_for(line);
}

io::Task<bool> ForcedAccess::call(Line& line) {
  struct Counted {  // also where the frame is dropped with its loop
    explicit Counted(ForcedAccess& owner) : self(owner) {
      const std::lock_guard lock(self.m_mutex);
      ++self.m_calls;
    }
    ~Counted() {
      const std::lock_guard lock(self.m_mutex);
      --self.m_calls;
      self.m_ended.notify_all();
    }
    ForcedAccess& self;
  } counted(*this);
  if (m_stopping) co_return true;  // stop() waits no more
  auto client = co_await bind(*line.user);
  if (!client) {
    failed(line, client.error().text);
    co_return false;
  }
  Session session(*this, **client, line);
  if (const Status opened = co_await session.open(); !opened) {
    co_await (*client)->close(io::deadline_in(kRelease));
    failed(line, "what waits for him cannot be read: " + opened.error().text());
    co_return false;
  }
  note_bound(line, true);
  log::info("x400.user_called", {{"user", line.text}, {"address", (*client)->stream().peer().text()}});
  const std::string end = co_await session.serve();
  note_bound(line, false);
  log::info("x400.user_gone", {{"user", line.text}, {"reason", end}, {"taken", session.taken()}});
  settle(line, session, end);
  co_return session.all_went();
}

io::Task<Called<std::unique_ptr<UserClient>>> ForcedAccess::bind(const CalledUser& user) {
  auto argument = bind_argument(m_parts.mta, user);
  if (!argument) co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + argument.error().text(), true});
  UserClient::Bind bind{user.reliable ? osi::mts_forced_reliable_access() : osi::mts_forced_access(), *std::move(argument),
                        &words_of_bind_error};
  auto client = co_await UserClient::open(call_of(user, m_parts), std::move(bind), m_parts.resolver, io::deadline_in(kCallTime), {});
  if (!client) co_return client;
  const Status known = co_await check_responder(user, (*client)->bind_result());
  if (known) co_return client;
  co_await (*client)->wire().abort(osi::RtseAbortReason::UserError, "the responder is not who was called");
  co_return tl::unexpected<CallFailure>(CallFailure{"bind: " + known.error().text(), true});
}

io::Task<Status> ForcedAccess::check_responder(const CalledUser& user, const asn1::Any& result) {
  POSTERN_CO_TRY(const auto bound, asn1::from_any<mts::MTSBindResult>(result));
  const mts::ORName* name = user_in(bound.responder_name);
  if (name == nullptr || !oraddress::equivalent(*name, user.user))
    co_return fail(ErrorCode::Denied, "whoever answers is not the user that was called");
  const auto* password = std::get_if<mts::Password>(&bound.responder_credentials.value);
  if (password == nullptr) co_return fail(ErrorCode::Denied, "the user shows credentials that are not simple ones");
  auto check = [&users = m_parts.p3.gate.users, &user, shown = SecretBytes(password->octets())]() -> Result<bool> {
    POSTERN_CHECK(users.verify(user.user, shown.view()));
    return true;
  };
  const auto verified = co_await m_parts.p3.gate.workers.run(std::move(check));
  if (verified) co_return Status();
  if (verified.error().code == ErrorCode::Denied) co_return fail(ErrorCode::Denied, "the user shows a wrong password, or is no user here");
  co_return fail(verified.error());
}

// ---- what an operator sees, and when he is called again
// ------------------------------------------------------------------------------------

void ForcedAccess::failed(Line& line, const std::string& why) {
  log::warn("x400.user_not_reached", {{"user", line.text}, {"reason", why}});
  const std::lock_guard lock(m_mutex);
  ++line.failures;
  line.trouble = why;
}

void ForcedAccess::note_bound(Line& line, bool bound) {
  const std::lock_guard lock(m_mutex);
  line.bound = bound;
  if (!bound) return;
  line.again = false;  // an association that begins is given all that waits
  line.trouble.clear();
}

void ForcedAccess::settle(Line& line, const Session& session, const std::string& end) {
  const std::lock_guard lock(m_mutex);
  if (session.taken() > 0 || session.all_went()) line.failures = 0;
  if (!session.all_went()) ++line.failures;
  if (session.broke_off() && session.taken() == 0) line.trouble = "took nothing, and the association ended: " + end;
}

std::chrono::milliseconds ForcedAccess::pause_of(const Line& line) {
  const std::lock_guard lock(m_mutex);
  std::uint32_t chance = 0;
  for (const Byte octet : m_parts.random.bytes(4)) chance = chance << 8 | octet;
  return next_delay(m_parts.schedule, line.failures, std::chrono::milliseconds(0), chance).value_or(std::chrono::minutes(1));
}

}  // namespace postern::mhs
