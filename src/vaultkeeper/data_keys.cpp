#include "vaultkeeper/data_keys.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kBatch = 128;
constexpr std::chrono::seconds kRetry{5};
constexpr std::string_view kDataKey = "data key";

tl::unexpected<Error> waited_too_long(const KeyName& name) {
  return fail(ErrorCode::Unavailable, "the external Vault is slow: another caller still waits for the same key", name.get());
}

Result<Bytes> seal_with(const Aead& aead, const WrappedBy& by, const KeyName& name, std::string_view purpose, ByteView aad,
                        ByteView secret) {
  if (secret.empty() || secret.size() + kAeadNonce + kAeadTag > kSealedMost)
    return fail(ErrorCode::TooLarge, "a secret to be wrapped has 1 byte to 64 KiB", name.get());
  POSTERN_TRY(Bytes sealed, aead.seal_random(wrap_aad(by, name.get(), purpose, aad), secret));
  return write_wrapped_key({by, std::move(sealed)});
}

Result<SecretBytes> open_with(const Aead& aead, const WrappedKey& wrapped, const KeyName& name, std::string_view purpose, ByteView aad) {
  return aead.open_random(wrap_aad(wrapped.by, name.get(), purpose, aad), wrapped.sealed);
}

}  // namespace

DataKeys::Shelf& DataKeys::shelf(const KeyName& name) {
  const std::lock_guard lock(m_mutex);
  auto& place = m_shelves[name];
  if (!place) place = std::make_unique<Shelf>();
  return *place;
}

std::vector<std::pair<KeyName, DataKeys::Shelf*>> DataKeys::shelves() const {
  const std::lock_guard lock(m_mutex);
  std::vector<std::pair<KeyName, Shelf*>> out;
  for (const auto& [name, place] : m_shelves) out.emplace_back(name, place.get());
  return out;
}

Result<DataKeys::WrapperPtr> DataKeys::wrapper(WrappedBy by, const SecretBytes& key) const {
  if (key.size() != kKey) return fail(ErrorCode::Unavailable, "the external Vault gives a key of a wrong size");
  POSTERN_TRY(Aead aead, Aead::create(AeadAlgorithm::Aes256Gcm, key.view()));
  const SteadyTime now = m_clock.steady();
  return std::make_shared<Wrapper>(std::move(by), std::move(aead), now, now + m_options.life);
}

// Wrapping ---------------------------------------------------------------------------------------------------------------------------

Result<DataKeys::WrapperPtr> DataKeys::fetch(const KeyName& name) {
  const Ask ask{.path = m_client.path("datakey/plaintext/" + name.get()), .body = BodyWriter().number("bits", 256).take()};
  POSTERN_TRY(const Answer answer, m_client.call(ask, "update"));
  POSTERN_TRY(const std::string_view text, text_of(answer.data(), "ciphertext"));
  POSTERN_TRY(const SecretBytes key, secret_of(answer.data(), "plaintext"));
  auto by = read_vault_text(text);
  if (!by) return fail(ErrorCode::Unavailable, "the external Vault gives a data key of an unknown form", name.get());
  return wrapper(*std::move(by), key);
}

/// The wrapping key in use; one caller fetches, the others wait for it.
Result<DataKeys::WrapperPtr> DataKeys::current(const KeyName& name, std::uint32_t least) {
  Shelf& place = shelf(name);
  std::unique_lock lock(place.mutex);
  for (;;) {
    const WrapperPtr& now = place.current;
    if (now && now->by.version >= least && m_clock.steady() < now->until && now->uses.fetch_add(1) < m_options.uses) return now;
    if (place.fetching) {
      if (place.bell.wait_for(lock, m_options.wait) == std::cv_status::timeout && place.fetching) return waited_too_long(name);
      continue;
    }
    place.fetching = true;
    lock.unlock();
    auto fetched = fetch(name);
    lock.lock();
    place.fetching = false;
    place.bell.notify_all();
    if (!fetched) return fail(std::move(fetched).error());
    place.current = *fetched;
    remember(place, *fetched);
    least = std::min(least, (*fetched)->by.version);  // a Vault that was asked just now has no later one
  }
}

