// What a checkpoint of an incoming transfer leaves behind for a later process: with the staged content (store/staging.hpp) lies, in clear,
// which transfer it is and where its peer may go on, and, sealed, what it takes to go on there.
//
//   keep()  at each checkpoint of a content that is staged: one write more in the transaction that is made anyway
//   kept()  at the start: the transfers that may be asked for; nothing is opened (the keeper may be sealed)
//   wake()  when one is asked for: its content is copied under a new key, and the reader stands where it stood
//
// A transfer with so many recipients that their fates do not fit beside it (16 KiB, some hundreds) is resumed by the same process only.
#pragma once

#include "mhs/interrupted.hpp"

namespace postern::mhs {

/// Its checkpoint: everything so far outlives a crash, once its envelope was there. On a worker. Errors as StagedContent's.
[[nodiscard]] Status keep(OpenTransfer& open, const std::string& peer);

struct KeptTransfer {
  std::string peer;
  OpenTransfer transfer;  ///< Asleep: without a TransferIn.
};
/// Of those that wait in the area, the oldest first; what cannot be gone on with is forgotten.
[[nodiscard]] Result<std::vector<KeptTransfer>> kept(StagingArea& staging);

/// Makes one that sleeps ready for its next octet. On a worker: it costs a copy of the content. After Unavailable and Exhausted it still
/// sleeps; after another error it is of no use.
[[nodiscard]] Status wake(OpenTransfer& open, const TransferInOptions& options, StagingArea& staging);

}  // namespace postern::mhs
