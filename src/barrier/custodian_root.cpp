// A new root token for who has the shares.
#include <algorithm>
#include <utility>

#include "barrier/custodian_impl.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

constexpr std::string_view kPadAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

SecretBytes random_pad(std::size_t size) {
  SecretBytes pad(size);
  for (Byte& place : pad.span()) {
    do {
      place = random_key(1).view().front() & 0x3f;
    } while (place >= kPadAlphabet.size());
    place = static_cast<Byte>(kPadAlphabet[place]);
  }
  return pad;
}

// Both have the same size.
std::string encode_token(std::string_view token, ByteView pad) {
  SecretBytes mixed(as_bytes(token));
  for (std::size_t i = 0; i < pad.size(); ++i) mixed.span()[i] ^= pad[i];
  std::string text = base64_encode(mixed.view());
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

}  // namespace

GenerateRootStatus Custodian::Impl::describe_root() const {
  GenerateRootStatus status;
  status.otp_length = options.root_token_length;
  if (!root.round.active()) return status;
  status.started = true;
  status.nonce = root.round.nonce();
  status.progress = root.round.progress();
  status.required = root.round.required();
  return status;
}

Result<GenerateRootStatus> Custodian::generate_root_init(std::string_view otp) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_CHECK(m_impl->check_unsealed());
  if (!otp.empty() && otp.size() != m_impl->options.root_token_length)
    return fail(ErrorCode::BadInput, "OTP string is wrong length", "otp");
  POSTERN_TRY(const SealRecord record, m_impl->load_initialized());
  const std::lock_guard lock(m_impl->mutex);
  if (m_impl->root.round.active()) return fail(ErrorCode::BadInput, "root generation already in progress");
  m_impl->root.otp = otp.empty() ? random_pad(m_impl->options.root_token_length) : SecretBytes::from_text(otp);
  m_impl->root.round.begin(record.split, kRootKey);
  GenerateRootStatus status = m_impl->describe_root();
  if (otp.empty()) status.otp = as_text(m_impl->root.otp.view());
  return status;
}

Result<GenerateRootStatus> Custodian::generate_root_status() {
  POSTERN_CHECK(m_impl->check_unsealed());
  POSTERN_TRY(const SealRecord record, m_impl->load_initialized());
  const std::lock_guard lock(m_impl->mutex);
  GenerateRootStatus status = m_impl->describe_root();
  status.required = record.split.threshold;
  return status;
}

Result<GenerateRootStatus> Custodian::generate_root_update(ByteView share, std::string_view nonce, const MakeToken& make_token) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_CHECK(m_impl->check_unsealed());
  std::optional<SecretBytes> combined;
  GenerateRootStatus status;
  SecretBytes pad;
  {
    const std::lock_guard lock(m_impl->mutex);
    Impl::GenerateRoot& root = m_impl->root;
    if (!root.round.active()) return fail(ErrorCode::BadInput, "no root generation in progress");
    POSTERN_CHECK(check_nonce(root.round, nonce, "root generation"));
    POSTERN_TRY(combined, root.round.add(share, ShareRound::Repeat::Refuse));
    status = m_impl->describe_root();
    pad = root.otp.clone();
  }
  if (!combined) return status;
  POSTERN_CHECK(m_impl->check_share_key(*combined));
  POSTERN_TRY(std::string token, make_token());
  if (token.size() != pad.size()) return fail(ErrorCode::Internal, "the token has not the length of the one-time pad");
  status.encoded_token = encode_token(token, pad.view());
  wipe(token);
  status.complete = true;
  status.progress = status.required;
  generate_root_cancel();
  return status;
}

void Custodian::generate_root_cancel() noexcept {
  const std::lock_guard lock(m_impl->mutex);
  m_impl->root = {};
}

}  // namespace postern