Result<Bytes> DataKeys::wrap(const KeyName& name, ByteView data_key, ByteView aad, std::uint32_t least) {
  POSTERN_TRY(const WrapperPtr with, current(name, least));
  return seal_with(with->aead, with->by, name, kDataKey, aad, data_key);
}

Result<DataKey> DataKeys::fresh(const KeyName& name, ByteView aad) {
  SecretBytes plaintext = random_key(kKey);
  POSTERN_TRY(Bytes wrapped, wrap(name, plaintext.view(), aad, 0));
  return DataKey{std::move(plaintext), std::move(wrapped)};
}

void DataKeys::forget(const KeyName& name) {
  Shelf& place = shelf(name);
  const std::lock_guard lock(place.mutex);
  place.current.reset();
}

// Reading ----------------------------------------------------------------------------------------------------------------------------

// The caller holds the shelf's mutex.
void DataKeys::remember(Shelf& place, const WrapperPtr& opened) const {
  if (place.known.size() >= m_options.cached) {
    const auto oldest = std::ranges::min_element(place.known, {}, [](const auto& entry) { return entry.second->until; });
    if (oldest != place.known.end()) place.known.erase(oldest);
  }
  place.known.insert_or_assign(opened->by, opened);
}

std::vector<Result<DataKeys::WrapperPtr>> DataKeys::open_batch(const KeyName& name, const std::vector<WrappedBy>& batch) {
  std::vector<std::string> texts;
  for (const WrappedBy& by : batch) texts.push_back(by.text());
  const Ask ask{.path = m_client.path("decrypt/" + name.get()), .body = BodyWriter().batch("batch_input", "ciphertext", texts).take()};
  const auto answer = m_client.call(ask, "update");
  if (!answer) {
    // A key that is gone over there is a loss to be mended there, not damage of what is stored here.
    Error error = answer.error();
    if (error.code == ErrorCode::NotFound) error.code = ErrorCode::Unavailable;
    return {batch.size(), Result<WrapperPtr>(fail(std::move(error)))};
  }
  const auto* member = answer->data() == nullptr ? nullptr : answer->data()->if_contains("batch_results");
  const auto* results = member == nullptr ? nullptr : member->if_array();
  if (results == nullptr || results->size() != batch.size())
    return {batch.size(),
            Result<WrapperPtr>(fail(ErrorCode::Unavailable, "the external Vault does not answer a batch as asked", name.get()))};
  std::vector<Result<WrapperPtr>> out;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto* item = (*results)[i].if_object();
    const auto error = text_of(item, "error");
    if (error && !error->empty()) {
      out.emplace_back(
          fail(meaning_of(*error), "the external Vault does not open the wrapping key of stored data: " + printable(*error), name.get()));
      continue;
    }
    const auto key = secret_of(item, "plaintext");
    out.push_back(key ? wrapper(batch[i], *key) : Result<WrapperPtr>(fail(ErrorCode::Unavailable, key.error().text(), name.get())));
  }
  return out;
}

/// One request for all that is wanted now; what comes meanwhile goes with the next.
void DataKeys::open_wanted(const KeyName& name, Shelf& place, std::unique_lock<std::mutex>& lock) {
  std::vector<WrappedBy> batch;
  std::vector<std::shared_ptr<Slot>> slots;
  while (!place.wanted.empty() && batch.size() < kBatch) {
    auto node = place.wanted.extract(place.wanted.begin());
    batch.push_back(std::move(node.key()));
    slots.push_back(std::move(node.mapped()));
  }
  place.opening = true;
  lock.unlock();
  auto results = open_batch(name, batch);
  lock.lock();
  place.opening = false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (results[i]) remember(place, *results[i]);
    slots[i]->result = std::move(results[i]);
  }
  place.bell.notify_all();
}

