// A queue item of the MTS as a courier needs it: what it is, for whom of its recipients it is due, and its content to read.
#pragma once

#include <variant>

#include "mhs/fate.hpp"
#include "mhs/stored.hpp"
#include "mts/p1.hpp"
#include "spool/spool.hpp"

namespace postern::mhs {

/// One due recipient: his place in the queue item and what was decided about him.
struct DueFate {
  std::uint32_t index = 0;  ///< DueRecipient::index.
  Fate fate;
  unsigned attempts = 0;
};

class Outgoing {
 public:
  /// Reads the head. Errors as Spool::load(); IntegrityFailed also for an item that is none of ours. Waits for the disk where the item is
  /// not in memory: on a worker.
  [[nodiscard]] static Result<Outgoing> load(Spool& spool, const Work& work);

  [[nodiscard]] const QueueItem& item() const noexcept { return *m_item; }
  [[nodiscard]] StoredKind kind() const noexcept { return m_frame.kind; }
  /// Of a message its content is empty: read it.
  [[nodiscard]] const mts::MTSApdu& apdu() const noexcept { return m_apdu; }
  [[nodiscard]] mts::MTSApdu& apdu() noexcept { return m_apdu; }
  [[nodiscard]] const std::vector<DueFate>& due() const noexcept { return m_due; }
  [[nodiscard]] bool in_memory() const noexcept { return m_item->content != nullptr; }

  /// Who gets it: the recipient, or of a report where it goes.
  [[nodiscard]] oraddress::ORAddress owner(const DueFate& due) const;
  [[nodiscard]] std::uint64_t content_size() const noexcept;
  /// Where a message's content begins in the stored item.
  [[nodiscard]] std::uint64_t content_at() const noexcept { return m_frame.content_at(); }
  /// Octets of a message's content from `offset` on; 0 at its end. May wait for the disk unless in_memory().
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, ByteSpan out);
  /// The first `size` octets of it, at most content_size(). IntegrityFailed: they are not there.
  [[nodiscard]] Result<Bytes> read_front(std::uint64_t size);

 private:
  [[nodiscard]] Status read_head(Spool& spool);

  std::shared_ptr<const QueueItem> m_item;
  std::optional<ContentReader> m_reader;
  StoredFrame m_frame;
  mts::MTSApdu m_apdu;
  std::vector<DueFate> m_due;
};

}  // namespace postern::mhs
