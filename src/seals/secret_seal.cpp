#include "seals/secret_seal.hpp"

#include "base/cursor.hpp"
#include "crypto/random.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kSalt = 16;
constexpr std::size_t kCheck = 16;
constexpr std::size_t kKey = 32;
constexpr std::uint32_t kMostLanes = 16;

std::string_view type_name(SecretSealType type) {
  switch (type) {
    case SecretSealType::File: return "file";
    case SecretSealType::Passphrase: return "passphrase";
    case SecretSealType::SecretService: return "secret-service";
  }
  return {};
}

Status check_cost(const Argon2Cost& cost) {
  const bool sane = cost.iterations > 0 && cost.lanes > 0 && cost.lanes <= kMostLanes && cost.memory_kib / 8 >= cost.lanes &&
                    cost.memory_kib <= kArgon2Memory && std::uint64_t{cost.memory_kib} * cost.iterations <= kArgon2Work;
  if (sane) return {};
  return fail(ErrorCode::BadInput, "the cost of Argon2id is out of bounds (2 GiB, 16 lanes, memory times iterations 4 GiB)", "cost");
}

/// The blob's key and its check value.
struct Derived {
  SecretBytes key;
  Bytes check;
};

Result<Derived> derive(const RootKey& secret, const SecretRecipe& recipe) {
  const bool raw = recipe.kind == BlobKind::RawKey;
  auto stretched = raw ? Result<SecretBytes>(SecretBytes(secret.view())) : argon2id(secret.view(), recipe.salt, recipe.cost, kKey);
  if (!stretched) return fail(std::move(stretched).error());
  POSTERN_TRY(const SecretBytes both,
              hkdf(HashAlgorithm::Sha256, stretched->view(), recipe.salt, as_bytes("postern root key seal 1"), kKey + kCheck));
  const ByteView check = both.view().subspan(kKey);
  return Derived{SecretBytes(both.view().first(kKey)), Bytes(check.begin(), check.end())};
}

BlobKind kind_of(const RootKey& secret) { return secret.form() == RootKey::Form::Raw ? BlobKind::RawKey : BlobKind::Passphrase; }

class SecretSeal final : public EnvelopeSeal {
 public:
  explicit SecretSeal(SecretSealOptions options)
      : EnvelopeSeal(type_name(options.type), std::move(options.name)), m_options(std::move(options)) {}

 private:
  Result<RootKey> load(CreateRootKey create) const {
    POSTERN_TRY(RootKey secret, load_root_key(m_options.source, create, m_options.keychain));
    if (m_options.type == SecretSealType::Passphrase && secret.form() == RootKey::Form::Raw)
      return fail(ErrorCode::BadInput, m_options.source.text() + " holds a raw key, not a passphrase: use seal = \"file\"", "seal");
    return secret;
  }

  Result<FreshKey> fresh_key() override {
    // A file that is made holds a raw key, which a seal by passphrase does not take.
    const bool may_create = m_options.type != SecretSealType::Passphrase;
    POSTERN_TRY(const RootKey secret, load(may_create ? m_options.create : CreateRootKey::No));
    SecretRecipe recipe{.kind = kind_of(secret), .cost = m_options.cost, .salt = Bytes(kSalt), .check = {}};
    fill_nonce(recipe.salt);
    POSTERN_TRY(Derived derived, derive(secret, recipe));
    recipe.check = std::move(derived.check);
    return FreshKey{recipe.kind, std::move(derived.key), write_secret_recipe(recipe)};
  }

  Result<SecretBytes> key_of(BlobKind kind, ByteView bytes) override {
    if (kind != BlobKind::RawKey) POSTERN_CHECK(expect_kind(kind, BlobKind::Passphrase));
    POSTERN_TRY(const SecretRecipe recipe, read_secret_recipe(kind, bytes));
    POSTERN_TRY(const RootKey secret, load(CreateRootKey::No));
    const std::string place = m_options.source.text();
    if (kind_of(secret) != kind)
      return fail(ErrorCode::Denied,
                  place + " holds a " + (kind == BlobKind::RawKey ? "passphrase" : "raw key") +
                      ", but the root key was sealed by the other form: put the right secret there",
                  "seal");
    POSTERN_TRY(Derived derived, derive(secret, recipe));
    if (!constant_time_equal(derived.check, recipe.check))
      return fail(ErrorCode::Denied, "the secret in " + place + " is not the one that sealed the root key: put the right one there",
                  "seal");
    return std::move(derived.key);
  }

  SecretSealOptions m_options;
};

Status check_source(const SecretSealOptions& options) {
  using Kind = RootKeySource::Kind;
  const Kind kind = options.source.kind;
  switch (options.type) {
    case SecretSealType::File:
      if (kind != Kind::File) return fail(ErrorCode::BadInput, "this seal reads a file: write file:PATH", "keys.root");
      break;
    case SecretSealType::Passphrase:
      if (kind == Kind::Keychain)
        return fail(ErrorCode::BadInput, "the source is a keychain: use seal = \"keychain\", or write file:PATH or env:NAME", "keys.root");
      break;
    case SecretSealType::SecretService:
      if (kind != Kind::Keychain)
        return fail(ErrorCode::BadInput, "this seal asks the keychain: write keychain:SERVICE/ACCOUNT", "keys.root");
      break;
  }
  return {};
}

}  // namespace

Result<SecretRecipe> read_secret_recipe(BlobKind kind, ByteView bytes) {
  ByteReader reader(bytes);
  SecretRecipe out{.kind = kind, .cost = {}, .salt = {}, .check = {}};
  if (kind == BlobKind::Passphrase) {
    POSTERN_TRY(out.cost.memory_kib, reader.read_u32("cost"));
    POSTERN_TRY(out.cost.iterations, reader.read_u32("cost"));
    POSTERN_TRY(out.cost.lanes, reader.read_u32("cost"));
    POSTERN_CHECK(check_cost(out.cost));
  }
  POSTERN_TRY(const ByteView salt, reader.read_bytes(kSalt, "salt"));
  POSTERN_TRY(const ByteView check, reader.read_bytes(kCheck, "check"));
  if (!reader.at_end()) return fail(ErrorCode::BadInput, "goes on after its end", "recipe");
  out.salt.assign(salt.begin(), salt.end());
  out.check.assign(check.begin(), check.end());
  return out;
}

Bytes write_secret_recipe(const SecretRecipe& recipe) {
  ByteWriter writer;
  if (recipe.kind == BlobKind::Passphrase)
    writer.write_u32(recipe.cost.memory_kib).write_u32(recipe.cost.iterations).write_u32(recipe.cost.lanes);
  writer.write_bytes(recipe.salt).write_bytes(recipe.check);
  return std::move(writer).take();
}

Result<std::unique_ptr<Seal>> make_secret_seal(SecretSealOptions options) {
  POSTERN_CHECK(check_source(options));
  POSTERN_CHECK(check_cost(options.cost));
  return std::make_unique<SecretSeal>(std::move(options));
}

}  // namespace postern::seals
