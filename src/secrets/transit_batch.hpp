// Many inputs in one call of transit: reading `batch_input`, and building `batch_results`.
//
// A call without a batch is a batch of one whose answer has another shape, so both go the same way. Items borrow from the request.
// Rules of the API: a batch that is no array of objects, or is empty, fails as a whole; a bad item fails alone, in its place; every result
// echoes its item's `reference`.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "vault/backend.hpp"
#include "vault/memory.hpp"

namespace postern::vault {

/// What one item brings. Views borrow from the request.
struct BatchItem {
  std::optional<std::string_view> input;  ///< What the call is about: plaintext, ciphertext or input.
  std::optional<std::string_view> signature, hmac;
  std::string_view context, associated_data, reference;
  std::uint32_t key_version = 0;
  bool foreign = false;  ///< It has a `nonce`, which this engine does not take.
};

/// How an operation reads its items.
struct BatchShape {
  std::string_view input;       ///< The name of the input field.
  std::string_view missing;     ///< What is said when it is not there.
  bool input_required = false;  ///< One item without it spoils the whole batch.
};

class Batch {
 public:
  /// From `batch_input`, or of one item from the fields beside it. The path declares batch_input, key_version and those of BatchItem that
  /// it takes. BadInput as the API words it.
  [[nodiscard]] static Result<Batch> read(const Call& call, const BatchShape& shape);

  /// For operations that have no batches: `batch_input` is not looked at.
  [[nodiscard]] static Result<Batch> read_one(const Call& call, const BatchShape& shape);

  [[nodiscard]] const std::vector<BatchItem>& items() const noexcept { return m_items; }
  [[nodiscard]] bool single() const noexcept { return m_single; }
  /// Whether the items bring a context. BadInput when some do and some do not.
  [[nodiscard]] Result<bool> with_context() const;

 private:
  std::vector<BatchItem> m_items;
  bool m_single = true;
};

/// The results, in order, in memory that is wiped. The batch must outlive it.
class BatchAnswer {
 public:
  explicit BatchAnswer(const Batch& batch);

  /// Calls `work(item, result) -> Status` for each item; `result` is the object that the client will see.
  template <class Work>
  void run(Work work) {
    for (const BatchItem& item : m_batch.items()) {
      boost::json::object& result = next();
      Status done = work(item, result);
      if (!done) put_error(result, std::move(done).error());
      if (!m_batch.single()) result.emplace("reference", item.reference);
    }
  }
  [[nodiscard]] bool failed() const noexcept { return m_user_errors + m_internal_errors > 0; }

  /// sign, verify, hmac, rewrap: 200 whatever the items say. A single item's error is the call's.
  [[nodiscard]] Result<Answer> finish() &&;
  /// encrypt, decrypt: 400 (500 for faults of ours) when an item failed, or `partial` (1 to 599) when at least one did not.
  [[nodiscard]] Result<Answer> finish_strict(std::optional<std::int64_t> partial) &&;

 private:
  [[nodiscard]] boost::json::object& next();
  void put_error(boost::json::object& result, Error error);
  const Batch& m_batch;
  boost::json::storage_ptr m_memory;
  boost::json::array m_results;
  std::size_t m_user_errors = 0, m_internal_errors = 0;
  std::optional<Error> m_first;
};

/// Standard base64 of a client, decoded into `buffer`: valid until that is used again. BadInput: `failed to base64-decode WHAT`.
[[nodiscard]] Result<ByteView> decoded(std::string_view text, WipedBuffer& buffer, std::string_view what);
/// Base64 of `bytes` as a member of `object`, without a copy that stays behind.
void put_base64(boost::json::object& object, std::string_view name, ByteView bytes);
/// A version as clients give it; what no key can have (negative, huge) becomes BadInput.
[[nodiscard]] Result<std::uint32_t> key_version_from(std::int64_t number);
/// What the engine says about a client's request is the client's fault: 400, as the API has it. Faults of ours stay what they are.
[[nodiscard]] Error as_client_error(Error error);
template <class T>
[[nodiscard]] Result<T> for_client(Result<T> result) {
  if (!result) return fail(as_client_error(std::move(result).error()));
  return result;
}

}  // namespace postern::vault
