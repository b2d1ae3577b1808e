// Data keys without a round trip each: the Vault makes a wrapping key, and under it the data keys of many messages are wrapped here.
//
// A wrapping key (transit datakey/plaintext) serves for a bounded time and number of messages, then the next one is fetched; half-way
// through, tend() fetches it ahead, so that at least half of its life is left whenever the Vault goes away. To read what was wrapped
// before, its wrapping key is decrypted by the Vault once and kept for the same time; callers that need several at once share one batched
// request. Wrapping keys come and go here only; what is stored carries its own, wrapped by the Vault (wrapped_key.hpp).
//
// SP 800-38D 8.3: nonces are random, and the bound on messages (at most 10^8) is far below 2^32. A wrapping key that was read back never
// wraps again, so its count need not be known.
// Thread safe. Errors: those of the Keeper port.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "crypto/aead.hpp"
#include "keys/keeper.hpp"
#include "vaultkeeper/client.hpp"
#include "vaultkeeper/wrapped_key.hpp"

namespace postern::vaultkeeper {

struct DataKeyOptions {
  std::chrono::milliseconds life{600'000};
  std::uint64_t uses = 10'000;
  std::size_t cached = 4096;             ///< Wrapping keys kept for reading, of one transit key.
  std::chrono::milliseconds wait{5000};  ///< For a request that another caller is making.
};

class DataKeys {
 public:
  DataKeys(Client& client, const Clock& clock, DataKeyOptions options) : m_client(client), m_clock(clock), m_options(options) {}

  [[nodiscard]] Result<DataKey> fresh(const KeyName& name, ByteView aad);
  [[nodiscard]] Result<SecretBytes> unwrap(const KeyName& name, ByteView wrapped, ByteView aad);
  /// Under a wrapping key of transit version `latest` or later. What does not verify is not carried on.
  [[nodiscard]] Result<Bytes> rewrap(const KeyName& name, ByteView wrapped, ByteView aad, std::uint32_t latest);
  /// After a rotation: the next message gets a wrapping key of the new version.
  void forget(const KeyName& name);
  /// Fetches the next wrapping keys ahead and drops those whose time is over. There is always one of `always`.
  void tend(const KeyName& always);
  [[nodiscard]] std::size_t cached() const;

  /// A secret under a wrapping key that serves for it alone and is not kept: each opening asks the Vault.
  [[nodiscard]] Result<Bytes> seal_alone(const KeyName& name, std::string_view purpose, ByteView aad, ByteView secret);
  [[nodiscard]] Result<SecretBytes> open_alone(const KeyName& name, std::string_view purpose, ByteView aad, ByteView wrapped);

 private:
  struct Wrapper {
    Wrapper(WrappedBy b, Aead a, SteadyTime now, SteadyTime end) : by(std::move(b)), aead(std::move(a)), born(now), until(end) {}
    WrappedBy by;
    Aead aead;
    SteadyTime born, until;
    std::atomic<std::uint64_t> uses{0};
  };
  using WrapperPtr = std::shared_ptr<Wrapper>;
  struct Slot {
    std::optional<Result<WrapperPtr>> result;
  };
  /// What belongs to one transit key.
  struct Shelf {
    std::mutex mutex;
    std::condition_variable bell;
    WrapperPtr current;
    bool fetching = false;
    bool opening = false;
    SteadyTime retry_at{};  ///< No fetching ahead before.
    std::map<WrappedBy, WrapperPtr> known;
    std::map<WrappedBy, std::shared_ptr<Slot>> wanted;
  };
  [[nodiscard]] Shelf& shelf(const KeyName& name);
  [[nodiscard]] std::vector<std::pair<KeyName, Shelf*>> shelves() const;
  [[nodiscard]] Result<WrapperPtr> fetch(const KeyName& name);
  [[nodiscard]] Result<WrapperPtr> current(const KeyName& name, std::uint32_t least);
  [[nodiscard]] Result<Bytes> wrap(const KeyName& name, ByteView data_key, ByteView aad, std::uint32_t least);
  [[nodiscard]] Result<WrapperPtr> opened(const KeyName& name, const WrappedBy& by);
  void open_wanted(const KeyName& name, Shelf& shelf, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::vector<Result<WrapperPtr>> open_batch(const KeyName& name, const std::vector<WrappedBy>& batch);
  [[nodiscard]] Result<WrapperPtr> wrapper(WrappedBy by, const SecretBytes& key) const;
  void remember(Shelf& shelf, const WrapperPtr& wrapper) const;
  void renew_ahead(const KeyName& name, Shelf& shelf);

  Client& m_client;
  const Clock& m_clock;
  const DataKeyOptions m_options;
  mutable std::mutex m_mutex;
  std::map<KeyName, std::unique_ptr<Shelf>> m_shelves;  // grows only: one per transit key that wraps
};

}  // namespace postern::vaultkeeper
