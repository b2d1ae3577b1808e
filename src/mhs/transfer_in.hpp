// One APDU on its way in: its octets as RTSE brings them become an envelope and a content that is in memory while it is small, and staged
// (store/staging.hpp) when it is not.
//
//   Octets between two checkpoints are kept back until the checkpoint, so that what is staged never goes past what was confirmed: after a
//   cut, back_to_checkpoint() takes the reader back and the transfer goes on without a copy.
//
// Threads: one at a time; append(), checkpoint() and finish() may wait for the disk: on a worker, not on an event loop.
#pragma once

#include <functional>

#include "mhs/stored.hpp"
#include "mts/transfer_stream.hpp"
#include "store/staging.hpp"

namespace postern::mhs {

/// A whole APDU that waits for the MTA's decision. A message's content is in `content` or, with frame and envelope in front of it, in
/// `staged`.
struct Incoming {
  mts::MTSApdu apdu;                      ///< Of a message only the envelope: its content is empty here.
  MessageId id;                           ///< The queue's name for it.
  std::string content;                    ///< Of a message whose content is in memory.
  std::shared_ptr<StagedContent> staged;  ///< Of another one, finished; the stored form, with the envelope as `seen` left it.
  std::uint64_t content_size = 0;
  std::vector<asn1::Quirk> quirks;
};

struct TransferInOptions {
  std::size_t memory = 512U * 1024;  ///< Contents above it are staged.
  mts::ApduReader::Limits limits;
};

class TransferIn {
 public:
  /// Looks at an envelope as soon as it is whole, before the content: notes the arrival in its trace. An error ends the transfer.
  using Seen = std::function<Status(mts::MessageTransferEnvelope&)>;

  TransferIn(TransferInOptions options, StagingArea& staging, MessageId id, Seen seen);
  /// Goes on where another one's checkpoint was: `reader` with the envelope in it, `octets` of the APDU, the content staged so far.
  TransferIn(TransferInOptions options, StagingArea& staging, std::shared_ptr<StagedContent> staged, mts::ApduReader reader,
             std::uint64_t octets);

  /// The next octets of the APDU. BadInput, TooLarge: the peer's; others are ours and may pass.
  [[nodiscard]] Status append(ByteView octets);
  /// back_to_checkpoint() comes here. Once the envelope was there, everything so far outlives a crash, with what its owner wants to know
  /// then (StagedContent::checkpoint).
  [[nodiscard]] Status checkpoint(std::string note, Bytes secret);
  /// False: there was no checkpoint to go back to, or octets behind it had to be staged (a peer that sets fewer than was agreed).
  [[nodiscard]] bool back_to_checkpoint();
  /// All octets were there. BadInput: the APDU is not whole.
  [[nodiscard]] Result<Incoming> finish();

  [[nodiscard]] const MessageId& id() const noexcept { return m_id; }
  /// Octets of the APDU: so far, and as of the last checkpoint.
  [[nodiscard]] std::uint64_t octets() const noexcept { return m_now.octets; }
  [[nodiscard]] std::uint64_t safe_octets() const noexcept { return m_kept.octets; }
  /// Whether its checkpoints outlive a crash: the envelope is there.
  [[nodiscard]] bool is_staged() const noexcept { return m_now.enveloped; }
  /// Where its reader stands (mts::ApduReader::save).
  [[nodiscard]] Bytes state() const { return m_now.reader.save(); }

 private:
  struct Place {
    mts::ApduReader reader;
    std::uint64_t octets = 0;  ///< Of the APDU.
    Bytes content;             ///< Not staged (yet).
    bool enveloped = false;
  };
  [[nodiscard]] Status take_envelope();
  [[nodiscard]] Status stage();

  TransferInOptions m_options;
  StagingArea& m_staging;
  MessageId m_id;
  Seen m_seen;
  Place m_now, m_kept;
  Bytes m_front;  ///< Frame and envelope, from take_envelope().
  std::shared_ptr<StagedContent> m_staged;
  bool m_ahead = false;  ///< What is staged goes past the last checkpoint.
};

}  // namespace postern::mhs
