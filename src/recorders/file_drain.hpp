// The thread's side of FileRecorder: the file itself. Not for other rooms.
#pragma once

#include <atomic>

#include "recorders/file_recorder.hpp"

namespace postern {

class FileRecorder::Drain final : public LineDrain {
 public:
  Drain(FileOptions options, BlockPort port, const Clock& clock, std::shared_ptr<std::atomic<bool>> reopen);
  ~Drain() override;
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  [[nodiscard]] Outcome drain(std::string_view lines) override;
  [[nodiscard]] Status recover() override;
  [[nodiscard]] bool wants_tick() const override { return m_unsynced || (m_blocks && m_blocks->is_open()); }
  [[nodiscard]] Status tick() override;
  [[nodiscard]] Status finish() override;

 private:
  [[nodiscard]] Status open();
  [[nodiscard]] Status try_open();
  [[nodiscard]] Status look_at_content(std::uint64_t size);
  [[nodiscard]] Status look_at_blocks(std::uint64_t size);
  [[nodiscard]] Status end_torn_line();
  void close() noexcept;
  [[nodiscard]] Status follow_rotation();
  [[nodiscard]] bool was_rotated() const;
  [[nodiscard]] bool is_deleted() const;
  [[nodiscard]] Outcome append(std::string_view lines);
  void cut_torn_line(std::size_t torn) noexcept;
  [[nodiscard]] Status sync();
  [[nodiscard]] tl::unexpected<Error> disk_error(int code, std::string_view doing) const;

  FileOptions m_options;
  const Clock& m_clock;
  std::shared_ptr<std::atomic<bool>> m_reopen;
  std::optional<BlockCollector> m_blocks;
  int m_fd = -1;
  bool m_regular = false;
  bool m_torn = false;      // the file ends in half a line
  bool m_unsynced = false;  // lines since the last fdatasync
  SteadyTime m_synced{};
};

}  // namespace postern
