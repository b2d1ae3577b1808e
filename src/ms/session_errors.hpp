// Inside the room: how the operations say no.
#pragma once

#include "ms/errors.hpp"

namespace postern::ms::detail {

inline tl::unexpected<OperationError> refuse(OperationError error) { return tl::unexpected(std::move(error)); }
template <class E>
tl::unexpected<OperationError> refuse(E error, std::string why = {}) {
  return tl::unexpected(OperationError{std::move(error), std::move(why)});
}
/// X.413 10.10: what the storage could not do. A full or busy one may be asked again; the rest is not the user's to repair.
inline OperationError storage_error(const Error& error) {
  const bool busy = error.code == ErrorCode::Exhausted || error.code == ErrorCode::Timeout;
  return {ServiceError{busy ? ServiceProblem::Busy : ServiceProblem::Unavailable, {}}, error.text()};
}

}  // namespace postern::ms::detail

/// As POSTERN_TRY, for a Result of the storage inside an operation, and for an Answer of a step of one.
#define POSTERN_MS_STORED_(tmp, decl, expr)                                                          \
  auto tmp = (expr);                                                                                 \
  if (!tmp) return ::postern::ms::detail::refuse(::postern::ms::detail::storage_error(tmp.error())); \
  decl = *std::move(tmp)
#define POSTERN_MS_STORED(decl, expr) POSTERN_MS_STORED_(POSTERN_CONCAT(postern_ms_, __COUNTER__), decl, expr)
#define POSTERN_MS_ANSWER_(tmp, decl, expr)                               \
  auto tmp = (expr);                                                      \
  if (!tmp) return ::postern::ms::detail::refuse(std::move(tmp).error()); \
  decl = *std::move(tmp)
#define POSTERN_MS_ANSWER(decl, expr) POSTERN_MS_ANSWER_(POSTERN_CONCAT(postern_ms_, __COUNTER__), decl, expr)
