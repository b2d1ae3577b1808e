// Private to session*.cpp: the machine behind Session, and the form of its table.
//
// An input (a primitive, an SPDU, a timer, the end of the transport connection) looks for the first row of session_table.cpp with its
// event and the present state whose conditions all hold; the row's action runs, then its state is entered. Where there is no such row a
// primitive is refused and an SPDU is a protocol error, with the sentence of the condition that did not hold.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include "osi/session.hpp"
#include "osi/spdu.hpp"

namespace postern::osi {

/// What can happen to the machine: primitives by their place in SessionRequest, SPDUs by their kind, and two more.
enum class SessionInputKind : std::uint8_t {};

template <class Primitive, std::size_t I = 0>
constexpr SessionInputKind primitive() {
  if constexpr (std::is_same_v<Primitive, std::variant_alternative_t<I, SessionRequest>>)
    return static_cast<SessionInputKind>(I);
  else
    return primitive<Primitive, I + 1>();
}
constexpr SessionInputKind spdu(SpduKind kind) { return static_cast<SessionInputKind>(64U + static_cast<unsigned>(kind)); }
inline constexpr SessionInputKind kTimer{128};
inline constexpr SessionInputKind kTransportGone{129};
inline constexpr SessionInputKind kAnySpdu{130};  ///< In a row only: whatever SPDU it is.

struct SessionInput {
  SessionInputKind kind{};
  const SessionRequest* primitive = nullptr;  ///< For primitives; its user data has been moved to `data`.
  const Spdu* spdu = nullptr;                 ///< For SPDUs.
  Bytes data;                                 ///< User data, of an SPDU all its segments.
};

/// The predicates of the table. "Ours" and "theirs" hold as well for a token that does not exist in this session (X.225 A.5.3.1).
enum class Condition : std::uint8_t {
  IsInitiator,
  IsResponder,
  NoCommonVersion,
  SelectorDiffers,
  NoCommonUnits,
  Overflows,
  SizesUsable,
  AnswerUsable,
  MinorUnit,
  MajorUnit,
  ActivityUnit,
  ExceptionsUnit,
  ReleaseUnit,
  TypedUnit,
  InActivity,
  NoActivity,
  ActivityIfManaged,
  DataOurs,
  MinorOurs,
  MajorOurs,
  AllOurs,
  DataTheirs,
  MinorTheirs,
  MajorTheirs,
  AllTheirs,
  DataTokenOurs,
  DataTokenTheirs,
  GivesOurs,
  GivesTheirs,
  GivesData,
  PleasesTheirs,
  SerialLeft,
  SerialNext,
  SerialLast,
  ConfirmsTheirs,
  ConfirmsOurs,
  Affirmative,
  Negative,
  Collided,
  NotFinishing,
};

class SessionMachine {
 public:
  using State = Session::State;
  using Action = void (SessionMachine::*)(SessionInput&);
  struct Row {
    std::uint32_t from;  ///< One bit for each State.
    SessionInputKind kind;
    std::uint64_t conditions;  ///< One bit for each Condition.
    Action action;
    std::optional<State> to;  ///< Nothing: stays.
  };

  SessionMachine(SessionOptions options, SteadyTime now);

  Result<SerialNumber> request(SessionRequest primitive, SteadyTime now);
  void receive(ByteView tsdu, SteadyTime now);
  void transport_gone(std::string_view why);
  void tick(SteadyTime now);
  [[nodiscard]] std::size_t pending() const noexcept { return m_assembly ? m_assembly->head.size() + m_assembly->data.size() : 0; }

  // session_conditions.cpp
  [[nodiscard]] bool holds(Condition condition, const SessionInput& input) const;
  // session_table.cpp. The row, or why there is none.
  [[nodiscard]] tl::expected<const Row*, std::string> find(const SessionInput& input) const;
  // session_check.cpp. Whether the parameters of a primitive are within their limits.
  [[nodiscard]] Status check(const SessionRequest& primitive) const;

