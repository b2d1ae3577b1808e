#include "custody/remote_keeper.hpp"

namespace postern::custody {

namespace {
constexpr auto kPauseAfterSilence = std::chrono::milliseconds(500);
}

RemoteKeeper::RemoteKeeper(std::shared_ptr<Link> link, RemoteKeeperOptions options) : m_link(std::move(link)), m_options(options) {}

template <Call kCall, class... A>
typename RowOf<kCall>::Answer RemoteKeeper::ask(const A&... arguments) {
  return ask_within<kCall>(patience_of<kCall>(), arguments...);
}

template <Call kCall, class... A>
typename RowOf<kCall>::Answer RemoteKeeper::ask_within(std::chrono::milliseconds patience, const A&... arguments) const {
  POSTERN_TRY(Link::Order order, order_of<kCall>(patience, arguments...));
  POSTERN_TRY(const WipedBytes body, m_link->call(std::move(order)));
  return read_answer<RowOf<kCall>>(body);
}

template <Call kCall, class... A>
Later<typename RowOf<kCall>::Value> RemoteKeeper::begin(Link::Send when, const A&... arguments) {
  using R = RowOf<kCall>;
  POSTERN_TRY(Link::Order order, order_of<kCall>(patience_of<kCall>(), arguments...));
  POSTERN_TRY(Link::Flight flight, m_link->begin(std::move(order), when));
  // Shared because a std::function wants to be copied; nobody copies it. The link lives as long as the flight.
  auto under_way = std::make_shared<std::pair<std::shared_ptr<Link>, Link::Flight>>(m_link, std::move(flight));
  return Later<typename R::Value>([under_way]() -> typename R::Answer {
    POSTERN_TRY(const WipedBytes body, std::move(under_way->second).land());
    return read_answer<R>(body);
  });
}

template <Call kCall, class... A>
Result<Link::Order> RemoteKeeper::order_of(std::chrono::milliseconds patience, const A&... arguments) const {
  using R = RowOf<kCall>;
  Writer out = begin_request(static_cast<std::uint8_t>(kCall));
  R::write(out, arguments...);
  POSTERN_TRY(WipedBytes frame, std::move(out).finish());
  return Link::Order{.frame = std::move(frame),
                     .deadline = std::chrono::steady_clock::now() + patience,
                     .nature = R::kNature,
                     .quick = R::kPace != Pace::Slow,
                     .name = R::kText,
                     .check = "look at the key before you try again"};
}

// How it is ----------------------------------------------------------------------------------------------------------------------------

KeeperState RemoteKeeper::state() const { return look().state; }
Status RemoteKeeper::ready() { return is_fresh() ? Status() : look().ready; }

bool RemoteKeeper::is_fresh() const {
  const LinkCounts now = m_link->counts();
  const std::lock_guard lock(m_mutex);
  return m_known.condition.ready && m_known.then.changes == now.changes && m_known.then.channels == now.channels &&
         std::chrono::steady_clock::now() < m_known.answered + m_options.fresh;
}

std::uint64_t RemoteKeeper::epoch() const noexcept {
  const LinkCounts now = m_link->counts();
  return now.changes + now.channels;
}

Status RemoteKeeper::meet() {
  const LinkCounts then = m_link->counts();
  POSTERN_TRY(KeeperCondition told, ask<Call::Condition>());
  const std::lock_guard lock(m_mutex);
  m_known = {std::move(told), std::chrono::steady_clock::now(), then, {}};
  return {};
}

Result<SecretBytes> RemoteKeeper::database_key() {
  POSTERN_TRY(WipedBytes frame, begin_request(static_cast<std::uint8_t>(Call::DatabaseKey)).finish());
  POSTERN_TRY(const WipedBytes body, m_link->call({.frame = std::move(frame),
                                                   .deadline = std::chrono::steady_clock::now() + m_options.slow_deadline,
                                                   .nature = Nature::Repeatable,
                                                   .name = "database_key"}));
  Reader in(body);
  auto key = Codec<SecretBytes>::read(in);
  if (key) POSTERN_CHECK(in.end());
  return key;
}

bool RemoteKeeper::may_ask() const {
  if (!m_link->is_up()) return false;
  const std::lock_guard lock(m_mutex);
  return std::chrono::steady_clock::now() >= m_known.ask_again;
}

KeeperCondition RemoteKeeper::look() const {
  if (!may_ask()) return known();
  const LinkCounts then = m_link->counts();
  auto told = ask_within<Call::Condition>(m_options.glance);
  const auto now = std::chrono::steady_clock::now();
  if (!told) {
    {
      const std::lock_guard lock(m_mutex);
      m_known.ask_again = now + kPauseAfterSilence;
    }
    return known();
  }
  const std::lock_guard lock(m_mutex);
  m_known = {*told, now, then, {}};
  return *std::move(told);
}

KeeperCondition RemoteKeeper::known() const {
  const std::lock_guard lock(m_mutex);
  KeeperCondition out = m_known.condition;
  if (m_known.answered + m_options.patience > std::chrono::steady_clock::now()) return out;
  out.state.reachable = false;
  out.state.last_error = "the keeper's process does not answer; the log says what became of it";
  out.ready = fail(ErrorCode::Unavailable, out.state.last_error);
  return out;
}

// Keys ---------------------------------------------------------------------------------------------------------------------------------

Result<KeyInfo> RemoteKeeper::create(const KeyName& name, KeyType type) { return ask<Call::Create>(name, type); }
Result<KeyInfo> RemoteKeeper::describe(const KeyName& name) { return ask<Call::Describe>(name); }
Result<std::vector<KeyName>> RemoteKeeper::list() { return ask<Call::List>(); }
Result<KeyInfo> RemoteKeeper::rotate(const KeyName& name) { return ask<Call::Rotate>(name); }
Result<KeyInfo> RemoteKeeper::configure(const KeyName& name, const KeySettings& settings) { return ask<Call::Configure>(name, settings); }
Status RemoteKeeper::remove(const KeyName& name) { return ask<Call::Remove>(name); }
Result<PublicKey> RemoteKeeper::public_key(const KeyName& name, std::uint32_t version) { return ask<Call::PublicKey>(name, version); }

Result<Bytes> RemoteKeeper::sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  return ask<Call::Sign>(name, version, algorithm, data);
}
Later<Bytes> RemoteKeeper::begin_sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  return begin<Call::Sign>(Link::Send::Now, name, version, algorithm, data);
}
std::vector<Later<DataKey>> RemoteKeeper::begin_data_keys(const KeyName& name, std::span<const std::string> aads) {
  std::vector<Later<DataKey>> out;
  out.reserve(aads.size());
  for (const std::string& aad : aads) {
    const bool last = out.size() + 1 == aads.size();
    out.push_back(begin<Call::NewDataKey>(last ? Link::Send::Now : Link::Send::Later, name, as_bytes(aad)));
  }
  return out;
}
Status RemoteKeeper::verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) {
  return ask<Call::Verify>(name, version, algorithm, data, signature);
}
Result<Bytes> RemoteKeeper::mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) {
  return ask<Call::Mac>(name, version, algorithm, data);
}

