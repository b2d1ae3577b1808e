// The native stack as blocking calls: one loop with its thread, the associations as numbers, deadlines, cancelling.
//
// Thread safe. A call blocks its thread until the answer, at most to its deadline and half a second more; what a peer keeps waiting beyond
// that loses its association. Calls on one association take turns, in the order they came. Handles are never 0 and never used twice in a
// process. After close() every call is ENDED.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>

#include "io/loops.hpp"
#include "transport/native.hpp"
#include "transport/native_user.hpp"

namespace postern::transport {

[[nodiscard]] sdk::Identity native_identity();
/// A number that nothing in this process had before.
[[nodiscard]] std::uint64_t next_handle() noexcept;

class NativeStack {
 public:
  struct Call {
    SteadyTime deadline{};
    std::uint64_t id = 0;  ///< For cancel(); 0: will not be cancelled.
  };

  /// BadInput, NotFound: a file or value of the options.
  [[nodiscard]] static Result<std::unique_ptr<NativeStack>> open(NativeOptions options);
  ~NativeStack();
  NativeStack(const NativeStack&) = delete;
  NativeStack& operator=(const NativeStack&) = delete;

  [[nodiscard]] sdk::Health health() const;
  [[nodiscard]] bool knows(std::uint64_t association) const;
  [[nodiscard]] Outcome<sdk::Binding> bind(sdk::Bind request, const Call& call);
  [[nodiscard]] Outcome<sdk::Done> unbind(std::uint64_t association, const Call& call);
  [[nodiscard]] Outcome<sdk::Submitted> submit(std::uint64_t association, const sdk::Submission& submission, ByteView content,
                                               const Call& call);
  [[nodiscard]] Outcome<sdk::Submitted> probe(std::uint64_t association, const sdk::Submission& submission, const Call& call);
  [[nodiscard]] Outcome<sdk::Done> cancel_deferred(std::uint64_t association, const std::string& identifier, const Call& call);
  [[nodiscard]] Outcome<sdk::EntryList> list(const sdk::List& request, const Call& call);
  [[nodiscard]] Outcome<sdk::Summary> summarize(const sdk::Summarize& request, const Call& call);
  /// `sink` runs on the calling thread after the store answered; false ends the fetch with CANCELLED.
  [[nodiscard]] Outcome<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const Call& call);
  [[nodiscard]] Outcome<sdk::Done> remove(const sdk::Delete& request, const Call& call);
  [[nodiscard]] Outcome<sdk::Done> register_user(sdk::Register request, const Call& call);
  [[nodiscard]] Outcome<sdk::Event> poll(std::uint64_t association, const Call& call);

  /// The running call with this id ends with CANCELLED. What it asked the peer for may happen all the same; other than a poll it takes its
  /// association with it, since an answer that nobody waits for would be taken for the next one's.
  void cancel(std::uint64_t id);
  /// Ends the calls, unbinds the associations as far as their peers answer at once, and ends the threads. Once.
  void close();

  [[nodiscard]] const NativeOptions& options() const noexcept { return m_options; }

 private:
  struct Association;
  struct Running;
  template <class T>
  struct Slot;
  using Lock = std::unique_lock<std::mutex>;
  template <class T>
  using Work = std::function<io::Task<Outcome<T>>(NativeUser& user)>;

  explicit NativeStack(NativeOptions options) : m_options(std::move(options)) {}
  [[nodiscard]] Result<mhs::UserCall> user_call(sdk::Bind& request) const;
  [[nodiscard]] std::optional<Trouble> over(const Running& running, const Call& call) const;
  [[nodiscard]] Outcome<std::shared_ptr<Association>> take_turn(Lock& lock, std::uint64_t handle, Running& running, const Call& call);
  void give_turn(Association& association);
  template <class T>
  [[nodiscard]] Outcome<T> ask(std::uint64_t handle, const Call& call, Running& running, Work<T> work);
  template <class T>
  [[nodiscard]] Outcome<T> ask(std::uint64_t handle, const Call& call, Work<T> work);
  template <class T>
  [[nodiscard]] Outcome<T> await(Lock& lock, const std::shared_ptr<Slot<T>>& slot, Running& running, const Call& call);
  template <class T>
  static io::Task<void> perform(NativeStack& stack, std::shared_ptr<Association> association, std::shared_ptr<Slot<T>> slot, Work<T> work);
  static io::Task<Outcome<std::shared_ptr<Association>>> bound_association(NativeStack& stack, sdk::Role role, mhs::UserCall call,
                                                                           SteadyTime deadline);
  static io::Task<void> open_association(NativeStack& stack, std::shared_ptr<Slot<std::shared_ptr<Association>>> slot, sdk::Role role,
                                         mhs::UserCall call, SteadyTime deadline);
  static io::Task<void> leave(NativeStack& stack, std::shared_ptr<Association> association, SteadyTime deadline);
  [[nodiscard]] Outcome<sdk::Binding> admit(Lock& lock, std::shared_ptr<Association> association);

  const NativeOptions m_options;
  std::unique_ptr<io::Loops> m_loops;
  std::unique_ptr<io::Resolver> m_resolver;

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::map<std::uint64_t, std::shared_ptr<Association>> m_associations;
  std::deque<Running*> m_running;
  std::size_t m_opening = 0;  ///< Binds on their way.
  bool m_closing = false;
};

}  // namespace postern::transport
