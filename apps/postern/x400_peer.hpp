// A peer of the X.400 side as the command line names it: address, user, credentials, TLS; and a loop of its own to talk to it.
#pragma once

#include <future>

#include "context.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "mhs/own_proof.hpp"

namespace postern::cli {

struct PeerOptions {
  std::string peer, user, password_ref, ca, tls = "required", protocol;
  std::vector<std::string> pins;
  mhs::StrongFiles strong;  ///< Without a certificate: simple credentials.
  bool reliable = false;
  std::int64_t timeout = 60;  ///< Seconds, for each thing the peer is asked.
};

/// --peer, --tls, --ca, --pin, --timeout, --json.
void add_connection_options(CLI::App& verb, PeerOptions& options, Context& context);
/// The same, and --user, --password-ref or --certificate with what belongs to it, --protocol (with `protocol` as its default), --reliable.
void add_peer_options(CLI::App& verb, PeerOptions& options, Context& context, const char* protocol);

/// Without a user: enough to connect. BadInput and NotFound name the option.
[[nodiscard]] Result<mhs::UserCall> connection_of(const PeerOptions& options);
[[nodiscard]] Result<mhs::UserCall> call_of(const PeerOptions& options, std::istream& in);
/// --pin.
[[nodiscard]] Result<std::vector<Bytes>> pins_of(const PeerOptions& options);
/// What a store returns, what is delivered or submitted, in one APDU.
[[nodiscard]] osi::AssociationLimits user_limits();
[[nodiscard]] Result<mts::ORName> name_of(const std::string& address, const char* option);
/// env:NAME or file:PATH ("file:-": `in`); empty for an empty reference. Errors name `option`.
[[nodiscard]] Result<SecretBytes> password_of(const std::string& reference, const char* option, std::istream& in);
/// "urgent", "normal", "non-urgent"; nothing for anything else.
[[nodiscard]] std::optional<mts::Priority> priority_named(const std::string& name);
/// Of one thing that the peer is asked.
[[nodiscard]] inline SteadyTime deadline_of(const PeerOptions& options) { return io::deadline_in(std::chrono::seconds(options.timeout)); }

/// As an error of the command: Denied where the peer said no, Unavailable where it could not be reached.
[[nodiscard]] Error error_of(const mhs::CallFailure& failure);

/// One loop and a resolver, for as long as a verb needs them.
class UserLoop {
 public:
  [[nodiscard]] Status open();
  ~UserLoop();
  UserLoop() = default;
  UserLoop(const UserLoop&) = delete;
  UserLoop& operator=(const UserLoop&) = delete;

  [[nodiscard]] io::Resolver& resolver() { return *m_resolver; }
  [[nodiscard]] io::Loops& loops() noexcept { return m_loops; }
  /// Runs it to its end.
  template <class T>
  T run(io::Task<T> task) {
    std::promise<T> done;
    auto result = done.get_future();
    io::spawn(m_loops.at(0), finish(std::move(task), done), "x400.command");
    return result.get();
  }

 private:
  template <class T>
  static io::Task<void> finish(io::Task<T> task, std::promise<T>& done) {
    std::exception_ptr failure;
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        done.set_value();
      } else {
        done.set_value(co_await std::move(task));
      }
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) done.set_exception(failure);
  }

  io::Loops m_loops{1};
  std::unique_ptr<io::Resolver> m_resolver;
};

/// Binds with a Client (mhs::P3Client, mhs::P7Client), does `work(client)`, a Task<Result<T>>, and unbinds.
template <class Client, class T, class F>
io::Task<Result<T>> bound_for(mhs::UserCall call, io::Resolver& resolver, std::chrono::seconds each, F work) {
  auto client = co_await Client::open(std::move(call), resolver, io::deadline_in(each));
  if (!client) co_return fail(error_of(client.error()));
  Result<T> out = co_await work(**client);
  co_await (*client)->close(io::deadline_in(each));
  co_return out;
}
template <class Client, class T, class F>
Result<T> with_client(const PeerOptions& options, std::istream& in, F work) {
  POSTERN_TRY(mhs::UserCall call, call_of(options, in));
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  return loop.run(bound_for<Client, T>(std::move(call), loop.resolver(), std::chrono::seconds(options.timeout), std::move(work)));
}

}  // namespace postern::cli
