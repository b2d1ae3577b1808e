// rooms: seals
// A sealed root key as somebody left it: read or refused, and what is read is written back the same. Another Vault's answers likewise.
#include <algorithm>
#include <cstdlib>

#include "seals/pkcs11_seal.hpp"
#include "seals/secret_seal.hpp"
#include "seals/tpm_seal.hpp"
#include "seals/transit_seal.hpp"

using namespace postern;
using namespace postern::seals;

namespace {

void expect_same(const Bytes& written, ByteView read) {
  if (!std::ranges::equal(written, read)) std::abort();
}

void read_recipe(BlobKind kind, ByteView recipe) {
  switch (kind) {
    case BlobKind::RawKey:
    case BlobKind::Passphrase:
      if (const auto read = read_secret_recipe(kind, recipe)) expect_same(write_secret_recipe(*read), recipe);
      return;
    case BlobKind::Pkcs11:
      if (const auto read = read_pkcs11_recipe(recipe)) expect_same(write_pkcs11_recipe(*read), recipe);
      return;
    case BlobKind::Tpm:
      if (const auto read = read_tpm_recipe(recipe)) expect_same(write_tpm_recipe(*read), recipe);
      return;
    case BlobKind::Transit:
      if (const auto read = read_transit_recipe(recipe)) expect_same(write_transit_recipe(*read), recipe);
      return;
  }
}

/// The other Vault answers every question with these bytes: nothing may come of it but an error.
void hostile_vault(ByteView answer) {
  const TransitExchange exchange = [&](TransitRequest) -> Result<TransitReply> { return TransitReply{200, SecretBytes(answer)}; };
  const auto seal = make_transit_seal({.name = "", .key = {"transit", "root"}, .exchange = exchange}).value();
  if (seal->wrap(Bytes(kRootKey, 1))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  if (const auto blob = read_blob(bytes)) {
    read_recipe(blob->kind, blob->recipe);
    if (unlock_blob(*blob, Bytes(32, 0x42))) std::abort();
  }
  if (size > 0) read_recipe(static_cast<BlobKind>(1 + data[0] % 5), bytes.subspan(1));
  hostile_vault(bytes);
  return 0;
}
