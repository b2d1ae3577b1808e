// The Keeper port over a link: what code in the gate holds instead of the keeper itself.
//
// Threads: all calls from any number of threads at once; each blocks for its answer, at most until its deadline. Errors besides the
// keeper's own: Unavailable (no keeper within the deadline; or the keeper went away during a call that changes something, and whether it
// happened is unknown), Exhausted (too many calls under way), TooLarge (over kMaxFrame), Denied (the role of this channel).
// Calls that only use or read keys, and ensure(), are sent again when the keeper was restarted; see link.hpp.
// Holds no key material; plaintexts and data keys pass through buffers that are wiped.
#pragma once

#include <mutex>

#include "custody/link.hpp"

namespace postern::custody {

struct RemoteKeeperOptions {
  std::chrono::milliseconds deadline{15000};
  std::chrono::milliseconds slow_deadline{60000};  ///< Of calls that run on the keeper's pool: key generation, RSA, OpenPGP, storage.
  std::chrono::milliseconds glance{50};            ///< Of ready() and state(), which loops call; then what was known before is said.
  std::chrono::milliseconds fresh{50};             ///< So long a keeper that said that it is ready is believed without a question.
  std::chrono::milliseconds patience{3000};        ///< A keeper that is restarted is back within it; longer away is not ready.
};

class RemoteKeeper final : public Keeper {
 public:
  explicit RemoteKeeper(std::shared_ptr<Link> link, RemoteKeeperOptions options = {});

  /// Waits for the first word of a keeper, as long as a quick call may take. Until then nothing is known of it.
  [[nodiscard]] Status meet();
  /// The key of the mail database (empty: it has none), found by the keeper. Errors: those of its source.
  [[nodiscard]] Result<SecretBytes> database_key();
  /// Both ask with a deadline of `glance`, when a channel is there and the last question was answered in time; and after that
  /// what was known. ready(), which every connection asks, asks no more often than `fresh`, unless this process has changed something
  /// since: who seals the engine through us is turned away with the next connection.
  [[nodiscard]] KeeperState state() const override;
  [[nodiscard]] Status ready() override;
  /// Changes through the link by whomever (the engine's API as well), and keepers that came.
  [[nodiscard]] std::uint64_t epoch() const noexcept override;
  [[nodiscard]] Result<KeyInfo> create(const KeyName& name, KeyType type) override;
  [[nodiscard]] Result<KeyInfo> describe(const KeyName& name) override;
  [[nodiscard]] Result<std::vector<KeyName>> list() override;
  [[nodiscard]] Result<KeyInfo> rotate(const KeyName& name) override;
  [[nodiscard]] Result<KeyInfo> configure(const KeyName& name, const KeySettings& settings) override;
  [[nodiscard]] Status remove(const KeyName& name) override;
  [[nodiscard]] Result<PublicKey> public_key(const KeyName& name, std::uint32_t version = 0) override;
  [[nodiscard]] Result<Bytes> sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) override;
  [[nodiscard]] Later<Bytes> begin_sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) override;
  [[nodiscard]] std::vector<Later<DataKey>> begin_data_keys(const KeyName& name, std::span<const std::string> aads) override;
  [[nodiscard]] Status verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data,
                              ByteView signature) override;
  [[nodiscard]] Result<Bytes> mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) override;
  [[nodiscard]] Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version = 0) override;
  [[nodiscard]] Result<SecretBytes> decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) override;
  [[nodiscard]] Result<DataKey> new_data_key(const KeyName& name, ByteView aad) override;
  [[nodiscard]] Result<SecretBytes> unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) override;
  [[nodiscard]] Result<Bytes> rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) override;
  [[nodiscard]] Result<SecretBytes> decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options,
                                                 ByteView ciphertext) override;
  [[nodiscard]] Result<SecretBytes> decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext,
                                                  std::size_t expected_size) override;
  [[nodiscard]] Result<SecretBytes> agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) override;
  [[nodiscard]] Result<KeyInfo> openpgp_create(const KeyName& name, std::string_view user_id) override;
  [[nodiscard]] Result<std::string> openpgp_certificate(const KeyName& name, std::uint32_t version = 0) override;
  [[nodiscard]] Result<std::string> openpgp_sign_detached(const KeyName& name, ByteView data) override;
  [[nodiscard]] Result<std::string> openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients,
                                                         ByteView plaintext) override;
  [[nodiscard]] Result<OpenPgpOpened> openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) override;
  [[nodiscard]] Result<KeyInfo> ensure(const KeyName& name, KeyType type) override;

 private:
  template <Call kCall, class... A>
  [[nodiscard]] typename RowOf<kCall>::Answer ask(const A&... arguments);
  template <Call kCall, class... A>
  [[nodiscard]] typename RowOf<kCall>::Answer ask_within(std::chrono::milliseconds patience, const A&... arguments) const;
  template <Call kCall, class... A>
  [[nodiscard]] Later<typename RowOf<kCall>::Value> begin(Link::Send when, const A&... arguments);
  template <Call kCall>
  [[nodiscard]] std::chrono::milliseconds patience_of() const noexcept {
    return RowOf<kCall>::kPace == Pace::Quick ? m_options.deadline : m_options.slow_deadline;
  }
  template <Call kCall, class... A>
  [[nodiscard]] Result<Link::Order> order_of(std::chrono::milliseconds patience, const A&... arguments) const;
  [[nodiscard]] KeeperCondition look() const;
  [[nodiscard]] bool may_ask() const;
  [[nodiscard]] bool is_fresh() const;
  [[nodiscard]] KeeperCondition known() const;

  const std::shared_ptr<Link> m_link;
  const RemoteKeeperOptions m_options;

  /// What the keeper said of itself last. While it is away for no longer than a restart takes, it is what it was.
  struct Known {
    KeeperCondition condition;
    SteadyTime answered{};   ///< When; the epoch: never.
    LinkCounts then{};       ///< When it was asked.
    SteadyTime ask_again{};  ///< Not before: somebody waited for `glance` in vain.
  };
  mutable std::mutex m_mutex;
  mutable Known m_known;
};

/// What a keeper's answer to `R` says; Unavailable when it cannot be read. Total.
template <class R>
[[nodiscard]] typename R::Answer read_answer(ByteView body) {
  const auto unreadable = [](const Error& why) {
    return fail(ErrorCode::Unavailable, "the keeper's answer cannot be read: " + why.text());
  };
  Reader in(body);
  if constexpr (std::is_void_v<typename R::Value>) {
    if (const Status end = in.end(); !end) return unreadable(end.error());
    return {};
  } else {
    Result<typename R::Value> value = Codec<typename R::Value>::read(in);
    if (!value) return unreadable(value.error());
    if (const Status end = in.end(); !end) return unreadable(end.error());
    return value;
  }
}

}  // namespace postern::custody
