#include "mhs/strong_identity.hpp"

#include "base/file_stamp.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/hops.hpp"

namespace postern::mhs {
namespace {

constexpr auto kSoon = std::chrono::hours(24 * 30);

template <class T>
Result<T> about(Result<T> value, const char* setting) {
  if (value) return value;
  return fail(value.error().code, value.error().text(), setting);
}

}  // namespace

Result<std::shared_ptr<StrongIdentity>> StrongIdentity::open(std::string certificate, std::string key) {
  std::shared_ptr<StrongIdentity> out(new StrongIdentity(std::move(certificate), std::move(key)));
  out->m_stamp = out->stamp();
  POSTERN_TRY(out->m_identity, out->read());
  return out;
}

credentials::Identity StrongIdentity::get() {
  const std::lock_guard lock(m_mutex);
  std::string seen = stamp();
  if (seen == m_stamp) return m_identity;
  m_stamp = std::move(seen);  // before reading: what changes meanwhile is read again
  take(read());
  return m_identity;
}

void StrongIdentity::take(Result<credentials::Identity> read) {
  if (read) {
    m_identity = *std::move(read);
    m_trouble.clear();
    return log::info("x400.strong.certificate_read", {{"subject", m_identity.chain.front().subject()}});
  }
  m_stamp.clear();  // tried again: what is mended may be a permission, which no stamp has
  if (m_trouble == read.error().text()) return;
  m_trouble = read.error().text();
  log::warn("x400.strong.certificate_not_read", {{"reason", read.error()}});
}

std::vector<std::string> StrongIdentity::warnings(WallTime now) {
  const credentials::Identity shown = get();
  const Certificate& leaf = shown.chain.front();
  std::vector<std::string> out;
  const std::lock_guard lock(m_mutex);
  if (!m_trouble.empty()) out.push_back(m_trouble + "; what was read before is still shown");
  if (now < leaf.not_before())
    out.push_back("x400.strong.certificate is not valid before " + rfc3339(leaf.not_before()) + "; peers refuse it until then");
  if (now >= leaf.not_after())
    out.push_back("x400.strong.certificate expired at " + rfc3339(leaf.not_after()) + "; peers refuse it");
  else if (leaf.not_after() - now < kSoon)
    out.push_back("x400.strong.certificate expires at " + rfc3339(leaf.not_after()) + "; put another one in its place");
  return out;
}

std::string StrongIdentity::stamp() const { return file_stamp(m_certificate) + file_stamp(m_key); }

Result<credentials::Identity> StrongIdentity::read() const {
  POSTERN_TRY(CertificateChain chain, about(certificates_from_file(m_certificate), "x400.strong.certificate"));
  POSTERN_TRY(EvpPkeyPtr key, about(gateway::load_private_key(m_key), "x400.strong.key"));
  auto out = credentials::make_identity(std::move(chain), std::move(key));
  if (!out) return fail(out.error().code, out.error().what, "x400.strong." + out.error().field);
  return out;
}

}  // namespace postern::mhs
