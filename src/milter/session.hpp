// The filter's half of a milter session, without I/O: bytes and decisions in; bytes and events out.
//
// Protocol versions 2 to 6 as Postfix, Sendmail and Stalwart speak them. Sources: libmilter's mfdef.h and API documentation, Postfix's
// MILTER_README, and what those MTAs do.
//
// The shell's loop:
//
//   for (;;) {
//     while (auto event = session.next_event()) handle(*event);   // a decision gives output, and maybe the next event
//     write(session.take_output());
//     if (session.wants_close()) close;
//     if (session.wants_input()) read -> session.receive(bytes);  // a while without bytes is the shell's to judge
//   }
//
// One event waits at a time. Until it is decided nothing further is parsed. Events marked (decide) need one decision; the others need none.
// A decision that cannot be said is an Error and leaves everything as it was: decide otherwise. Header fields and body chunks are answered
// by the engine.
//
// A verdict other than continue_() is final for what it is about: the connection (CONNECT, HELO), the message (MAIL, DATA; RCPT for
// accept() and discard()), the recipient (RCPT otherwise), the command (UNKNOWN). What the MTA sends of it afterwards is answered with that
// verdict again, without events: Stalwart takes "accept" for "continue" and goes on.
//
// Stalwart differs, and is known by its macro {daemon_name} (and by the absence of "v" and "_", which Postfix sends: its {daemon_name} is
// its host's name, and a host may be called anything). What follows from it stands at the members. It opens a connection for every stage
// and tells everything from the start each time.
//
// Held whatever the peer sends: memory is bounded by SessionOptions; the output and the events do not depend on how the input was cut; what
// is malformed or out of order ends the session with an Error that names it. Not thread safe.
// It does not: wait, time out, look up, decide, ask for macros (SMFIF_SETSYMLIST), skip (SMFIR_SKIP) or ask for rejected recipients.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "milter/content.hpp"
#include "milter/message.hpp"
#include "milter/packet.hpp"

namespace postern::milter {

/// What an SMTP client is to read. `code` is 4yz or 5yz, `enhanced` (RFC 3463) of the same class; lines are separated by LF.
struct SmtpReply {
  int code = 0;
  std::string enhanced;
  std::string text;
  /// "552 5.3.4 Message too large"
  [[nodiscard]] std::string line() const;
};

struct SessionLimits {
  std::size_t packet_bytes = kPacketBytes;        ///< The length of one packet. More ends the session.
  std::size_t message_bytes = 25U * 1024 * 1024;  ///< Header section and body. More: SessionOptions::too_large.
  std::size_t header_bytes = 512U * 1024;         ///< More: too_many_fields.
  std::size_t header_fields = 1000;               ///< More: too_many_fields.
  std::size_t recipients = 1000;                  ///< More: too_many_recipients, for each that is too many.
  std::size_t envelope_bytes = 256U * 1024;       ///< Paths and arguments of MAIL and RCPT together. More: too_many_recipients.
  std::size_t name_bytes = 1024;                  ///< A host's name in CONNECT or HELO. More ends the session.
  std::size_t macros = 200;                       ///< Of all stages together. More: too_many_macros.
  std::size_t macro_bytes = 64U * 1024;           ///< Names and values together. More: too_many_macros.
};

/// Shared by all sessions of a listener; immutable while they live.
struct SessionOptions {
  SessionLimits limits;
  /// SMFIF_* to ask for where the MTA offers them.
  std::uint32_t actions = smfif::kAddHdrs | smfif::kChgBody | smfif::kAddRcpt | smfif::kDelRcpt | smfif::kChgHdrs | smfif::kQuarantine |
                          smfif::kChgFrom | smfif::kAddRcptPar;
  std::uint32_t skip = 0;      ///< SMFIP_NO* to ask for where offered: commands we need not see.
  std::uint32_t no_reply = 0;  ///< SMFIP_NR_* to ask for where offered: commands we do not answer.
  SmtpReply too_large{552, "5.3.4", "Message too large for the mail filter"};
  SmtpReply too_many_fields{554, "5.6.0", "Header section too large for the mail filter"};
  SmtpReply too_many_recipients{452, "4.5.3", "Too many recipients for the mail filter"};
  SmtpReply too_many_macros{451, "4.3.0", "The mail filter was told too many macros"};
};

/// The first event. What was agreed on: `version` is the lower of 6 and the MTA's, the bits are those both sides want.
struct Negotiated {
  Negotiation agreed;
  Negotiation offered;
};
/// (decide)
struct Connect {
  Connection connection;
};
/// (decide)
struct Helo {
  std::string name;
};
/// (decide)
struct Mail {
  Path from;
};
/// (decide) After reject(), tempfail() or reply() it is not among the message's recipients.
struct Recipient {
  Path recipient;
};
/// (decide) DATA; not every MTA sends it.
struct Data {};
/// (decide) An SMTP command that the MTA does not know. accept() and discard() say nothing here.
struct Unknown {
  std::string command;
};
/// (decide) Modifications first, then the verdict; one that is not accept() or continue_() drops them.
struct EndOfMessage {
  Message message;
};
/// The MTA gave up the message under way, with SMFIC_ABORT or by MAIL or HELO before its end. The connection goes on. It is not told of a
/// message that has its verdict.
struct Abort {};
struct Quit {
  bool next_connection = false;  ///< SMFIC_QUIT_NC: another SMTP client's Connect follows on this stream.
};
/// Something was refused by the engine, or the session cannot go on.
struct Failed {
  Error error;
  std::string reply;   ///< What the SMTP client is told; empty when the MTA was told nothing.
  bool ended = false;  ///< The stream is of no more use: close it, and the MTA does what it is set to do without a filter.
};
using Event = std::variant<Negotiated, Connect, Helo, Mail, Recipient, Data, Unknown, EndOfMessage, Abort, Quit, Failed>;

class Session {
 public:
  static constexpr std::size_t kMaxPiece = 256U * 1024;  ///< Feed at most this at once, and take all events in between.