  // Actions, session_connect.cpp
  void send_connect(SessionInput& input);
  void send_overflow(SessionInput& input);
  void send_accept(SessionInput& input);
  void send_refuse(SessionInput& input);
  void refuse_version(SessionInput& input);
  void refuse_selector(SessionInput& input);
  void refuse_units(SessionInput& input);
  void accept_overflow(SessionInput& input);
  void indicate_connect(SessionInput& input);
  void indicate_connect_overflow(SessionInput& input);
  void confirm_accept(SessionInput& input);
  void confirm_refuse(SessionInput& input);
  // Actions, session_end.cpp
  void send_finish(SessionInput& input);
  void send_disconnect(SessionInput& input);
  void send_not_finished(SessionInput& input);
  void indicate_release(SessionInput& input);
  void indicate_release_collision(SessionInput& input);
  void confirm_release(SessionInput& input);
  void confirm_release_collision(SessionInput& input);
  void confirm_no_release(SessionInput& input);
  void send_user_abort(SessionInput& input);
  void drop_transport(SessionInput& input);
  void indicate_abort(SessionInput& input);
  void time_out(SessionInput& input);
  void give_up_idle(SessionInput& input);
  void lose_transport(SessionInput& input);
  void discard(SessionInput& input);
  // Actions, session_data.cpp
  void send_data(SessionInput& input);
  void send_typed_data(SessionInput& input);
  void send_tokens(SessionInput& input);
  void send_please(SessionInput& input);
  void send_control(SessionInput& input);
  void send_minor(SessionInput& input);
  void send_minor_ack(SessionInput& input);
  void send_major(SessionInput& input);
  void send_major_ack(SessionInput& input);
  void send_exception(SessionInput& input);
  void indicate_data(SessionInput& input);
  void indicate_typed_data(SessionInput& input);
  void indicate_tokens(SessionInput& input);
  void indicate_please(SessionInput& input);
  void indicate_control(SessionInput& input);
  void indicate_minor(SessionInput& input);
  void count_unseen(SessionInput& input);
  void confirm_minor(SessionInput& input);
  void indicate_major(SessionInput& input);
  void confirm_major(SessionInput& input);
  void indicate_exception(SessionInput& input);
  void indicate_provider_exception(SessionInput& input);
  // Actions, session_activity.cpp
  void send_start(SessionInput& input);
  void send_resume(SessionInput& input);
  void send_interrupt(SessionInput& input);
  void send_interrupt_ack(SessionInput& input);
  void send_discard(SessionInput& input);
  void send_discard_ack(SessionInput& input);
  void send_end(SessionInput& input);
  void send_end_ack(SessionInput& input);
  void indicate_start(SessionInput& input);
  void indicate_resume(SessionInput& input);
  void indicate_interrupt(SessionInput& input);
  void indicate_discard(SessionInput& input);
  void indicate_end(SessionInput& input);
  void confirm_interrupt(SessionInput& input);
  void confirm_discard(SessionInput& input);
  void confirm_end(SessionInput& input);
  void answer_late_interrupt(SessionInput& input);
  void answer_late_discard(SessionInput& input);

  // What Session shows.
  SessionOptions m_options;
  SessionSelection m_selection;
  State m_state = State::Idle;
  SteadyTime m_deadline = SteadyTime::max();
  std::deque<Bytes> m_tsdus;
  std::deque<SessionEvent> m_events;
  bool m_wants_disconnect = false;
  bool m_connected = false;
  Tokens m_available;
  Tokens m_owned;
  bool m_activity = false;         // Vact
  SerialNumber m_next = 0;         // V(M)
  SerialNumber m_unconfirmed = 0;  // V(A)

