// Who may bind: judging credentials (X.411 8.1.1, 12.1.1). Passwords are compared in constant time and stand in no text. Cryptography is a
// port (bind_token.hpp).
#pragma once

#include <functional>

#include "mts/bind.hpp"
#include "mts/bind_token.hpp"

namespace postern::mts {

// ---- judging
/// Strong credentials of a peer or user we know by this name; missing: none are accepted.
using StrongCheck = std::function<Status(const StrongCredentials& credentials)>;

/// Simple credentials: expected password, in either of its forms.
[[nodiscard]] bool same_password(const Password& given, const Password& expected);
/// What is expected of somebody: a password, strong credentials, or either.
struct Expected {
  std::optional<Password> password;
  StrongCheck strong;
};
/// Denied says what kind of credentials failed, never which part.
[[nodiscard]] Status check_credentials(const Credentials& given, const Expected& expected);

/// An MTA that may bind to us.
struct KnownMta {
  MTAName name;
  Expected expected;
  std::optional<SecurityContext> security_context;  ///< The labels the association may carry; absent: any.
};
struct BindVerdict {
  std::optional<BindError> refusal;  ///< nullopt: accepted.
  std::string why;                   ///< For our own log; the peer gets the code only, the same for a wrong name and a wrong password.
  std::optional<std::size_t> mta;    ///< Index of the known MTA; nullopt where it bound without a name.
};
[[nodiscard]] BindVerdict judge_bind(const MTABindArgument& argument, std::span<const KnownMta> known, bool accept_unauthenticated);
/// The initiator's look at the answer: is it who we called? Denied otherwise.
[[nodiscard]] Status check_bind_result(const MTABindResult& result, const KnownMta& called, bool accept_unauthenticated);

/// P3: `lookup` finds what is expected of the user, nullopt: nobody of that name.
[[nodiscard]] BindVerdict judge_bind(const MTSBindArgument& argument,
                                     const std::function<std::optional<Expected>(const ObjectName& initiator)>& lookup);

/// Is every label of `offered` one of `permitted`? (X.411 8.1.1.1.1.5)
[[nodiscard]] bool within(const SecurityContext& offered, const SecurityContext& permitted);

}  // namespace postern::mts