  explicit Session(std::shared_ptr<const SessionOptions> options);

  void receive(ByteView bytes);
  [[nodiscard]] std::optional<Event> next_event();
  /// Everything to be written so far, in order.
  [[nodiscard]] std::string take_output() { return std::exchange(m_output, {}); }
  /// False while a decision or the end is outstanding: do not read.
  [[nodiscard]] bool wants_input() const noexcept { return !m_pending && m_state != State::Ended; }
  [[nodiscard]] bool wants_close() const noexcept { return m_state == State::Ended; }

  // Decisions. Conflict when no event waits for one, or when this one means nothing there: discard() for CONNECT and HELO, anything but
  // continue_() for a command whose answer was negotiated away.
  [[nodiscard]] Status continue_();
  [[nodiscard]] Status accept();
  [[nodiscard]] Status reject();    ///< The MTA's own words: 550 5.7.1 (Postfix), 503 5.5.3 (Stalwart). Better: reply().
  [[nodiscard]] Status tempfail();  ///< 451 4.7.1 (Postfix), 451 4.3.5 (Stalwart).
  [[nodiscard]] Status discard();   ///< The client reads 250, and the message is gone.
  /// BadInput when it is no reply that an MTA takes. Characters that are not printable ASCII become "?". Stalwart gets one line.
  [[nodiscard]] Status reply(const SmtpReply& reply);

  // Modifications, at EndOfMessage. Unsupported with the action's name in `field` when it was not negotiated, Conflict elsewhere, BadInput
  // for what an MTA would refuse or take for something else, TooLarge above kChunkBytes. They are carried out in the order of the calls.
  //
  // Header values are given with or without the space behind the colon; a value that begins with other white space keeps it where the MTA
  // lets us. Lines are separated by CRLF or LF and must be folded. Fields are counted from 1, among those of the same name.

  /// At the end of the header section with Postfix and Sendmail, on top with Stalwart. See prepend_header().
  [[nodiscard]] Status add_header(std::string_view name, std::string_view value);
  /// `index` 0 is the top; other numbers count all fields with Postfix and Sendmail, those of the same name with Stalwart.
  [[nodiscard]] Status insert_header(std::uint32_t index, std::string_view name, std::string_view value);
  /// On top, with every MTA; called twice, the second stands above the first. Postfix counts its own Received field, so above that too.
  [[nodiscard]] Status prepend_header(std::string_view name, std::string_view value) { return insert_header(0, name, value); }
  /// Where there is no such field, it is added.
  [[nodiscard]] Status change_header(std::uint32_t index, std::string_view name, std::string_view value);
  [[nodiscard]] Status delete_header(std::uint32_t index, std::string_view name);
  /// Brackets around `path` may be left out. Empty is the null sender.
  [[nodiscard]] Status change_from(std::string_view path, const std::vector<std::string>& args = {});
  [[nodiscard]] Status add_recipient(std::string_view path, const std::vector<std::string>& args = {});
  /// As the MTA told it; in lower case for Stalwart, which compares with such a list.
  [[nodiscard]] Status delete_recipient(std::string_view path);
  /// The body alone, without the header section, whatever SMFIC_BODY carried. Once for a message; not empty, which Postfix takes for an
  /// error and Stalwart for nothing to do: an empty body is one CRLF. It is kept until the verdict.
  [[nodiscard]] Status replace_body(std::string_view body);
  /// Unsupported with Stalwart, which writes the reason into a field and delivers: store the message and discard().
  [[nodiscard]] Status quarantine(std::string_view reason);
  /// Not a modification: the MTA's patience begins anew. Written at once.
  [[nodiscard]] Status progress();