Result<DataKeys::WrapperPtr> DataKeys::opened(const KeyName& name, const WrappedBy& by) {
  Shelf& place = shelf(name);
  std::unique_lock lock(place.mutex);
  if (const auto known = place.known.find(by); known != place.known.end() && m_clock.steady() < known->second->until) return known->second;
  auto& wanted = place.wanted[by];
  if (!wanted) wanted = std::make_shared<Slot>();
  const std::shared_ptr<Slot> slot = wanted;
  while (!slot->result) {
    if (!place.opening)
      open_wanted(name, place, lock);
    else if (place.bell.wait_for(lock, m_options.wait) == std::cv_status::timeout && !slot->result && place.opening)
      return waited_too_long(name);
  }
  return *slot->result;
}

Result<SecretBytes> DataKeys::unwrap(const KeyName& name, ByteView wrapped, ByteView aad) {
  POSTERN_TRY(const WrappedKey key, read_wrapped_key(wrapped));
  POSTERN_TRY(const WrapperPtr with, opened(name, key.by));
  return open_with(with->aead, key, name, kDataKey, aad);
}

Result<Bytes> DataKeys::rewrap(const KeyName& name, ByteView wrapped, ByteView aad, std::uint32_t latest) {
  POSTERN_TRY(const SecretBytes plaintext, unwrap(name, wrapped, aad));
  return wrap(name, plaintext.view(), aad, latest);
}

// Alone ------------------------------------------------------------------------------------------------------------------------------

Result<Bytes> DataKeys::seal_alone(const KeyName& name, std::string_view purpose, ByteView aad, ByteView secret) {
  POSTERN_TRY(const WrapperPtr with, fetch(name));
  return seal_with(with->aead, with->by, name, purpose, aad, secret);
}

Result<SecretBytes> DataKeys::open_alone(const KeyName& name, std::string_view purpose, ByteView aad, ByteView wrapped) {
  POSTERN_TRY(const WrappedKey key, read_wrapped_key(wrapped));
  POSTERN_TRY(const WrapperPtr with, open_batch(name, {key.by}).front());
  return open_with(with->aead, key, name, purpose, aad);
}

// Time -------------------------------------------------------------------------------------------------------------------------------

void DataKeys::renew_ahead(const KeyName& name, Shelf& place) {
  {
    const std::lock_guard lock(place.mutex);
    const SteadyTime now = m_clock.steady();
    if (place.fetching || now < place.retry_at) return;
    const Wrapper* with = place.current.get();
    if (with != nullptr && now < with->born + m_options.life / 2 && with->uses.load() <= m_options.uses / 2) return;
  }
  auto next = fetch(name);
  const std::lock_guard lock(place.mutex);
  if (!next) {
    place.retry_at = m_clock.steady() + kRetry;
    return log::debug("vaultkeeper.data_key_not_renewed", {{"key", name.get()}, {"reason", next.error()}});
  }
  place.current = *next;
  remember(place, *next);
}

void DataKeys::tend(const KeyName& always) {
  (void)shelf(always);
  for (const auto& [name, place] : shelves()) {
    std::unique_lock lock(place->mutex);
    const SteadyTime now = m_clock.steady();
    std::erase_if(place->known, [now](const auto& entry) { return now >= entry.second->until; });
    if (place->current && now >= place->current->until) place->current.reset();
    const bool wanted = place->current != nullptr || name == always;
    lock.unlock();
    if (wanted) renew_ahead(name, *place);
  }
}

std::size_t DataKeys::cached() const {
  std::size_t count = 0;
  for (const auto& [name, place] : shelves()) {
    const std::lock_guard lock(place->mutex);
    count += place->known.size();
  }
  return count;
}

}  // namespace postern::vaultkeeper
