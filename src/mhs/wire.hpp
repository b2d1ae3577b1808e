// One association over one connection: the coroutine shell around osi/association.hpp.
//
//   Wire wire(std::move(stream), *std::move(association));
//   for (;;) {
//     POSTERN_CO_TRY(auto event, co_await wire.next(deadline));   // writes what is due, reads what is needed
//     ... wire->confirm_end(); ...                                // decisions; they leave with the next call or flush()
//   }
//
// The last event is one of AssociationRefused, AssociationReleased, AssociationAborted; by then the connection is closed. After it next()
// is Unavailable. Belongs to the stream's loop; one call at a time.
#pragma once

#include "base/content_budget.hpp"
#include "io/stream.hpp"
#include "osi/association.hpp"

namespace postern::mhs {

class Wire {
 public:
  /// `budget`: where what the peer sends counts, until next() is called after the event that brought it. What finds no room there ends the
  /// association. `before`: where it counts until the association is open, so that callers nobody knows yet use up nothing of those who are
  /// known. Null: AssociationLimits are all there is.
  Wire(io::Stream stream, osi::Association association, std::shared_ptr<ContentBudget> budget = nullptr,
       std::shared_ptr<ContentBudget> before = nullptr)
      : m_stream(std::move(stream)),
        m_association(std::move(association)),
        m_share(budget ? std::make_unique<ContentShare>(std::move(budget)) : nullptr),
        m_before(before ? std::make_unique<ContentShare>(std::move(before)) : nullptr) {}

  /// The next event. Errors: Timeout (`deadline` passed; everything is as before), Unavailable with field "drain" (with `wake`: the daemon
  /// wants to end; everything is as before), Unavailable with field "call" (the same: StreamControl::call() was called), Unavailable (the
  /// association is over), Conflict (nothing can come before this side acts).
  [[nodiscard]] io::Task<Result<osi::AssociationEvent>> next(SteadyTime deadline, io::WakeOn wake = io::WakeOn::Data);
  /// Writes what was decided. A connection that is gone shows in the next event, not here.
  [[nodiscard]] io::Task<void> flush();
  /// An event that is here already; nothing is read.
  [[nodiscard]] std::optional<osi::AssociationEvent> ready() { return m_association.next_event(); }
  /// abort(), written as far as the connection takes it within a moment, and the end.
  [[nodiscard]] io::Task<void> abort(osi::RtseAbortReason reason, std::string_view text);

  [[nodiscard]] osi::Association* operator->() noexcept { return &m_association; }
  [[nodiscard]] osi::Association& association() noexcept { return m_association; }
  [[nodiscard]] io::Stream& stream() noexcept { return m_stream; }
  [[nodiscard]] const io::Stream& stream() const noexcept { return m_stream; }
  [[nodiscard]] bool over() const noexcept { return m_over; }

 private:
  [[nodiscard]] io::Task<Status> fill(SteadyTime deadline, io::WakeOn wake);
  bool read();
  void count();
  /// Where it counts now.
  ContentShare* share() noexcept;

  io::Stream m_stream;
  osi::Association m_association;
  std::unique_ptr<ContentShare> m_share;   ///< Null: nobody counts.
  bool m_no_room = false;                  ///< And so the association was ended.
  bool m_lost = false;                     ///< The association was told that the network is gone.
  bool m_over = false;                     ///< The last event was handed out.
  std::unique_ptr<ContentShare> m_before;  ///< Until the association is open; then null.
};

}  // namespace postern::mhs
