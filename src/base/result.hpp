// Results: a value, or an Error that says what was wrong, where, and whose fault it is.
//
// What a peer or a user can cause is a value of this type; exceptions are for what cannot be (allocation, startup);
// assertions are for our own bugs. `Result<T>` is an alias of tl::expected and one day of std::expected.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace postern {

/// What the caller can do about an error. Not a protocol code: doors translate it to SMTP, HTTP or exit status.
enum class ErrorCode {
  BadInput,         ///< The peer's or user's bytes are wrong; the same bytes will fail again.
  TooLarge,         ///< A named limit was passed.
  NotFound,         ///< The thing asked for does not exist.
  Conflict,         ///< It exists already, or is in a state that forbids this.
  Denied,           ///< Not permitted: policy, credentials, or a closed door.
  IntegrityFailed,  ///< A tag, signature, digest or chain did not verify. Never deliver what carried it.
  Unavailable,      ///< An outside part (disk, DNS, next hop, key engine) does not answer now; try again later.
  Timeout,          ///< A deadline passed.
  Exhausted,        ///< A bounded resource (queue, memory budget, worker pool) is full; push back.
  Unsupported,      ///< Understood, and not done by this build or profile.
  Internal,         ///< Our own bug or an impossible answer of a library.
};

/// The stable lower-case name of a code, as it stands in logs and JSON ("bad_input").
[[nodiscard]] std::string_view name_of(ErrorCode code) noexcept;

/// An error. `what` is one English sentence part without a trailing stop that tells the reader what to do;
/// `field` names the offending field, key or parameter where there is one. Neither may carry a secret.
struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string what;
  std::string field;

  /// "field: what", or just "what".
  [[nodiscard]] std::string text() const;
  /// The same error with more context in front: context("reading F").what == "reading F: " + what.
  [[nodiscard]] Error context(std::string_view where) &&;
  [[nodiscard]] Error context(std::string_view where) const&;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string what, std::string field = {}) {
  return tl::unexpected<Error>(Error{code, std::move(what), std::move(field)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace postern

#define POSTERN_CONCAT_(a, b) a##b
#define POSTERN_CONCAT(a, b) POSTERN_CONCAT_(a, b)

#define POSTERN_TRY_(tmp, decl, expr, ret)               \
  auto tmp = (expr);                                     \
  if (!tmp) ret ::postern::fail(std::move(tmp).error()); \
  decl = *std::move(tmp)

/// `POSTERN_TRY(auto x, parse(y));` binds the value, or returns the error from the enclosing function.
#define POSTERN_TRY(decl, expr) POSTERN_TRY_(POSTERN_CONCAT(postern_try_, __COUNTER__), decl, expr, return)
/// The same in a coroutine.
#define POSTERN_CO_TRY(decl, expr) POSTERN_TRY_(POSTERN_CONCAT(postern_try_, __COUNTER__), decl, expr, co_return)

/// `POSTERN_CHECK(status());` goes on, or returns the error. For Result<void>, or to drop a value on purpose.
#define POSTERN_CHECK(expr)                                                                                       \
  do {                                                                                                            \
    if (auto postern_check_ = (expr); !postern_check_) return ::postern::fail(std::move(postern_check_).error()); \
  } while (false)
#define POSTERN_CO_CHECK(expr)                                                                                       \
  do {                                                                                                               \
    if (auto postern_check_ = (expr); !postern_check_) co_return ::postern::fail(std::move(postern_check_).error()); \
  } while (false)
