// The ports through which users of the MTS are served (P3, P7): who they are, and where what they submit goes.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/task.hpp"
#include "mts/p3.hpp"

namespace postern::mhs {

/// The users that may bind here. Called on workers, several at a time.
class Users {
 public:
  virtual ~Users() = default;
  /// Whether this is the user's password. Denied: it is not, or nobody has this address; both take the same time. Other errors may pass.
  [[nodiscard]] virtual Status verify(const oraddress::ORAddress& user, ByteView password) = 0;
  /// Whether anybody here has this address.
  [[nodiscard]] virtual bool knows(const oraddress::ORAddress& user) = 0;
  /// Denied: the old one is not in force. BadInput: the new one is not acceptable. Unsupported: passwords are not changed this way here.
  [[nodiscard]] virtual Status change_password(const oraddress::ORAddress& user, ByteView old_password, ByteView new_password) = 0;
  /// What the user registered, for whoever delivers to him; empty where he did not.
  [[nodiscard]] virtual Result<mts::RegisterArgument88> registration(const oraddress::ORAddress& user) = 0;
  /// The whole of it, durable when this returns. Unsupported: nothing can be registered here.
  [[nodiscard]] virtual Status set_registration(const oraddress::ORAddress& user, const mts::RegisterArgument88& registration) = 0;
};

/// The submission port of the MTS as its users need it. On the loop of the caller.
class SubmissionPort {
 public:
  virtual ~SubmissionPort() = default;
  /// Whether submissions are taken now; the error says why not. From memory.
  [[nodiscard]] virtual Status open() const = 0;
  /// Durable when it returns. `actor` is for the audit. Errors as Node::submit().
  [[nodiscard]] virtual io::Task<Result<mts::MessageSubmissionResult>> submit(mts::MessageSubmissionEnvelope envelope, Bytes content,
                                                                              std::string actor) = 0;
  [[nodiscard]] virtual io::Task<Result<mts::ProbeSubmissionResult>> submit_probe(mts::ProbeSubmissionEnvelope envelope,
                                                                                  std::string actor) = 0;
  /// X.411 8.2.1.3. NotFound: no message of this user has the identifier, or none any more. Conflict: it is on its way, or was never
  /// deferred.
  [[nodiscard]] virtual io::Task<Status> cancel(mts::MTSIdentifier identifier, oraddress::ORAddress user, std::string actor) = 0;
};

}  // namespace postern::mhs
