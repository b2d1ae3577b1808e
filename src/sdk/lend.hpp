// Values as the structures of postern/x400_sdk.h, for the time of one call: the arrays are here, texts and octets are borrowed from the
// value, which must live as long. Neither can be moved.
#pragma once

#include <postern/x400_sdk.h>

#include <deque>

#include "sdk/values.hpp"

namespace postern::sdk {

[[nodiscard]] postern_x400_text lend(std::string_view text) noexcept;
[[nodiscard]] postern_x400_octets lend(ByteView octets) noexcept;
[[nodiscard]] std::int64_t lend(const Time& time) noexcept;
[[nodiscard]] std::vector<postern_x400_attribute> lend(const std::vector<Attribute>& attributes);

struct LentTexts {
  explicit LentTexts(const std::vector<std::string>& texts);
  std::vector<postern_x400_text> list;
};

struct LentFilter {
  explicit LentFilter(const std::optional<Filter>& filter);
  LentFilter(const LentFilter&) = delete;
  LentFilter& operator=(const LentFilter&) = delete;
  postern_x400_filter out{};
  const postern_x400_filter* pointer = nullptr;  ///< To `out`; NULL without a filter.
};

struct LentSubmission {
  LentSubmission(const Submission& value, ByteView content);
  LentSubmission(const Submission&, Bytes&&) = delete;  // the octets would go with the temporary
  LentSubmission(const LentSubmission&) = delete;
  LentSubmission& operator=(const LentSubmission&) = delete;
  postern_x400_submission out{};

 private:
  LentTexts m_encoded_types;
  std::vector<postern_x400_recipient> m_recipients;
  std::vector<postern_x400_attribute> m_extensions;
};

struct LentList {
  explicit LentList(const List& value);
  LentList(const LentList&) = delete;
  LentList& operator=(const LentList&) = delete;
  postern_x400_list_args out{};

 private:
  LentFilter m_filter;
  LentTexts m_attributes;
};

struct LentRegister {
  explicit LentRegister(const Register& value);
  LentRegister(const LentRegister&) = delete;
  LentRegister& operator=(const LentRegister&) = delete;
  postern_x400_register_args out{};

 private:
  std::deque<LentFilter> m_filters;
  std::vector<postern_x400_auto_action> m_actions;
};

[[nodiscard]] postern_x400_bind_args lend(const Bind& value) noexcept;

}  // namespace postern::sdk
