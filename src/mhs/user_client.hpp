// An association that a user of the MTS opens with his MTA (P3) or his store (P7), or his MTA with him (forced access): from the name of a
// host to the bind, step by step.
#pragma once

#include <functional>

#include "io/resolver.hpp"
#include "mhs/p1_caller.hpp"
#include "mhs/rose_caller.hpp"
#include "mts/p3.hpp"

namespace postern::mhs {

/// Strong credentials of a user who binds, and whose of the responder are believed.
struct StrongCall {
  std::shared_ptr<credentials::Authenticator> self;
  credentials::Trust responder;
  mts::MTAName responder_name;  ///< Of the MTA that is called by P3; a store is called by the name of its user.
};

/// Where a user binds, and as whom.
struct UserCall {
  osi::PresentationAddress address;
  mts::ORName user;
  SecretBytes password;
  std::optional<StrongCall> strong;  ///< In place of the password.
  bool reliable = false;             ///< Over RTSE (mts-reliable-access, ms-reliable-access).
  PeerTls tls;
  osi::AssociationLimits limits;
  osi::TranscriptHook transcript;
  std::string hostname = "localhost";               ///< Of this machine, for the session connection's name.
  std::shared_ptr<ContentBudget> budget = nullptr;  ///< Where what the other sends counts; null: nowhere.
};

/// One step on the way to a bound association, for whoever wants to know which of them fails.
struct CallStep {
  std::string_view name;  ///< "tcp", "tls", "transport", "session", "presentation", "association", "bind".
  bool good = false;
  std::string text;  ///< For an operator; empty where there is nothing to say.
};
using CallWitness = std::function<void(const CallStep&)>;
template <class T>
using Called = tl::expected<T, CallFailure>;

/// Resolves, connects, does TLS and looks at the pins: the steps "tcp" and "tls".
[[nodiscard]] io::Task<Called<io::Stream>> dial_user(const UserCall& call, io::Resolver& resolver, SteadyTime deadline,
                                                     CallWitness witness);

/// What an operation came to in words, for the ports of a protocol; errors have the code Denied.
using WordsOfFault = std::function<std::string(const RoseFault& fault)>;
[[nodiscard]] Result<asn1::Any> result_of(Result<RoseAnswer> answer, const WordsOfFault& words);

/// How a peer says no to an invocation.
using RoseRefusal = std::variant<RoseFault, osi::RoseProblem>;
/// nullopt: it did not, or did not answer.
[[nodiscard]] std::optional<RoseRefusal> refusal_of(const Result<RoseAnswer>& answer);

class UserClient {
 public:
  /// `argument` is the bind's; `words_of_error` makes a sentence of a bind error. One deadline for everything.
  struct Bind {
    osi::AssociationService service;
    asn1::Any argument;
    std::function<std::string(const asn1::Any& error)> words_of_error;
    std::function<Status(const asn1::Any& result)> check = {};  ///< Whether the responder is the one that was called; unset: anybody is.
  };
  [[nodiscard]] static io::Task<Called<std::unique_ptr<UserClient>>> open(UserCall call, Bind bind, io::Resolver& resolver,
                                                                          SteadyTime deadline, CallWitness witness);

  /// One that the peer opened, and that was accepted.
  [[nodiscard]] static std::unique_ptr<UserClient> over(Wire wire) { return std::unique_ptr<UserClient>(new UserClient(std::move(wire))); }

  /// Typed invocation. Errors: Denied (the peer's error, in words), BadInput (an argument that has no encoding, a result that is none), and
  /// those of RoseCaller::call().
  template <class Value, class Argument>
  [[nodiscard]] io::Task<Result<Value>> invoke(asn1::Oid syntax, std::int64_t operation, Argument argument, WordsOfFault words,
                                               SteadyTime deadline) {
    POSTERN_CO_TRY(asn1::Any octets, asn1::to_any(argument));
    auto answer = co_await m_rose.call(std::move(syntax), operation, std::move(octets), deadline);
    m_refusal = refusal_of(answer);
    POSTERN_CO_TRY(const asn1::Any result, result_of(std::move(answer), words));
    co_return asn1::from_any<Value>(result);
  }
  /// Unbinds.
  [[nodiscard]] io::Task<void> close(SteadyTime deadline) { return m_rose.release(deadline); }

  [[nodiscard]] const asn1::Any& bind_result() const noexcept { return m_bind_result; }
  /// What the peer answered to the last invoke(), where it said no: for whoever needs more than the words of the error.
  [[nodiscard]] const std::optional<RoseRefusal>& refusal() const noexcept { return m_refusal; }
  [[nodiscard]] RoseCaller& rose() noexcept { return m_rose; }
  /// What the peer may invoke here (alert, submission-control): fill it before anything can come.
  [[nodiscard]] RoseOperations& operations() noexcept { return m_table; }
  [[nodiscard]] Wire& wire() noexcept { return m_wire; }
  [[nodiscard]] const io::Stream& stream() const noexcept { return m_wire.stream(); }
  /// The association is over; every invocation is Unavailable.
  [[nodiscard]] bool over() const noexcept { return m_wire.over(); }

 private:
  explicit UserClient(Wire wire) : m_wire(std::move(wire)), m_rose(m_wire, &m_table) {}
  [[nodiscard]] io::Task<std::optional<CallFailure>> bind(const Bind& bind, const bool& heard, SteadyTime deadline, CallWitness witness);

  Wire m_wire;
  RoseOperations m_table;
  RoseCaller m_rose;
  asn1::Any m_bind_result;
  std::optional<RoseRefusal> m_refusal;
};

/// The operations of the submission port, which P3 and P7 share.
class SubmissionClient {
 public:
  explicit SubmissionClient(UserClient& client) : m_client(client) {}

  [[nodiscard]] io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Result<mts::ProbeSubmissionResult>> probe(mts::ProbeSubmissionArgument argument, SteadyTime deadline);
  [[nodiscard]] io::Task<Status> cancel(mts::MTSIdentifier identifier, SteadyTime deadline);

 private:
  UserClient& m_client;
};
[[nodiscard]] WordsOfFault words_of_p3(mts::Port port);

}  // namespace postern::mhs
