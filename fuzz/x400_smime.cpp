// rooms: contentseal
// Any octets as an S/MIME content of X.400: an answer each time, and nothing that is believed without a reason for it.
#include <algorithm>

#include "contentseal/open.hpp"
#include "contentseal/seal.hpp"
#include "oraddress/or_text.hpp"
#include "smime_identity.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

constexpr std::size_t kLimit = 256UL * 1024;

Result<contentseal::Opened> open(ByteView octets) {
  contentseal::OpenRequest request;
  request.octets = octets;
  request.originator = oraddress::parse("C=DE;A= ;P=GW;DDA:RFC-822=alice(a)example.org").value();
  request.identities = std::span(&identity(), 1);
  request.trust.roots = identity().chain;
  request.now = kNow;
  request.limit = kLimit;
  return contentseal::open_content(request);
}

/// What a reader in pieces decides by the front is what the whole says.
void front(ByteView octets) {
  const auto first = contentseal::front_of(octets);
  require(!contentseal::is_sealed(octets) || first == contentseal::Front::MaybeSealed);
  for (const std::size_t size : {octets.size() / 4, octets.size() / 2}) {
    const auto early = contentseal::front_of(octets.first(size));
    require(early == contentseal::Front::Undecided || (early == contentseal::Front::Plain) == (first == contentseal::Front::Plain));
  }
}

void judge(ByteView octets) {
  const auto opened = open(octets);
  if (!opened) return;
  const contentseal::Verdict& verdict = opened->verdict;
  require(verdict.layers > 0 && verdict.layers <= contentseal::kMostLayers);
  require(verdict.valid() == (verdict.reason() == "valid"));
  require(!verdict.valid() || opened->content.has_value());
  require(!opened->content || opened->content->size() <= kLimit);
}

/// Whatever is not sealed can be, and comes back octet for octet.
void close(ByteView octets) {
  const contentseal::PlainContent content{asn1::Oid{2, 6, 1, 10, 0}, octets};
  const auto sealed = contentseal::sign_encrypt_content(content, identity(), identity().chain, {}, kNow);
  require(sealed.has_value() != contentseal::is_sealed(octets));
  if (!sealed) return;
  const auto opened = open(sealed->octets);
  require(opened && opened->content && std::ranges::equal(*opened->content, octets));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 128U * 1024) return 0;
  const ByteView octets(data, size);
  front(octets);
  judge(octets);
  close(octets);
  return 0;
}
