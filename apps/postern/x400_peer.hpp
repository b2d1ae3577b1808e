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
[[nodiscard]] Result<mts::ORName> name_of(const std::string& address, const char* option);

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

}  // namespace postern::cli
