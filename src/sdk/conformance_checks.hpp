// In the child: one check of the conformance kit against the table itself, and the bench that checks share.
#pragma once

#include <cstddef>

#include "sdk/conformance.hpp"
#include "sdk/library.hpp"

namespace postern::sdk {

/// The check that `hello` names. May crash or not come back when the library does.
[[nodiscard]] Verdict run_check(const Hello& hello);

namespace kit {

/// Passed, or the sentence that says what is wrong. ErrorCode::Unsupported: there was nothing to check.
using Check = Status (*)(class Bench&);
struct NamedCheck {
  CheckName name;
  Check run;
  bool mailbox = true;  ///< It looks into the mailbox of a store, which a user of P3 or P1 does not have.
};
[[nodiscard]] std::span<const NamedCheck> checks_of_opening();
[[nodiscard]] std::span<const NamedCheck> checks_of_messages();
[[nodiscard]] std::span<const NamedCheck> checks_of_conduct();

[[nodiscard]] Status expect(bool holds, std::string otherwise);
[[nodiscard]] tl::unexpected<Error> wrong(std::string why);
[[nodiscard]] tl::unexpected<Error> skip(std::string why);
[[nodiscard]] std::string status_name(postern_x400_status status);

/// postern_x400_error with buffers between guards.
class Complaint {
 public:
  explicit Complaint(std::size_t text = 512, std::size_t field = 128, std::size_t diagnostic = 0);
  Complaint(const Complaint&) = delete;
  Complaint& operator=(const Complaint&) = delete;
  [[nodiscard]] postern_x400_error* raw() noexcept { return &m_raw; }
  [[nodiscard]] std::string_view text() const noexcept { return {m_text.data(), m_raw.text_size}; }
  [[nodiscard]] std::string_view field() const noexcept { return {m_field.data(), m_raw.field_size}; }
  [[nodiscard]] std::size_t diagnostic_size() const noexcept { return m_raw.diagnostic_size; }
  /// Whether it was filled as the header says after a call that answered `status`.
  [[nodiscard]] Status keeps_rules(postern_x400_status status) const;

 private:
  std::vector<char> m_text, m_field;
  std::vector<std::uint8_t> m_diagnostic;
  postern_x400_error m_raw{};
};

/// A result that is given back at the end.
template <class T>
class Held {
 public:
  explicit Held(const postern_x400_sdk& table) noexcept : m_table(table) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { give_back(); }
  [[nodiscard]] T** place() noexcept { return &m_result; }
  [[nodiscard]] const T* get() const noexcept { return m_result; }
  const T* operator->() const noexcept { return m_result; }
  void give_back() noexcept {
    if (m_result != nullptr) m_table.release(std::exchange(m_result, nullptr));
  }

 private:
  const postern_x400_sdk& m_table;
  T* m_result = nullptr;
};

using Handle = postern_x400_handle;

/// The library, open; what checks do with it more than once.
class Bench {
 public:
  Bench(const Hello& hello, const Library& library) noexcept : hello(hello), library(library), table(library.table()) {}

  [[nodiscard]] Status open();
  [[nodiscard]] Result<Handle> bind();
  [[nodiscard]] Status unbind(Handle association);
  /// An IPM of about `text` octets to ourselves. The MTS identifier.
  [[nodiscard]] Result<std::string> submit(Handle association, ByteView content);
  /// The sequence number of the entry with this MTS identifier, waited for.
  [[nodiscard]] Result<std::uint64_t> arrived(Handle association, const std::string& mts_identifier);
  [[nodiscard]] Result<Bytes> fetch(Handle association, std::uint64_t sequence);
  [[nodiscard]] Status remove(Handle association, std::uint64_t sequence);
  /// Submit, wait: a message that is there.
  [[nodiscard]] Result<std::uint64_t> deliver(Handle association, ByteView content);
  [[nodiscard]] Status needs(std::uint64_t capability, const char* what) const;

  /// The answer must be `expected`, with an error as the header wants it, and without the password in it.
  [[nodiscard]] Status must(postern_x400_status got, postern_x400_status expected, const Complaint& complaint,
                            const std::string& doing) const;

  [[nodiscard]] Submission message() const;  ///< To ourselves.
  [[nodiscard]] Bind credentials() const;

  const Hello& hello;
  const Library& library;
  const postern_x400_sdk& table;
  Handle handle = 0;
};

[[nodiscard]] postern_x400_call call(std::uint32_t timeout_ms = 10'000, std::uint64_t id = 0) noexcept;
/// A P22 IPM with an IA5 text body part of `text` octets (X.420 7).
[[nodiscard]] Bytes interpersonal_message(std::size_t text);
[[nodiscard]] postern_x400_list_args list_args(std::uint64_t from, std::uint32_t limit) noexcept;

}  // namespace kit
}  // namespace postern::sdk
