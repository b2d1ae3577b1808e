#include "seals/tpm_seal.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "crypto/random.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kMostName = sizeof(TPMU_NAME);
constexpr std::size_t kMostArea = 1024;
constexpr std::size_t kMostPcrs = 24;

std::vector<std::uint8_t> indices_of(const std::vector<PcrValue>& values) {
  std::vector<std::uint8_t> out;
  for (const PcrValue& one : values) out.push_back(one.index);
  return out;
}

Status same_pcrs(const std::vector<PcrValue>& now, const std::vector<PcrValue>& then) {
  std::string changed;
  for (std::size_t i = 0; i < then.size(); ++i) {
    if (now[i] != then[i]) changed += (changed.empty() ? "" : ", ") + std::to_string(then[i].index);
  }
  if (changed.empty()) return {};
  return fail(ErrorCode::Denied,
              "the machine did not boot as when the root key was sealed (changed PCRs: " + changed +
                  "): if that was meant, unseal with recovery shares and seal anew; if not, find out what changed",
              "pcrs");
}

class TpmSeal final : public EnvelopeSeal {
 public:
  explicit TpmSeal(TpmSealOptions options) : EnvelopeSeal("tpm", std::move(options.name)), m_address(std::move(options.address)) {}

 private:
  Result<FreshKey> fresh_key() override {
    POSTERN_TRY(TpmDevice tpm, TpmDevice::open(m_address.tcti));
    POSTERN_TRY(const TpmHandle parent, tpm.storage_key(m_address.parent));
    TpmRecipe recipe{.parent = m_address.parent, .parent_name = {}, .pcrs = {}, .sealed = {}};
    POSTERN_TRY(recipe.parent_name, tpm.name_of(parent));
    POSTERN_TRY(const TpmHandle session, tpm.session(parent, TpmDevice::SessionKind::Hmac));
    POSTERN_TRY(recipe.pcrs, tpm.read_pcrs(session, m_address.pcrs));
    SecretBytes key = random_key(kKey);
    POSTERN_TRY(recipe.sealed, tpm.seal(parent, session, key.view(), recipe.pcrs));
    return FreshKey{BlobKind::Tpm, std::move(key), write_tpm_recipe(recipe)};
  }

  Result<SecretBytes> key_of(BlobKind kind, ByteView bytes) override {
    POSTERN_CHECK(expect_kind(kind, BlobKind::Tpm));
    POSTERN_TRY(const TpmRecipe recipe, read_tpm_recipe(bytes));
    POSTERN_TRY(TpmDevice tpm, TpmDevice::open(m_address.tcti));
    POSTERN_TRY(const TpmHandle parent, tpm.storage_key(recipe.parent));
    POSTERN_TRY(const Bytes name, tpm.name_of(parent));
    if (name != recipe.parent_name)
      return fail(ErrorCode::IntegrityFailed,
                  "the root key was sealed by another TPM, or this one was cleared since: unseal with recovery shares and seal anew",
                  "seal");
    POSTERN_TRY(const TpmHandle session, tpm.session(parent, TpmDevice::SessionKind::Hmac));
    POSTERN_TRY(const auto now, tpm.read_pcrs(session, indices_of(recipe.pcrs)));
    POSTERN_CHECK(same_pcrs(now, recipe.pcrs));
    POSTERN_TRY(SecretBytes key, tpm.unseal(parent, session, recipe.sealed, recipe.pcrs));
    if (key.size() != kKey)
      return fail(ErrorCode::IntegrityFailed, "the TPM opened something that is no key: the blob was changed", "seal");
    return key;
  }

  TpmAddress m_address;
};

Result<Bytes> read_bounded(ByteReader& reader, std::size_t most, std::string_view field) {
  POSTERN_TRY(const ByteView block, reader.read_block(field));
  if (block.empty() || block.size() > most) return fail(ErrorCode::BadInput, "has the wrong length", std::string(field));
  return Bytes(block.begin(), block.end());
}

Result<std::vector<PcrValue>> read_pcr_values(ByteReader& reader) {
  POSTERN_TRY(const std::uint8_t count, reader.read_u8("pcrs"));
  std::vector<PcrValue> out;
  for (std::uint8_t i = 0; i < count; ++i) {
    PcrValue one;
    POSTERN_TRY(one.index, reader.read_u8("pcrs"));
    POSTERN_TRY(const ByteView value, reader.read_bytes(one.value.size(), "pcrs"));
    std::copy(value.begin(), value.end(), one.value.begin());
    // Ascending: what the TPM hashes has one order only.
    if (one.index >= kMostPcrs || (!out.empty() && one.index <= out.back().index))
      return fail(ErrorCode::BadInput, "are not numbers from 0 to 23 in order", "pcrs");
    out.push_back(one);
  }
  return out;
}

}  // namespace

Result<TpmRecipe> read_tpm_recipe(ByteView bytes) {
  ByteReader reader(bytes);
  TpmRecipe out;
  POSTERN_TRY(out.parent, reader.read_u32("parent"));
  if (out.parent != 0 && out.parent >> 24 != 0x81) return fail(ErrorCode::BadInput, "is no persistent handle", "parent");
  POSTERN_TRY(out.parent_name, read_bounded(reader, kMostName, "parent"));
  POSTERN_TRY(out.pcrs, read_pcr_values(reader));
  POSTERN_TRY(out.sealed.public_area, read_bounded(reader, kMostArea, "public"));
  POSTERN_TRY(out.sealed.private_area, read_bounded(reader, kMostArea, "private"));
  if (!reader.at_end()) return fail(ErrorCode::BadInput, "goes on after its end", "recipe");
  return out;
}

Bytes write_tpm_recipe(const TpmRecipe& recipe) {
  ByteWriter writer;
  writer.write_u32(recipe.parent).write_block(recipe.parent_name).write_u8(static_cast<std::uint8_t>(recipe.pcrs.size()));
  for (const PcrValue& one : recipe.pcrs) writer.write_u8(one.index).write_bytes(one.value);
  writer.write_block(recipe.sealed.public_area).write_block(recipe.sealed.private_area);
  return std::move(writer).take();
}

std::unique_ptr<Seal> make_tpm_seal(TpmSealOptions options) { return std::make_unique<TpmSeal>(std::move(options)); }

}  // namespace postern::seals
