#include "gateway/milter_door.hpp"

#include <algorithm>
#include <array>

#include "base/content_budget.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/company.hpp"
#include "smtp/parameters.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kReadBytes = 64U * 1024;
thread_local std::array<Byte, kReadBytes> t_milter_buffer;  // consumed before the next await

/// An MTA keeps its connection for as long as it keeps its SMTP client, and Postfix for many of them.
constexpr auto kIdle = std::chrono::hours(2);
/// Edits that change nothing else than the door's own answer must be possible, or mail would go on without what policy wants.
constexpr std::uint32_t kNeeded = milter::smfif::kAddHdrs | milter::smfif::kChgBody | milter::smfif::kChgHdrs | milter::smfif::kDelRcpt;

milter::SmtpReply reply_of(const smtp::Reply& reply) {
  std::string text;
  for (const auto& line : reply.lines) text += (text.empty() ? "" : "\n") + line;
  return {reply.code, reply.status.text(), text};
}

std::string with_brackets(const std::string& path) { return path.starts_with('<') ? path : "<" + path + ">"; }

/// The whole text is the path: what looks like parameters in it belongs to a local part whose quotes the MTA took off. Stalwart does so,
/// and tells no source routes; of others only what is no path as it stands is read that way.
template <class Path>
Result<Path> path_of(milter::Peer peer, const milter::Path& given, const char* verb) {
  const bool as_written = peer != milter::Peer::Stalwart;
  auto path = as_written ? Path::parse(with_brackets(given.path), Utf8::Allow) : Path::parse_told(given.address());
  if (!path && as_written) path = Path::parse_told(given.address());
  if (!path) return fail(ErrorCode::BadInput, printable(given.path, 256) + ": " + path.error().text(), verb);
  return path;
}

/// The parameters as they are; where they are none that we know, the path alone.
std::string with_parameters(std::string path, const milter::Path& given) {
  for (const auto& arg : given.args) path += " " + arg;
  return path;
}

Result<smtp::MailCommand> mail_of(const milter::Message& message) {
  POSTERN_TRY(auto path, path_of<ReversePath>(message.peer, message.from, "FROM"));
  if (auto parsed = smtp::parse_mail(with_parameters("FROM:" + path.text(), message.from), {})) return *std::move(parsed);
  smtp::MailCommand out{std::move(path), {}};
  out.parameters.smtputf8 = out.path.mailbox() && out.path.mailbox()->needs_utf8();  // RFC 6531 3.4, of an MTA that does not pass it on
  return out;
}

/// RFC 5321 5.1 forbids to read anything into a local-part, and MTAs do: "bob%example.net@here", "example.net!bob@here".
bool may_lead_elsewhere(const ForwardPath& path) { return path.mailbox().local.find_first_of("%!@") != std::string::npos; }

/// Postfix tells how it reads an address: "<secure%example.net@here>" is secure@example.net to it, and that is who gets the mail; so one
/// that we cannot read must not be judged by what the client wrote. What other MTAs tell may be the user alone, or an alias's target; a
/// whole address counts where the written one says nothing ("<root>"), or may say something else to the MTA.
Result<ForwardPath> forward_path_of(milter::Peer peer, bool postfix, const milter::Path& recipient) {
  auto path = path_of<ForwardPath>(peer, recipient, "TO");
  const bool whole = recipient.resolved.find('@') != std::string::npos;
  if (!whole || (path && !postfix && !may_lead_elsewhere(*path))) return path;
  auto resolved = ForwardPath::parse_told(recipient.resolved);
  if (!resolved) return fail(ErrorCode::BadInput, printable(recipient.resolved, 256) + ": " + resolved.error().text(), "TO");
  return resolved;
}

bool is_postfix(const milter::Macros& macros) { return macros.find("v").starts_with("Postfix"); }

/// RFC 5321 appendix C: a route is taken off; "<@a.example:b@c.example>" is b@c.example to the MTA.
std::string without_route(std::string_view path) {
  const auto colon = path.find(':');
  return path.starts_with("<@") && colon != std::string_view::npos ? "<" + std::string(path.substr(colon + 1)) : std::string(path);
}

/// Everything that the MTA may hold a recipient by. What it does not know it passes over.
std::vector<std::string> names_of(const milter::Path& recipient) {
  std::vector<std::string> out{recipient.path};
  const auto add = [&out](std::string name) {
    if (std::ranges::find(out, name) == out.end()) out.push_back(std::move(name));
  };
  add(without_route(recipient.path));
  if (!recipient.resolved.empty()) add(with_brackets(recipient.resolved));
  return out;
}

Result<smtp::RcptCommand> recipient_of(const milter::Message& message, const milter::Path& recipient) {
  POSTERN_TRY(auto path, forward_path_of(message.peer, is_postfix(message.macros), recipient));
  if (auto parsed = smtp::parse_rcpt(with_parameters("TO:" + path.text(), recipient), {}, true)) return *std::move(parsed);
  return smtp::RcptCommand{std::move(path), {}};
}

}  // namespace

