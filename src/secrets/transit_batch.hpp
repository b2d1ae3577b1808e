// Many inputs in one call of transit: reading `batch_input`, and building `batch_results`.
//
// A call without a batch is a batch of one whose answer has another shape, so that both go the same way. Items borrow from the request.
// Rules of the API: a batch that is not an array of objects, or is empty, fails as a whole; a bad item fails alone, in its place, and
// every result echoes its item's `reference`.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "secrets/memory.hpp"
#include "vault/backend.hpp"

namespace postern::vault {

/// What one item brings. Views borrow from the request; absent and empty differ only where an optional says so.
struct BatchItem {
  std::optional<std::string_view> input;  ///< What the call is about: plaintext, ciphertext or input.
  std::optional<std::string_view> signature, hmac;
  std::string_view context, associated_data, reference;
  std::int64_t key_version = 0;
};

/// How an operation reads its items.
struct BatchShape {
  std::string_view input;    ///< The name of the input field.
  std::string_view missing;  ///< What is said when it is not there.
  bool input_required;       ///< One item without it spoils the whole batch.
};

class Batch {
 public:
  /// From `batch_input`, or of one item from the fields beside it. `fields` must declare batch_input, the input and those of BatchItem that
  /// the operation takes. BadInput as the API words it.
  [[nodiscard]] static Result<Batch> read(const Call& call, const BatchShape& shape);

  [[nodiscard]] const std::vector<BatchItem>& items() const noexcept { return m_items; }
  [[nodiscard]] bool single() const noexcept { return m_single; }
  /// Whether the items bring a context. BadInput when some do and some do not.
  [[nodiscard]] Result<bool> with_context() const;

 private:
  std::vector<BatchItem> m_items;
  bool m_single = true;
};

/// The results, in order, in memory that is wiped.
class BatchAnswer {
 public:
  explicit BatchAnswer(const Batch& batch);
  /// The result of the next item; what is written to it appears in the answer.
  [[nodiscard]] boost::json::object& next();
  /// The next item failed. `empty` is a field that shows nonetheless, with `nothing` in it.
  void fail_next(Error error, std::string_view empty = {}, const boost::json::value& nothing = nullptr);

  /// Calls `work(item, result) -> Status` for each item.
  template <class Work>
  void run(Work work) {
    for (const BatchItem& item : m_batch.items()) {
      boost::json::object& result = next();
      if (auto done = work(item, result); !done) fail_next_again(std::move(done).error());
    }
  }

  /// sign, verify, hmac, rewrap: 200 whatever the items say. A single item's error is the call's.
  [[nodiscard]] Result<Answer> finish() &&;
  /// encrypt, decrypt: 400 (500 for faults of ours) when an item failed, or `partial` when at least one did not.
  [[nodiscard]] Result<Answer> finish_strict(std::optional<std::int64_t> partial) &&;

 private:
  void fail_next_again(Error error);
  const Batch& m_batch;
  boost::json::storage_ptr m_memory;
  boost::json::array m_results;
  std::size_t m_user_errors = 0, m_internal_errors = 0;
  std::optional<Error> m_first;  ///< Of a single item.
};

/// Standard base64 of a client, in memory that is wiped: the bytes, valid until `buffer` is used again. `what` begins the error.
[[nodiscard]] Result<ByteView> decoded(std::string_view text, WipedBuffer& buffer, std::string_view what);

}  // namespace postern::vault
