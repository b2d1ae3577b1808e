// rooms: barrier
// Shares as people type them: combining any bytes ends in a secret of the right size or an error. And the bytes as a secret: any threshold
// of its shares gives it back.
// Input: number of shares (1), size of each (1), their bytes.
#include <algorithm>
#include <cstdlib>

#include "barrier/shamir.hpp"

using namespace postern;

namespace {

void combine(ByteView bytes, std::size_t count, std::size_t share) {
  std::vector<SecretBytes> shares;
  for (std::size_t i = 0; i < count && bytes.size() >= share; ++i) {
    shares.emplace_back(bytes.first(share));
    bytes = bytes.subspan(share);
  }
  if (!bytes.empty() && count > 64) shares.emplace_back(bytes);  // one of another length
  const auto secret = shamir_combine(shares);
  if (secret && secret->size() + (shares.size() == 1 ? 0 : 1) != shares.front().size()) std::abort();
}

void round_trip(ByteView secret, unsigned count, unsigned wanted) {
  if (secret.empty()) return;
  const ShareSplit split{.shares = 2 + count % 7, .threshold = 2 + wanted % (1 + count % 7)};
  auto shares = shamir_split(secret.first(std::min<std::size_t>(secret.size(), 64)), split).value();
  std::ranges::rotate(shares, shares.begin() + wanted % split.shares);
  shares.resize(split.threshold);
  if (!std::ranges::equal(shamir_combine(shares)->view(), secret.first(std::min<std::size_t>(secret.size(), 64)))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteView bytes(data + 2, size - 2);
  combine(bytes, data[0], data[1]);
  round_trip(bytes, data[0], data[1]);
  return 0;
}