  /// Version 0 before Negotiated.
  [[nodiscard]] const Negotiation& agreed() const noexcept { return m_agreed; }
  [[nodiscard]] const Connection& connection() const noexcept { return m_connection; }
  [[nodiscard]] const std::string& helo() const noexcept { return m_helo; }
  /// Told so far; a message has its own copy.
  [[nodiscard]] const Macros& macros() const noexcept { return m_macros; }
  [[nodiscard]] Peer peer() const noexcept;
  /// Of the message under way, kept or not.
  [[nodiscard]] std::uint64_t content_octets() const noexcept { return m_content.octets(); }

 private:
  /// What was told last. The order is that of a session.
  enum class State : std::uint8_t { Negotiating, Negotiated, Connected, Greeted, Mail, Recipient, Data, Header, Body, Ended };
  /// What a verdict that was given covers of what follows.
  enum class Scope : std::uint8_t { None, Message, Connection };

  // session.cpp: the flow, and what the order is
  void run(const Packet& packet);
  [[nodiscard]] Status dispatch(Command command, ByteView payload);
  [[nodiscard]] Status dispatch_stage(Command command, ByteView payload);
  [[nodiscard]] Status check_order(Command command) const;
  [[nodiscard]] bool begins_anew(Command command) const noexcept;
  void give_up_message(Stage first_forgotten);
  [[nodiscard]] State earliest(State state) const noexcept;
  [[nodiscard]] static State state_after(Command command, State now) noexcept;
  [[nodiscard]] static std::string_view state_name(State state) noexcept;
  [[nodiscard]] bool agreed_on(std::uint32_t protocol_bits) const noexcept { return (m_agreed.protocol & protocol_bits) != 0; }
  void end(Error error);
  void ask(Command command, Event event);
  void answer(Command command, std::string_view packet);
  [[nodiscard]] bool is_settled(Command command);
  void settle(Scope scope, std::string packet);
  void refuse(Command command, const SmtpReply& reply, std::string what, std::string field);
  void end_message(Stage first_forgotten = Stage::Mail);
  // session_commands.cpp: one function per command
  [[nodiscard]] Status on_negotiate(ByteView payload);
  [[nodiscard]] Status on_macro(ByteView payload);
  [[nodiscard]] Status on_connect(ByteView payload);
  [[nodiscard]] Status on_helo(ByteView payload);
  [[nodiscard]] Status on_mail(ByteView payload);
  [[nodiscard]] Status on_recipient(ByteView payload);
  [[nodiscard]] Status on_data(ByteView payload);
  [[nodiscard]] Status on_unknown(ByteView payload);
  [[nodiscard]] Status on_header(ByteView payload);
  [[nodiscard]] Status on_end_of_header(ByteView payload);
  [[nodiscard]] Status on_body(Command command, ByteView payload);
  [[nodiscard]] Status on_abort(ByteView payload);
  [[nodiscard]] Status on_quit(Command command, ByteView payload);
  void refuse_recipient(std::string field);
  void refuse_content(Command command, Excess excess);
  [[nodiscard]] Message build_message();
  // session_decisions.cpp: verdicts and modifications
  [[nodiscard]] Status decide(Response verdict, std::string packet);
  [[nodiscard]] Status check_verdict(Response verdict) const;
  void apply_verdict(Command command, Response verdict, std::string packet);
  [[nodiscard]] Result<std::string> reply_packet(const SmtpReply& reply) const;
  [[nodiscard]] Status check_modification(std::uint32_t action, std::string_view name) const;
  [[nodiscard]] Result<std::string> header_value(std::string_view value) const;
  [[nodiscard]] Status change_fields(Response response, std::uint32_t index, std::string_view name, std::string_view value);

  std::shared_ptr<const SessionOptions> m_options;
  PacketReader m_reader;
  std::string m_output;
  std::vector<Event> m_events;  ///< At most a notice and the one that waits.
  std::optional<Command> m_pending;
  State m_state = State::Negotiating;
  Negotiation m_agreed;
  Macros m_macros;
  std::uint32_t m_excess = 0;  ///< One bit per stage whose macros were too many.
  Connection m_connection;
  std::string m_helo;
  Path m_from;
  std::vector<Path> m_recipients;
  std::size_t m_envelope_bytes = 0;
  Content m_content;
  Scope m_scope = Scope::None;
  std::string m_verdict;  ///< The packet that answers what m_scope covers.
  std::string m_modifications;
  bool m_body_replaced = false;
  bool m_recipients_refused = false;  ///< A notice about that was given for this message.
};

}  // namespace postern::milter