Result<Arrival> arrival_of(const milter::Message& message, const DoorOptions& door, WallTime now, Random& random) {
  Arrival out;
  out.received = now;
  out.id = make_message_id(now, random);
  out.passing = true;
  out.content = message.raw;
  out.road.door = door.name;
  out.road.protocol = "MILTER";
  out.road.address = message.connection.address.empty() ? "local" : message.connection.address;
  out.road.helo = message.helo;
  out.road.tls_version = message.macro("tls_version");
  out.road.tls_suite = message.macro("cipher");
  out.road.correlation = CorrelationId(make_ulid(now, random));
  const auto ip = io::IpAddress::parse(message.connection.address);
  const bool relay = ip && std::ranges::any_of(door.relay_from, [&](const io::IpNetwork& network) { return network.contains(*ip); });
  out.road.trusted = relay || !message.macro("auth_authen").empty();
  POSTERN_TRY(auto mail, mail_of(message));
  out.envelope.from = std::move(mail.path);
  out.envelope.parameters = std::move(mail.parameters);
  for (const auto& recipient : message.recipients) {
    POSTERN_TRY(auto rcpt, recipient_of(message, recipient));
    out.envelope.recipients.push_back({std::move(rcpt.path), std::move(rcpt.parameters)});
  }
  if (out.envelope.recipients.empty()) return fail(ErrorCode::BadInput, "a message without recipients", "RCPT");
  return out;
}

/// The state of one connection.
class MilterDoor::Visit {
 public:
  Visit(MilterDoor& door, io::Stream stream)
      : m_door(door), m_stream(std::move(stream)), m_session(door.m_parts.session), m_held(door.m_parts.budget) {}

  io::Task<void> run() {
    ++m_door.m_stats.sessions;
    if (m_door.m_parts.options.implicit_tls) {
      const DoorOptions& options = m_door.m_parts.options;
      const Status secured =
          co_await m_stream.start_tls_server(options.tls(), m_door.m_parts.clock.steady() + options.handshake, options.judge_client);
      if (!secured) {
        ++m_door.m_stats.handshakes_failed;
        log::info("milter.tls_failed", {{"door", name()}, {"reason", secured.error()}});
        co_return;
      }
    }
    while (!m_session.wants_close()) {
      const bool open = co_await round();
      after_answer();
      if (!open) co_return;
    }
    co_await m_stream.close_gracefully(m_door.m_parts.clock.steady() + std::chrono::seconds(5));
  }

 private:
  [[nodiscard]] const std::string& name() const { return m_door.m_parts.options.name; }

  /// Decides what waits, writes, reads. False: the connection is gone.
  io::Task<bool> round() {
    while (auto event = m_session.next_event()) co_await decide(*std::move(event));
    if (const std::string output = m_session.take_output(); !output.empty()) {
      const Status written = co_await m_stream.write_all(output, m_door.m_parts.clock.steady() + m_door.m_parts.options.write);
      if (!written) co_return false;
      after_answer();
    }
    if (!m_session.wants_input()) co_return true;
    // While nothing is under way the end of the daemon need not wait for an MTA that keeps its connection.
    const auto wake = m_at_work ? io::WakeOn::Data : io::WakeOn::DataOrDrain;
    const Status ready = co_await m_stream.wait_readable(m_door.m_parts.clock.steady() + kIdle, wake);
    if (!ready) co_return false;
    const auto got = m_stream.try_read(t_milter_buffer);
    if (!got || (got->has_value() && **got == 0)) co_return false;
    if (got->has_value()) m_session.receive(ByteView(t_milter_buffer).first(**got));
    co_return has_room();
  }

  /// A message counts while it arrives. Where there is no room the connection ends: an MTA without its filter defers.
  bool has_room() {
    if (m_held.grow_to(m_session.content_octets())) return true;
    ++m_door.m_stats.broken;
    log::warn("milter.no_room", {{"door", name()}, {"effect", "the connection ends; the MTA defers the message"}});
    return false;
  }

  io::Task<void> decide(milter::Event event) {
    if (auto* message = std::get_if<milter::EndOfMessage>(&event)) co_return co_await judge(std::move(message->message));
    if (const auto* failed = std::get_if<milter::Failed>(&event)) {
      if (failed->ended) ++m_door.m_stats.broken;
      log::info("milter.refused", {{"door", name()}, {"reason", failed->error}, {"reply", failed->reply}});
      co_return;
    }
    if (const auto* agreed = std::get_if<milter::Negotiated>(&event)) {
      if (!can_be_changed())
        log::warn("milter.actions_missing", {{"door", name()},
                                             {"offered", agreed->offered.actions},
                                             {"effect",
                                              "its mail is deferred: it must offer to add and change fields, change the body and "
                                              "take recipients away"}});
      co_return;
    }
    const bool waits = std::holds_alternative<milter::Connect>(event) || std::holds_alternative<milter::Helo>(event) ||
                       std::holds_alternative<milter::Mail>(event) || std::holds_alternative<milter::Recipient>(event) ||
                       std::holds_alternative<milter::Data>(event) || std::holds_alternative<milter::Unknown>(event);
    if (std::holds_alternative<milter::Mail>(event)) begin_message();
    if (const auto* recipient = std::get_if<milter::Recipient>(&event); recipient != nullptr && refused(recipient->recipient)) co_return;
    if (waits) (void)m_session.continue_();
    if (std::holds_alternative<milter::Abort>(event)) end_message();
  }

