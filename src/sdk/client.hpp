// An X.400 library as the rest of the product sees it: calls that take and give values, and always end.
//
// The library lives in a process of its own (child.hpp), started when the first call needs it. Whatever it does there - crash, hang, lie,
// leak, end - the calls that ran get an error in words, and a next call finds a new process, after a pause that doubles while it goes on.
//
// Thread safe; each call blocks its thread until the answer, at most `timeout` + kGrace. No more than the library's max_calls (and 16) run
// at once; others wait for their turn, at most `timeout`: where a library takes few calls, poll shortly. Associations end with the process
// they were made in: calls on such a one are Unavailable and say "bind again". No call may run when the client is destroyed.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <thread>

#include "sdk/launch.hpp"
#include "sdk/stream.hpp"

namespace postern::sdk {

struct ClientOptions {
  std::string library;                                                                    ///< transport.sdk.library_path: absolute.
  std::string profile;                                                                    ///< transport.sdk.preferred_profile
  std::string settings;                                                                   ///< A JSON object for open(); may be empty.
  std::chrono::milliseconds connect_timeout{10'000};                                      ///< Of the start (load, open) and of bind().
  std::chrono::milliseconds operation_timeout{30'000};                                    ///< Of everything else.
  std::uint32_t descriptors = 256;                                                        ///< The child may have open.
  std::uint64_t memory = std::uint64_t{2} << 30;                                          ///< Octets of data it may have; 0: no bound.
  std::chrono::milliseconds first_pause{50}, longest_pause{10'000}, long_enough{10'000};  ///< Between starts; a life so long resets it.
  LaunchPlan plan;
  /// Instead of launch(plan): for a process that may not start programs itself and is given the channel by one that may. With `pid` -1 the
  /// end of the channel is all that ends the child.
  std::function<Result<Launched>()> launcher;
};

struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout;  ///< Else by ClientOptions.
  bool diagnostics = false;                          ///< An error's text ends with the octets that the peer sent, in hexadecimal.
};

/// For /status and `postern health`.
struct ClientState {
  bool running = false;
  std::uint64_t lives = 0;     ///< Processes started so far.
  std::uint64_t failures = 0;  ///< Of them: not started, or ended by themselves.
  std::string last_failure;    ///< In words; empty: none.
  Welcome library;             ///< Of the running or last process.
};

class Client {
 public:
  /// Beyond its limit of time that a library gets to notice it, before its process is ended.
  static constexpr std::chrono::milliseconds kGrace{1'000};

  /// Starts nothing yet.
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Errors: those of the library by code_of(); Timeout; Unavailable when the process ended or does not start; Internal when the library
  /// is at fault. After a Timeout or Unavailable of a submission its outcome is unknown, and the text says so.
  template <class R>
  [[nodiscard]] Result<typename R::Answer> call(const R& request, const CallOptions& options = {}) {
    return decode_answer<R>(exchange(R::kCall, encode(request), association_of(request), {}, {}, options));
  }
  [[nodiscard]] Result<Submitted> submit(const Submit& request, ByteView content, const CallOptions& options = {});
  /// `sink` gets the content in order, on the calling thread; false ends the fetch with Conflict.
  [[nodiscard]] Result<Fetched> fetch(const Fetch& request, const PieceSink& sink, const CallOptions& options = {});

  [[nodiscard]] ClientState state() const;
  /// What the library last wrote to its standard error, for an operator who asks.
  [[nodiscard]] std::string last_words() const;

 private:
  struct Pending;
  using Lock = std::unique_lock<std::mutex>;

  template <class R>
  static const Association* association_of(const R& request) {
    if constexpr (requires { request.association; })
      return &request.association;
    else
      return nullptr;
  }
  template <class R>
  Result<typename R::Answer> decode_answer(Result<std::pair<Bytes, std::uint64_t>> body) {
    if (!body) return fail(std::move(body).error());
    auto answer = decode<typename R::Answer>(body->first);
    if (!answer) return fail(ErrorCode::Internal, "the X.400 library's process answered nonsense: " + answer.error().what, "x400");
    if constexpr (std::is_same_v<R, Bind>) answer->association.life = body->second;
    return answer;
  }

  /// The answer's fields and the life they came from.
  [[nodiscard]] Result<std::pair<Bytes, std::uint64_t>> exchange(Call call, Bytes request, const Association* association, ByteView content,
                                                                 const PieceSink& sink, const CallOptions& options);
  [[nodiscard]] Status wait_until_running(Lock& lock, SteadyTime deadline);
  [[nodiscard]] Status wait_for_turn(Lock& lock, SteadyTime deadline);
  [[nodiscard]] Status send(FrameStream& stream, const Pending& pending, ByteView request, ByteView content, const CallOptions& options);
  [[nodiscard]] Status wait_for_answer(Lock& lock, Pending& pending, const std::shared_ptr<FrameStream>& stream, const PieceSink& sink);
  void take_piece(Lock& lock, Pending& pending, FrameStream& stream, const PieceSink& sink);
  [[nodiscard]] Error not_started(SteadyTime now) const;

  // The supervising thread: starts the process, reads from it, sees it end.
  void supervise();
  [[nodiscard]] bool wait_for_work();
  [[nodiscard]] Result<Launched> start();
  [[nodiscard]] Result<Frame> read_frame(Launched& child, SteadyTime deadline);
  void serve(Launched& child);
  void dispatch(Frame frame);
  void ended(Launched& child, const Error* why);
  void count_failure(std::string words);
  void ring() noexcept;

  const ClientOptions m_options;
  UniqueFd m_bell;  ///< Wakes the supervisor out of poll().

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::shared_ptr<FrameStream> m_stream;  ///< While running or starting.
  bool m_running = false, m_ending = false, m_wanted = false, m_stopping = false;
  std::string m_kill;  ///< Why the process is to be ended now; empty: it is not.
  std::uint64_t m_life = 0, m_next_id = 1, m_failures = 0, m_attempts = 0;
  std::map<std::uint64_t, Pending*> m_pending;
  std::string m_last_failure;
  ErrorCode m_last_code = ErrorCode::Unavailable;
  Welcome m_welcome;
  Heard m_output, m_errors;
  SteadyTime m_not_before{}, m_started{};
  std::chrono::milliseconds m_pause{0};
  std::thread m_thread;  ///< Last: it uses the others.
};

}  // namespace postern::sdk
