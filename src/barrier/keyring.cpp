#include "barrier/keyring.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/cursor.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

constexpr std::string_view kMagic = "PBK1";
constexpr std::size_t kTermKey = 32;
constexpr std::size_t kHead = 4 + 8 + 8 + 8 + 1 + 4;
constexpr std::size_t kTermSize = 4 + 8 + 8 + kTermKey;
constexpr std::chrono::seconds kLongestInterval = std::chrono::hours(24) * 36525;

// Writes forward into memory that is wiped; the size is known before.
class SecretWriter {
 public:
  explicit SecretWriter(std::size_t size) : m_out(size) {}
  SecretWriter& uint(std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0;) m_out.span()[m_at++] = static_cast<Byte>(value >> (8 * i));
    return *this;
  }
  SecretWriter& bytes(ByteView bytes) {
    std::ranges::copy(bytes, m_out.span().subspan(m_at).begin());
    m_at += bytes.size();
    return *this;
  }
  SecretBytes take() && { return std::move(m_out); }

 private:
  SecretBytes m_out;
  std::size_t m_at = 0;
};

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::IntegrityFailed, "the keyring cannot be read (" + std::string(what) + "): restore it from a backup");
}

Result<RotationPolicy> read_policy(ByteReader& in) {
  RotationPolicy policy;
  POSTERN_TRY(policy.max_operations, in.read_u64("max_operations"));
  POSTERN_TRY(const std::uint64_t interval, in.read_u64("interval"));
  POSTERN_TRY(const std::uint8_t enabled, in.read_u8("enabled"));
  if (interval > static_cast<std::uint64_t>(kLongestInterval.count()) || enabled > 1) return damaged("rotation policy");
  policy.interval = std::chrono::seconds(static_cast<std::int64_t>(interval));
  policy.enabled = enabled == 1;
  POSTERN_CHECK(check_rotation(policy));
  return policy;
}

Result<Term> read_term(ByteReader& in) {
  Term term;
  POSTERN_TRY(term.number, in.read_u32("term"));
  POSTERN_TRY(const std::uint64_t installed, in.read_u64("install time"));
  POSTERN_TRY(term.encryptions, in.read_u64("encryptions"));
  POSTERN_TRY(const ByteView key, in.read_bytes(kTermKey, "key"));
  if (installed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return damaged("install time");
  if (term.encryptions > 1ULL << 33) return damaged("encryptions");
  term.installed = wall_from_millis(static_cast<std::int64_t>(installed));
  term.key = SecretBytes(key);
  return term;
}

Result<Keyring> read_keyring(ByteReader& in) {
  POSTERN_TRY(const ByteView magic, in.read_bytes(kMagic.size(), "form"));
  if (as_text(magic) != kMagic) return damaged("form");
  Keyring ring;
  POSTERN_TRY(ring.revision, in.read_u64("revision"));
  POSTERN_TRY(ring.policy, read_policy(in));
  POSTERN_TRY(const std::uint32_t count, in.read_u32("terms"));
  if (count == 0 || count > kTerms || in.remaining() != count * kTermSize) return damaged("number of terms");
  ring.terms.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    POSTERN_TRY(Term term, read_term(in));
    if (term.number <= (i == 0 ? 0 : ring.active().number)) return damaged("order of terms");
    ring.terms.push_back(std::move(term));
  }
  return ring;
}

Term new_term(std::uint32_t number, WallTime now) {
  const WallTime installed = std::max(now, WallTime{});  // a clock before 1970 has no form on disk
  return {.number = number, .installed = installed, .encryptions = 0, .key = random_key(kTermKey)};
}

}  // namespace

Status check_rotation(const RotationPolicy& policy) {
  if (policy.max_operations < 1'000'000 || policy.max_operations > kTermEncryptions) {
    return fail(ErrorCode::BadInput, "max_operations must be 1000000 to 3865470566", "max_operations");
  }
  if (policy.interval == std::chrono::seconds(0)) return {};
  if (policy.interval < std::chrono::hours(24) || policy.interval > kLongestInterval) {
    return fail(ErrorCode::BadInput, "interval must be 0 or at least 24h, and at most 100 years", "interval");
  }
  return {};
}

Keyring Keyring::create(WallTime now) {
  Keyring ring;
  ring.terms.push_back(new_term(1, now));
  return ring;
}

Result<Keyring> Keyring::decode(ByteView encoded) {
  ByteReader in(encoded);
  auto ring = read_keyring(in);
  if (!ring && ring.error().code == ErrorCode::BadInput) return damaged(ring.error().field);
  return ring;
}

SecretBytes Keyring::encode() const {
  SecretWriter out(kHead + terms.size() * kTermSize);
  out.bytes(as_bytes(kMagic)).uint(revision, 8);
  out.uint(policy.max_operations, 8).uint(static_cast<std::uint64_t>(policy.interval.count()), 8).uint(policy.enabled ? 1 : 0, 1);
  out.uint(terms.size(), 4);
  for (const Term& term : terms) {
    out.uint(term.number, 4).uint(static_cast<std::uint64_t>(unix_millis(term.installed)), 8).uint(term.encryptions, 8);
    out.bytes(term.key.view());
  }
  return std::move(out).take();
}

Keyring Keyring::clone() const {
  Keyring copy{.revision = revision, .policy = policy, .terms = {}};
  copy.terms.reserve(terms.size() + 1);
  for (const Term& term : terms) copy.terms.push_back({term.number, term.installed, term.encryptions, term.key.clone()});
  return copy;
}

Status Keyring::add_term(WallTime now) {
  if (terms.size() >= kTerms || active().number == std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCode::Exhausted, "the keyring has 65536 terms and takes no more");
  }
  terms.push_back(new_term(active().number + 1, now));
  return {};
}

}  // namespace postern
