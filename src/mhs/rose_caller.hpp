// Remote operations over one association, both ways: what this side invokes and waits for, and what the peer invokes meanwhile.
//
//   RoseCaller rose(wire, &table);
//   POSTERN_CO_TRY(RoseAnswer answer, co_await rose.call(osi::oid::as_msse(), 3, argument, deadline));   // a client
//   co_await rose.serve({idle});                                                                         // a server: to the end
//
// The peer's operations are performed one after the other, in their order; while one is performed nothing more is read than the limits of
// the association (AssociationLimits::event_mark, RoseLimits::outstanding) hold. Unbind is answered. Belongs to the wire's loop.
#pragma once

#include <functional>
#include <set>

#include "mhs/bind_value.hpp"
#include "mhs/rose_operations.hpp"
#include "mhs/wire.hpp"

namespace postern::mhs {

/// What an invocation of ours came to.
using RoseAnswer = std::variant<asn1::Any, RoseFault, osi::RoseProblem>;

class RoseCaller {
 public:
  /// Both must outlive it; no table: the peer has nothing to invoke here.
  explicit RoseCaller(Wire& wire, const RoseOperations* operations = nullptr) : m_wire(wire), m_operations(operations) {}

  /// Invokes and waits. Errors: Timeout, Unavailable (the association ended, with the reason), those of Association::invoke().
  [[nodiscard]] io::Task<Result<RoseAnswer>> call(asn1::Oid syntax, std::int64_t operation, asn1::Any argument, SteadyTime deadline);
  struct Serving {
    std::chrono::seconds idle{};                                               ///< Nothing came for so long: aborted.
    std::chrono::steady_clock::duration every = std::chrono::hours(24 * 365);  ///< `meanwhile` runs so often.
    std::function<io::Task<void>()> meanwhile;                                 ///< May call(). Unset: nothing.
  };
  /// Performs what the peer asks until the association is over, which is returned in words. When the daemon wants to end, it is aborted.
  [[nodiscard]] io::Task<std::string> serve(Serving serving);
  /// One event, performed if it is an invocation. Timeout: nothing came; Unavailable: the association ended.
  [[nodiscard]] io::Task<Status> attend(SteadyTime deadline);
  /// When the peer said something last, since serve() began.
  [[nodiscard]] SteadyTime heard() const noexcept { return m_heard; }
  /// Unbinds, behind answers that are still to go, and waits for the answer; aborts where none comes.
  [[nodiscard]] io::Task<void> release(SteadyTime deadline);

 private:
  [[nodiscard]] io::Task<void> give_up(std::string why);
  [[nodiscard]] io::Task<void> handle(osi::AssociationEvent event);
  [[nodiscard]] io::Task<void> perform(osi::RoseInvoked invoked);
  [[nodiscard]] io::Task<RoseReply> reply_to(osi::RoseInvoked& invoked) const;
  void answered(std::optional<std::int64_t> invoke_id, RoseAnswer answer);
  void answer_unbind(const osi::ReleaseRequested& requested);

  Wire& m_wire;
  const RoseOperations* m_operations;
  std::set<std::int64_t> m_awaited;
  std::map<std::int64_t, RoseAnswer> m_answers;  ///< Of those that are awaited.
  SteadyTime m_heard{};                          ///< When the peer said something last.
  std::string m_end = "the association is over";
};

}  // namespace postern::mhs