Result<std::string> RemoteKeeper::encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) {
  return ask<Call::Encrypt>(name, plaintext, aad, version);
}
Result<SecretBytes> RemoteKeeper::decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) {
  return ask<Call::Decrypt>(name, ciphertext, aad);
}
Result<DataKey> RemoteKeeper::new_data_key(const KeyName& name, ByteView aad) { return ask<Call::NewDataKey>(name, aad); }
Result<SecretBytes> RemoteKeeper::unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  return ask<Call::UnwrapDataKey>(name, wrapped, aad);
}
Result<Bytes> RemoteKeeper::rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  return ask<Call::RewrapDataKey>(name, wrapped, aad);
}
Result<SecretBytes> RemoteKeeper::decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options,
                                               ByteView ciphertext) {
  return ask<Call::DecryptOaep>(name, version, options, ciphertext);
}
Result<SecretBytes> RemoteKeeper::decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext,
                                                std::size_t expected_size) {
  return ask<Call::DecryptPkcs1>(name, version, ciphertext, expected_size);
}
Result<SecretBytes> RemoteKeeper::agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) {
  return ask<Call::Agree>(name, version, peer);
}

Result<KeyInfo> RemoteKeeper::openpgp_create(const KeyName& name, std::string_view user_id) {
  return ask<Call::OpenPgpCreate>(name, user_id);
}
Result<std::string> RemoteKeeper::openpgp_certificate(const KeyName& name, std::uint32_t version) {
  return ask<Call::OpenPgpCertificate>(name, version);
}
Result<std::string> RemoteKeeper::openpgp_sign_detached(const KeyName& name, ByteView data) {
  return ask<Call::OpenPgpSignDetached>(name, data);
}
Result<std::string> RemoteKeeper::openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients, ByteView plaintext) {
  return ask<Call::OpenPgpSignEncrypt>(name, recipients, plaintext);
}
Result<OpenPgpOpened> RemoteKeeper::openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) {
  return ask<Call::OpenPgpDecrypt>(name, message, signers);
}
Result<KeyInfo> RemoteKeeper::ensure(const KeyName& name, KeyType type) { return ask<Call::Ensure>(name, type); }

}  // namespace postern::custody
