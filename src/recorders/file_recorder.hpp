// Audit lines appended to a file.
//
// Opened O_APPEND with mode 0600 unless told otherwise; one write(2) of whole lines at a time, so that lines are never mixed, also not with
// those of another process. A file that was renamed or removed (rotation) is opened anew with the next batch. A full or failing disk
// refuses lines from the first failed write on; half a line that it left behind is cut off again. A FIFO is never waited for: no reader, or
// a full one, is a failure. See line_queue.hpp for why the caller never waits, and what that costs.
#pragma once

#include <sys/types.h>

#include <optional>

#include "recorders/blocks.hpp"
#include "recorders/line_queue.hpp"
#include "recorders/recorder.hpp"

namespace postern {

enum class FileSync {
  Never,   ///< The operating system decides; a power cut costs about half a minute.
  Second,  ///< fdatasync about once a second.
  Line,    ///< Each write() waits until its line is on the disk (callers share one fdatasync).
};

struct FileOptions {
  std::string path;  ///< Absolute; or "stdout", "discard".
  mode_t mode = 0600;
  FileSync sync = FileSync::Second;
  LineQueueOptions queue;
  std::optional<BlockOptions> blocks;  ///< Device type "chain".
};

class FileRecorder final : public Recorder {
 public:
  /// Opens the file; the error says why not. `port` is needed with `blocks` and must stay callable until the recorder is gone; the clock
  /// too.
  [[nodiscard]] static Result<std::shared_ptr<FileRecorder>> open(FileOptions options, BlockPort port, const Clock& clock);

  [[nodiscard]] Status write(std::string_view line) override { return m_queue.write(line); }
  [[nodiscard]] Result<std::uint64_t> offer(std::string_view line) override { return m_queue.offer(line); }
  [[nodiscard]] Result<bool> has_come_to(std::uint64_t position) const override { return m_queue.has_come_to(position); }
  void ring_when_further(std::function<void()> bell) override { m_queue.ring_when_further(std::move(bell)); }
  [[nodiscard]] std::uint64_t lost() const noexcept override { return m_queue.lost(); }
  void reopen() override;
  [[nodiscard]] bool flush(std::chrono::milliseconds patience) override { return m_queue.flush(patience); }

 private:
  class Drain;
  FileRecorder(LineQueueOptions options, std::unique_ptr<Drain> drain, std::shared_ptr<std::atomic<bool>> reopen);
  std::shared_ptr<std::atomic<bool>> m_reopen;
  LineQueue m_queue;
};

}  // namespace postern
