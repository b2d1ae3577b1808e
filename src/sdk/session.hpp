// In the child: one request to the library, one answer back. No I/O of its own.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <variant>

#include "sdk/library.hpp"
#include "sdk/wire.hpp"

namespace postern::sdk {

/// The fields of an answer, or why there is none.
using Reply = std::variant<Bytes, Refusal>;

class Session {
 public:
  explicit Session(const Library& library) noexcept : m_table(library.table()), m_can_cancel(library.can(POSTERN_X400_CAN_CANCEL)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs on any of max_calls threads. `body` is what follows the head; `content` is of a submission; `id` is the call's.
  [[nodiscard]] Reply run(const RequestHead& head, std::uint64_t id, ByteView body, ByteView content, const PieceSink& give);
  /// Beside run(), from any thread.
  void cancel(std::uint64_t id) noexcept;
  /// Gives the library the chance to end its associations. Nothing else is called after it.
  void close() noexcept;

 private:
  struct Context;
  template <class R>
  Reply run_as(const Context& context, ByteView body);
  Reply handle(const Context& context, const Open& request);
  Reply handle(const Context& context, const Identify& request);
  Reply handle(const Context& context, const AskHealth& request);
  Reply handle(const Context& context, const Bind& request);
  Reply handle(const Context& context, const Unbind& request);
  Reply handle(const Context& context, const Submit& request);
  Reply handle(const Context& context, const Probe& request);
  Reply handle(const Context& context, const List& request);
  Reply handle(const Context& context, const Summarize& request);
  Reply handle(const Context& context, const Fetch& request);
  Reply handle(const Context& context, const Delete& request);
  Reply handle(const Context& context, const Register& request);
  Reply handle(const Context& context, const Poll& request);
  template <class T, class Invoke, class Read>
  Reply answer(const Context& context, Invoke invoke, Read read);
  template <class Invoke>
  Reply answer_done(const Context& context, Invoke invoke);

  const postern_x400_sdk& m_table;
  const bool m_can_cancel;
  std::atomic<postern_x400_handle> m_library{0};
};

/// What a status of the header is among ours.
[[nodiscard]] ErrorCode code_of(postern_x400_status status) noexcept;

/// The error structure with buffers and guards: what a library wrote, as a Refusal.
class ErrorBuffer {
 public:
  explicit ErrorBuffer(bool diagnostics) noexcept;
  ErrorBuffer(const ErrorBuffer&) = delete;
  ErrorBuffer& operator=(const ErrorBuffer&) = delete;
  [[nodiscard]] postern_x400_error* raw() noexcept { return &m_raw; }
  /// `doing` names the call; a text that is missing or no UTF-8 is replaced by that of the status.
  [[nodiscard]] Refusal refusal(postern_x400_status status, const postern_x400_sdk& table, const char* doing) const;

 private:
  static constexpr std::size_t kText = 1024, kField = 256, kDiagnostic = 4096;
  [[nodiscard]] bool sizes_hold() const noexcept;
  postern_x400_error m_raw{};
  std::array<char, kText> m_text{};
  std::array<char, kField> m_field{};
  std::array<std::uint8_t, kDiagnostic> m_diagnostic{};
};

}  // namespace postern::sdk
