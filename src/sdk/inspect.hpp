// What a library handed out, as values: every size, count, pointer and text is looked at before it is followed, and all is copied.
//
// A pointer that leads nowhere cannot be seen beforehand; following it ends the child, which is why this runs there. What can be seen is a
// fault (ErrorCode::Internal, "a library's impossible answer") that names the structure and field and the rule it breaks.
#pragma once

#include <postern/x400_sdk.h>

#include "sdk/values.hpp"

namespace postern::sdk {

/// Of everything in one answer: more is a lie, or too large for a frame.
inline constexpr std::size_t kMostAnswered = 24U << 20;
inline constexpr std::size_t kMostText = 64U << 10;
inline constexpr std::size_t kMostAttributes = 1000;  ///< Of one entry.

class Inspector {
 public:
  [[nodiscard]] Identity identity(const postern_x400_identity* from);
  [[nodiscard]] Health health(const postern_x400_health* from);
  [[nodiscard]] Binding binding(const postern_x400_binding* from);
  [[nodiscard]] Submitted submitted(const postern_x400_submission_result* from);
  [[nodiscard]] EntryList entry_list(const postern_x400_entry_list* from, std::uint32_t limit);
  [[nodiscard]] Summary summary(const postern_x400_summary* from);
  /// `given`: the octets that on_content got.
  [[nodiscard]] Fetched fetched(const postern_x400_fetched* from, std::uint64_t sequence, std::uint64_t given);
  [[nodiscard]] Event event(const postern_x400_event* from);

  /// The first fault; what was answered is then worth nothing.
  [[nodiscard]] const std::optional<Error>& fault() const noexcept { return m_fault; }
  /// Whether it is one that shows damage (sizes, counts, pointers) and not only a bad text or number.
  [[nodiscard]] bool distrust() const noexcept { return m_distrust; }

 private:
  void lie(const std::string& where, std::string what, bool damage);
  template <class T>
  [[nodiscard]] T take(const T* from, const std::string& where);
  template <class T, class Use>
  void each(const T* from, std::size_t count, std::size_t most, const std::string& where, Use use);
  [[nodiscard]] bool within(const void* data, std::size_t size, std::size_t most, const std::string& where);
  [[nodiscard]] std::string text(const postern_x400_text& from, const std::string& where);
  [[nodiscard]] Bytes octets(const postern_x400_octets& from, const std::string& where);
  template <class E>
  [[nodiscard]] E number(std::uint32_t from, const std::string& where);
  [[nodiscard]] Entry entry(const postern_x400_entry& from, const std::string& where);
  [[nodiscard]] std::optional<Report> report(const postern_x400_report* from, const std::string& where);

  std::optional<Error> m_fault;
  bool m_distrust = false;
  std::size_t m_taken = 0;
};

}  // namespace postern::sdk
