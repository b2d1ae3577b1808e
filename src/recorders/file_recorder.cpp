#include "recorders/file_recorder.hpp"

#include <atomic>

#include "recorders/file_drain.hpp"

namespace postern {

FileRecorder::FileRecorder(LineQueueOptions options, std::unique_ptr<Drain> drain, std::shared_ptr<std::atomic<bool>> reopen)
    : m_reopen(std::move(reopen)), m_queue(std::move(options), std::move(drain)) {}

Result<std::shared_ptr<FileRecorder>> FileRecorder::open(FileOptions options, BlockPort port, const Clock& clock) {
  if (options.blocks && !port) return fail(ErrorCode::BadInput, "a chain needs the audit log that keeps its blocks", "type");
  if (options.sync == FileSync::Line) options.queue.acknowledge = Acknowledge::Drained;
  if (options.blocks) options.queue.first_deadline = std::chrono::seconds(60);
  const LineQueueOptions queue = options.queue;
  auto reopen = std::make_shared<std::atomic<bool>>(false);
  auto drain = std::make_unique<Drain>(std::move(options), std::move(port), clock, reopen);
  std::shared_ptr<FileRecorder> recorder(new FileRecorder(queue, std::move(drain), std::move(reopen)));
  POSTERN_CHECK(recorder->m_queue.first_attempt());
  return recorder;
}

void FileRecorder::reopen() {
  *m_reopen = true;
  m_queue.poke();
}

}  // namespace postern
