// One user's mailbox as the rules of the store need it: the port to storage. Rows are small; contents and envelopes are asked for by
// themselves. store/ms_mailbox.hpp has it over the database, ms/testing/ in memory.
//
// Numbers ascend in the order of arrival and are never used again; creation times never go back; children follow their parent at once.
// Every call is one step that is done whole or not at all. Errors are those of the storage (Unavailable, IntegrityFailed, …); the rules
// make service-error of them. Not thread safe: one caller at a time.
#pragma once

#include "ms/register.hpp"

namespace postern::ms {

/// An entry without what is asked for by itself.
struct EntryRow {
  SequenceNumber number = 0;
  SequenceNumber parent = 0;  ///< 0: a main entry.
  std::int64_t created = 0;   ///< Seconds since 1970.
  EntryType type = EntryType::DeliveredMessage;
  RetrievalStatus status = RetrievalStatus::New;
  bool has_content = false;
  std::uint64_t content_length = 0;  ///< Octets; of a child, those of the forwarded message.
  std::string part;                  ///< Of a forwarded message: where it is in the content of the main entry, "2.1"; empty otherwise.
  std::vector<SequenceNumber> children;
  Bytes attributes;  ///< PackedAttributes; empty where the scan asked for none.
  [[nodiscard]] bool is_main() const noexcept { return parent == 0; }
};

/// Rows in ascending order of number.
struct Scan {
  SequenceNumber from = 0;  ///< Both bounds are inclusive.
  SequenceNumber to = ub::messages;
  std::optional<std::int64_t> created_from{};
  std::optional<std::int64_t> created_to{};
  bool children = false;    ///< Else main entries only.
  bool attributes = true;   ///< EntryRow::attributes is needed.
  std::size_t limit = 256;  ///< Rows.
};

class Mailbox {
 public:
  virtual ~Mailbox() = default;
  [[nodiscard]] virtual Result<std::vector<EntryRow>> scan(const Scan& scan) = 0;
  /// nullopt: there is no such entry.
  [[nodiscard]] virtual Result<std::optional<EntryRow>> find(SequenceNumber number) = 0;
  /// PackedAttributes of Source::Details.
  [[nodiscard]] virtual Result<Bytes> details(SequenceNumber number) = 0;
  /// The stored content: of a main entry its own, of a returned content that, of a forwarded message that of the main entry it came in.
  [[nodiscard]] virtual Result<Bytes> content(SequenceNumber number) = 0;
  /// Entries with a lower status get this one; numbers that are gone are passed over.
  [[nodiscard]] virtual Status raise_status(std::span<const SequenceNumber> numbers, RetrievalStatus status) = 0;
  /// Main entries with their children. Numbers that are gone are passed over.
  [[nodiscard]] virtual Status remove(std::span<const SequenceNumber> numbers) = 0;
  [[nodiscard]] virtual Result<RegisteredInformation> registered() = 0;
  [[nodiscard]] virtual Status keep(const RegisteredInformation& registered) = 0;
};

}  // namespace postern::ms
