// What is open in this process: the native stacks that hosts opened, by their numbers, and what they want to be told.
#pragma once

#include "arguments.hpp"
#include "transport/native_stack.hpp"

namespace postern::native {

class Library {
 public:
  /// A profile is nothing (or "native"), or a file NAME.toml in the settings' profiles_dir: what is in it comes with each bind().
  [[nodiscard]] static transport::Outcome<std::shared_ptr<Library>> open(const Arguments::Opening& opening);
  [[nodiscard]] transport::NativeStack& stack() noexcept { return *m_stack; }
  /// To the host's log, which lives until close() returns. No secrets.
  void say(std::uint32_t level, std::string_view text) const;

 private:
  std::unique_ptr<transport::NativeStack> m_stack;
  void (*m_log)(void* log_data, std::uint32_t level, postern_x400_text text) = nullptr;
  void* m_log_data = nullptr;
};

/// Thread safe. A library that was taken stays until its last call ends.
class Libraries {
 public:
  [[nodiscard]] std::uint64_t add(std::shared_ptr<Library> library);
  /// nullptr: there is none.
  [[nodiscard]] std::shared_ptr<Library> find(std::uint64_t handle) const;
  [[nodiscard]] std::shared_ptr<Library> of_association(std::uint64_t association) const;
  [[nodiscard]] std::shared_ptr<Library> take(std::uint64_t handle);

 private:
  mutable std::mutex m_mutex;
  std::map<std::uint64_t, std::shared_ptr<Library>> m_all;
};
/// Never destroyed: threads of the host may still call while the process ends.
[[nodiscard]] Libraries& libraries();

}  // namespace postern::native
