// What the host lends for a call, as values: everything is copied, nothing is read beyond what its writer knows of a structure.
#pragma once

#include <postern/x400_sdk.h>

#include "sdk/values.hpp"
#include "transport/native_trouble.hpp"

namespace postern::native {

/// Reads structures of the C header. The first thing that is wrong stays, as BAD_ARGUMENT with its field; what was read then is worth
/// nothing.
class Arguments {
 public:
  /// Milliseconds; the id is for cancel().
  struct Call {
    std::chrono::milliseconds timeout{0};
    std::uint64_t id = 0;
  };
  [[nodiscard]] Call call(const postern_x400_call* from);
  struct Opening {
    std::string profile, settings;
    void (*log)(void* log_data, std::uint32_t level, postern_x400_text text) = nullptr;
    void* log_data = nullptr;
  };
  [[nodiscard]] Opening opening(const postern_x400_open_args* from);
  [[nodiscard]] sdk::Bind bind(const postern_x400_bind_args* from);
  /// `content` is borrowed.
  [[nodiscard]] sdk::Submission submission(const postern_x400_submission* from, ByteView& content);
  [[nodiscard]] sdk::List list(std::uint64_t association, const postern_x400_list_args* from);
  [[nodiscard]] std::optional<sdk::Filter> filter(const postern_x400_filter* from, const std::string& where = "filter");
  struct Fetching {
    sdk::Fetch request;
    std::int32_t (*on_content)(void* content_data, const std::uint8_t* data, std::size_t size) = nullptr;
    void* content_data = nullptr;
  };
  [[nodiscard]] Fetching fetch(std::uint64_t association, const postern_x400_fetch_args* from);
  [[nodiscard]] sdk::Delete deletion(std::uint64_t association, const std::uint64_t* sequences, std::size_t count);
  [[nodiscard]] sdk::Register registration(std::uint64_t association, const postern_x400_register_args* from);

  [[nodiscard]] const std::optional<transport::Trouble>& fault() const noexcept { return m_fault; }

 private:
  void refuse(const std::string& field, std::string what);
  template <class T>
  [[nodiscard]] T known(const T* from, const std::string& where);
  template <class T, class Use>
  void each(const T* from, std::size_t count, std::size_t most, const std::string& where, Use use);
  [[nodiscard]] std::string text(const postern_x400_text& from, const std::string& where);
  [[nodiscard]] ByteView view(const postern_x400_octets& from, const std::string& where);
  [[nodiscard]] Bytes octets(const postern_x400_octets& from, const std::string& where);
  [[nodiscard]] std::vector<std::string> texts(const postern_x400_text* from, std::size_t count, const std::string& where);
  template <class E>
  [[nodiscard]] E number(std::uint32_t from, const std::string& where);
  [[nodiscard]] sdk::AutoAction action(const postern_x400_auto_action& from, const std::string& where);

  std::optional<transport::Trouble> m_fault;
};

}  // namespace postern::native
