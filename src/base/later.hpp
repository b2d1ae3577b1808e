// A result that may still be under way elsewhere: asked for now, taken when it is needed, so that other work is done meanwhile.
//
//   Later<Bytes> first = keeper.begin_sign(...), second = keeper.begin_sign(...);   // both are being made
//   POSTERN_TRY(const Bytes one, std::move(first).take());                          // waits, as long as its maker says
//
// Move only, and taken at most once. Dropped without that it is abandoned: whoever makes it may come to the end of it or not.
#pragma once

#include <functional>
#include <utility>
#include <variant>

#include "base/result.hpp"

namespace postern {

template <class T>
class [[nodiscard]] Later {
 public:
  /// Must not throw. Called at most once, on the thread that takes.
  using Wait = std::function<Result<T>()>;

  /// One that is there already: a value, an error or a result.
  template <class U>
    requires std::convertible_to<U, Result<T>>
  Later(U&& ready) : m_state(Result<T>(std::forward<U>(ready))) {}  // NOLINT(google-explicit-constructor): as Result itself
  explicit Later(Wait wait) : m_state(std::move(wait)) {}

  Later(Later&&) noexcept = default;
  Later& operator=(Later&&) noexcept = default;
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  ~Later() = default;

  [[nodiscard]] Result<T> take() && {
    if (auto* ready = std::get_if<Result<T>>(&m_state)) return std::move(*ready);
    return std::exchange(std::get<Wait>(m_state), nullptr)();
  }

 private:
  std::variant<Result<T>, Wait> m_state;
};

}  // namespace postern
