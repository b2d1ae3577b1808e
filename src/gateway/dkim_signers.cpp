#include "gateway/dkim_signers.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::gateway {
namespace {

/// Never "the latest": DNS has the public half of one version, and a rotation would break every signature at once.
Result<DkimPin> signing_version(const config::DkimSigner& signer, const KeyInfo& key, const DkimSigners::PinVersion& pin_version) {
  const auto wanted = static_cast<std::uint32_t>(signer.version);
  DkimPin pin{wanted != 0 ? wanted : key.latest, {}};
  if (key.find(pin.version) != nullptr && pin_version) {
    POSTERN_TRY(pin, pin_version(signer, key.latest));
  }
  if (key.find(pin.version) != nullptr) return pin;
  return fail(ErrorCode::BadInput,
              "dkim selector " + signer.selector + " signs with version " + std::to_string(pin.version) + " of the key " + signer.key +
                  ", which does not exist; publish one that does and name it (dkim.version)",
              "dkim.version");
}

}  // namespace

Result<std::unique_ptr<DkimSigners>> DkimSigners::make(const config::Config& config, Keeper& keeper, const PinVersion& pin_version) {
  std::unique_ptr<DkimSigners> out(new DkimSigners(keeper));
  std::vector<DkimKeyRef> signers;
  for (const auto& signer : config.dkim) {
    POSTERN_TRY(const auto algorithm, parse_dkim_algorithm(signer.algorithm));
    POSTERN_TRY(const auto name, parse_key_name(signer.key));
    auto key = keeper.ensure(name, algorithm == DkimAlgorithm::RsaSha256 ? KeyType::Rsa2048 : KeyType::Ed25519);
    if (!key) return fail(std::move(key).error().context("dkim key " + signer.key));
    POSTERN_TRY(const auto pin, signing_version(signer, *key, pin_version));
    signers.push_back(
        {to_lower(signer.domain), pin.published.empty() ? signer.selector : pin.published, algorithm, signer.key, pin.version});
  }
  out->set(std::move(signers));
  return out;
}

std::shared_ptr<const std::vector<DkimKeyRef>> DkimSigners::all() const {
  const std::lock_guard lock(m_mutex);
  return m_all;
}

void DkimSigners::set(std::vector<DkimKeyRef> signers) {
  auto next = std::make_shared<const std::vector<DkimKeyRef>>(std::move(signers));
  const std::lock_guard lock(m_mutex);
  m_all = std::move(next);
}

std::vector<DkimKeyRef> DkimSigners::of(std::string_view domain) const {
  std::vector<DkimKeyRef> out;
  const auto signers = all();
  std::ranges::copy_if(*signers, std::back_inserter(out), [&](const DkimKeyRef& key) { return key.domain == domain; });
  return out;
}

Later<Bytes> DkimSigners::sign(const DkimKeyRef& key, ByteView data) const {
  const auto algorithm =
      key.algorithm == DkimAlgorithm::RsaSha256 ? SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256) : SignAlgorithm::ed25519();
  return m_keeper.begin_sign(KeyName(key.key_name), key.key_version, algorithm, data);
}

}  // namespace postern::gateway
