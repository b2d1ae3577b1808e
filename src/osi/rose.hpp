// The remote operations machine (X.229, X.880), without I/O: requests and APDUs in; APDUs and events out. It knows invocations, not what
// they mean, and not what carries them (P-DATA or RT-TRANSFER: osi/association.hpp).
//
//   rose.invoke(context, {…})            -> take_apdu(): to the peer, on that presentation context
//   rose.receive(context, octets)        -> next_event()
//
// A bad APDU of the peer is answered with a reject that names the problem (X.229 7.5) and is an event, never the end; the peer's own
// rejects are never answered. Bounded: outstanding invocations each way (Limits). Not thread safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "osi/rose_pdu.hpp"

namespace postern::osi {

/// X.219 6.1: what the performer reports, and whether the invoker waits.
enum class OperationClass : std::uint8_t {
  Synchronous = 1,         ///< Result or error; no other class 1 operation until then.
  Asynchronous = 2,        ///< Result or error.
  AsynchronousError = 3,   ///< Error only: forget() it when it can no longer fail.
  AsynchronousResult = 4,  ///< Result only.
  AsynchronousNone = 5,    ///< Nothing.
};

struct RoseLimits {
  std::size_t outstanding = 64;  ///< Of ours, and as many of the peer's; more of the peer's are rejected (resource limitation).
  std::size_t depth = 64;        ///< BER depth of an APDU.
};

struct RoseInvocation {
  RoseCode operation;
  std::optional<asn1::Any> argument;
  std::optional<std::int64_t> linked_id;  ///< An invocation of the peer that this one is a child of.
  OperationClass operation_class = OperationClass::Asynchronous;
};

/// RO-INVOKE indication: answer with result(), error() or reject().
struct RoseInvoked {
  std::int64_t context = 0;
  std::int64_t invoke_id = 0;
  std::optional<std::int64_t> linked_id;
  RoseCode operation;
  std::optional<asn1::Any> argument;
  friend bool operator==(const RoseInvoked&, const RoseInvoked&) = default;
};
/// RO-RESULT indication of our invocation.
struct RoseResult {
  std::int64_t invoke_id = 0;
  std::optional<RoseCode> operation;
  std::optional<asn1::Any> result;
  friend bool operator==(const RoseResult&, const RoseResult&) = default;
};
struct RoseError {
  std::int64_t invoke_id = 0;
  RoseCode error;
  std::optional<asn1::Any> parameter;
  friend bool operator==(const RoseError&, const RoseError&) = default;
};
/// RO-REJECT-U, RO-REJECT-P. By the peer, of an invocation or a reply of ours; or by this engine, of what the peer sent.
struct RoseRejected {
  std::optional<std::int64_t> invoke_id;
  RoseProblem problem;
  bool by_us = false;
  friend bool operator==(const RoseRejected&, const RoseRejected&) = default;
};
using RoseEvent = std::variant<RoseInvoked, RoseResult, RoseError, RoseRejected>;

struct RoseOutput {
  std::int64_t context = 0;
  Bytes apdu;
};

class Rose {
 public:
  explicit Rose(RoseLimits limits = {}) : m_limits(limits) {}

  /// RO-INVOKE; the value is the invoke id. Exhausted: too many outstanding. Conflict: a synchronous one is outstanding, or releasing.
  /// NotFound: the peer has no invocation of the linked id outstanding.
  [[nodiscard]] Result<std::int64_t> invoke(std::int64_t context, RoseInvocation invocation);
  /// RO-RESULT. NotFound: no such invocation of the peer is outstanding. `outcome` absent: a result without a value.
  [[nodiscard]] Status result(std::int64_t invoke_id, std::optional<RorsApdu::Outcome> outcome);
  [[nodiscard]] Status error(std::int64_t invoke_id, RoseCode error, std::optional<asn1::Any> parameter);
  /// RO-REJECT-U of the peer's invocation.
  [[nodiscard]] Status reject(std::int64_t invoke_id, InvokeProblem problem);
  /// RO-REJECT-U of a reply that was an event already (mistyped result, unknown error).
  [[nodiscard]] Status reject_reply(std::int64_t invoke_id, std::int64_t context, RoseProblem problem);
  /// No reply to this invocation of ours is awaited any more (class 3, or its caller went away). A late one is rejected.
  void forget(std::int64_t invoke_id) { m_ours.erase(invoke_id); }
  /// The association is being released by us: further invocations of the peer are rejected (initiator releasing).
  void releasing() noexcept { m_releasing = true; }

  void receive(std::int64_t context, ByteView apdu);

  [[nodiscard]] std::optional<RoseOutput> take_apdu();
  [[nodiscard]] std::optional<RoseEvent> next_event();
  [[nodiscard]] bool has_apdu() const noexcept { return !m_output.empty(); }
  [[nodiscard]] std::size_t outstanding() const noexcept { return m_ours.size(); }
  [[nodiscard]] std::size_t outstanding_of_peer() const noexcept { return m_theirs.size(); }

 private:
  void send(std::int64_t context, RoseApdu apdu);
  void reject(std::int64_t context, std::optional<std::int64_t> invoke_id, RoseProblem problem);
  void on(std::int64_t context, RoivApdu apdu);
  void on(std::int64_t context, RorsApdu apdu);
  void on(std::int64_t context, RoerApdu apdu);
  void on(std::int64_t context, RorjApdu apdu);
  [[nodiscard]] bool synchronous_outstanding() const;
  [[nodiscard]] std::optional<InvokeProblem> problem_of(const RoivApdu& apdu) const;

  RoseLimits m_limits;
  bool m_releasing = false;
  std::int64_t m_next_id = 1;
  std::map<std::int64_t, OperationClass> m_ours;
  std::map<std::int64_t, std::int64_t> m_theirs;  ///< Invoke id to context.
  std::deque<RoseOutput> m_output;
  std::deque<RoseEvent> m_events;
};

}  // namespace postern::osi
