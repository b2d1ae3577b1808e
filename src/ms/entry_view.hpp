// An entry as attributes: whatever the source of a value, it is asked for in one way.
#pragma once

#include <functional>

#include "ms/attributes.hpp"
#include "ms/mailbox.hpp"

namespace postern::ms {

/// Borrows the row. Details are loaded when the first attribute from there is asked for.
class EntryView {
 public:
  using LoadDetails = std::function<Result<Bytes>(SequenceNumber number)>;
  EntryView(const EntryRow& row, const LoadDetails& load) : m_row(row), m_load(load) {}

  [[nodiscard]] const EntryRow& row() const noexcept { return m_row; }
  /// Empty: the entry does not have the attribute. Not for Source::Content. Errors of the storage.
  [[nodiscard]] Result<std::vector<asn1::Any>> values(const AttributeInfo& info);

 private:
  [[nodiscard]] std::vector<asn1::Any> of_row(const AttributeType& type) const;

  const EntryRow& m_row;
  const LoadDetails& m_load;
  std::optional<Bytes> m_details;
};

}  // namespace postern::ms