 private:
  // An SPDU whose segments are coming in (X.225 6.3.6).
  struct Assembly {
    SpduKind kind;
    Bytes head;  // The TSDU with the first segment, which has the other parameters; of DT and TD without their data.
    Bytes data;
  };
  // What a CONNECT proposed, until it is answered: on both sides.
  struct Proposal {
    std::uint8_t versions = kSessionVersion1;
    FunctionalUnits units;
    TokenSettings settings;
    std::optional<SerialNumber> initial_serial;
    std::optional<std::uint32_t> tsdu_maximum;
    Bytes user_data;  // What comes or goes in overflow.
    SConnect connect;
  };

  // session.cpp
  void run(const Row& row, SessionInput& input);
  void enter(State state);
  [[nodiscard]] std::chrono::seconds timeout_of(State state) const noexcept;
  void receive_spdu(const Spdu& spdu, ByteView tsdu);
  void receive_segment(const Spdu& spdu, ByteView tsdu);
  [[nodiscard]] std::optional<std::string> add_segment(const Spdu& spdu, ByteView tsdu);
  [[nodiscard]] std::size_t data_limit(SpduKind kind) const noexcept;
  void protocol_error(std::string text);
  void abort_by_provider(PAbortReason reason, std::uint32_t bits, std::string text);
  [[nodiscard]] bool ignores_input() const noexcept;
  template <class Primitive>
  const Primitive& as(const SessionInput& input) const {
    return std::get<Primitive>(*input.primitive);
  }
  template <class Event>
  void tell(Event event) {
    m_events.emplace_back(std::move(event));
  }
  /// One SPDU with its user data, in as many segments as the agreed TSDU size asks for.
  void emit(Spdu spdu, ByteView data);
  void emit_segments(const Spdu& spdu, ByteView data, std::size_t limit);

  // session_connect.cpp
  void read_proposal(const Spdu& spdu);
  void refuse(RefuseReason reason, const ConnectionIdentifier& identifier, ByteView data);
  void establish(FunctionalUnits units, const TokenSettings& settings, std::optional<SerialNumber> serial);
  [[nodiscard]] TokenSettings settle(const TokenSettings& chosen) const;

  // session_conditions.cpp
  [[nodiscard]] bool ours(Token token) const noexcept { return !m_available.has(token) || m_owned.has(token); }
  [[nodiscard]] bool theirs(Token token) const noexcept { return !m_available.has(token) || !m_owned.has(token); }
  [[nodiscard]] bool holds_for_answer(const Spdu& spdu) const;
  [[nodiscard]] bool holds_for_tokens(Condition condition, Tokens tokens) const;
  [[nodiscard]] bool holds_for_serial(Condition condition, SerialNumber serial) const;

  // session_data.cpp
  void count_point(bool sent);

  // session_activity.cpp
  void begin_activity(SerialNumber next);
  void end_activity();
  void take_all_tokens(bool ours);

  bool m_may_confirm = false;  // Vsc: the right to answer minor synchronization points
  bool m_collided = false;     // Vcoll
  bool m_finishing = false;    // A FINISH of ours is out.
  Proposal m_proposal;
  std::optional<Assembly> m_assembly;
  std::string m_why;  // Of the end of the transport connection.
  SteadyTime m_now{};
};

/// X.225 8.3.5.14 (PI 26) to and from the octet.
[[nodiscard]] TokenSettings token_settings_from(std::uint32_t octet) noexcept;
[[nodiscard]] std::uint32_t octet_of(const TokenSettings& settings) noexcept;
[[nodiscard]] inline Bytes owned(const Spdu::Octets& octets) { return octets ? Bytes(octets->begin(), octets->end()) : Bytes(); }
/// Nothing for an empty string: such parameters are not sent.
[[nodiscard]] inline Spdu::Octets sent(const Bytes& octets) { return octets.empty() ? Spdu::Octets() : Spdu::Octets(octets); }
/// Exactly one of half-duplex and duplex.
[[nodiscard]] inline bool has_one_duplex_mode(FunctionalUnits units) noexcept {
  return units.has(FunctionalUnit::HalfDuplex) != units.has(FunctionalUnit::Duplex);
}

}  // namespace postern::osi