  /// A recipient who cannot be read is refused alone, as long as that can be said.
  bool refused(const milter::Path& to) {
    const auto path = forward_path_of(m_session.peer(), is_postfix(m_session.macros()), to);
    if (path) return false;
    return static_cast<bool>(m_session.reply(reply_of({553, {5, 1, 3}, path.error().text()})));
  }

  /// Before anything becomes ours: a message that the MTA could not change is not split either, or every further try would split it again.
  bool can_be_changed() const { return (m_session.agreed().actions & kNeeded) == kNeeded; }

  io::Task<void> judge(milter::Message message) {
    ++m_door.m_stats.messages;
    if (!can_be_changed())
      co_return refuse_here({451, {4, 3, 5}, "the mail server lets its filter change too little; its operator has to mend it"});
    auto arrival = arrival_of(message, m_door.m_parts.options, m_door.m_parts.clock.now(), m_door.m_parts.random);
    if (!arrival) {
      refuse_here({501, {5, 5, 4}, arrival.error().text()});
      co_return;
    }
    arrival->counted = true;
    arrival->lone = Company::count() == 1;
    message.raw.clear();
    m_taken = true;
    const FilterVerdict verdict = co_await m_door.m_parts.reception.filter(*std::move(arrival));
    end_message();
    if (verdict.action == FilterVerdict::Action::Refuse) co_return refuse(verdict.reply);
    if (verdict.action == FilterVerdict::Action::Discard) {
      ++m_door.m_stats.discarded;
      (void)m_session.discard();
      co_return;
    }
    if (const Status carried = carry_out(verdict, message); !carried) {
      // What was ours stays ours; nothing may go on that is not what policy said.
      log::warn("milter.edit_failed", {{"door", name()}, {"reason", carried.error()}, {"effect", "the message is deferred"}});
      co_return refuse({451, {4, 3, 0}, "the mail filter cannot change this message: " + carried.error().text()});
    }
    ++(verdict.edits.empty() && verdict.remove.empty() ? m_door.m_stats.passed : m_door.m_stats.changed);
    (void)m_session.accept();
  }

  void begin_message() {
    if (!m_at_work) m_at_work.emplace();
  }
  void end_message() {
    m_at_work.reset();
    m_held.release();
  }
  void after_answer() noexcept {
    if (std::exchange(m_taken, false)) m_door.m_parts.reception.answered(Company::count() == 0);
  }

  /// What the reception refused stands in its log already; what the door itself does is said here.
  void refuse_here(const smtp::Reply& reply) {
    log::info("milter.message_refused", {{"door", name()}, {"reply", reply.text()}});
    refuse(reply);
  }
  void refuse(const smtp::Reply& reply) {
    end_message();
    ++m_door.m_stats.refused;
    if (!m_session.reply(reply_of(reply))) (void)m_session.tempfail();
  }

  Status carry_out(const FilterVerdict& verdict, const milter::Message& message) {
    const auto& edits = verdict.edits;
    for (const auto& one : edits.remove) POSTERN_CHECK(m_session.delete_header(one.index, one.name));
    for (auto it = edits.prepend.rbegin(); it != edits.prepend.rend(); ++it) POSTERN_CHECK(m_session.prepend_header(it->name, it->value));
    for (const auto& one : edits.append) POSTERN_CHECK(m_session.add_header(one.name, one.value));
    if (edits.body) POSTERN_CHECK(m_session.replace_body(edits.body->empty() ? "\r\n" : *edits.body));
    for (const std::size_t place : verdict.remove) {
      for (const std::string& name : names_of(message.recipients.at(place))) POSTERN_CHECK(m_session.delete_recipient(name));
    }
    return {};
  }

  MilterDoor& m_door;
  io::Stream m_stream;
  milter::Session m_session;
  ContentShare m_held;
  std::optional<Company> m_at_work;  ///< From MAIL to the end of the message.
  bool m_taken = false;              ///< A message was handed in, and the answer to it may not be out.
};

io::Task<void> MilterDoor::serve(io::Stream stream) {
  Visit visit(*this, std::move(stream));
  co_await visit.run();
}

}  // namespace postern::gateway
