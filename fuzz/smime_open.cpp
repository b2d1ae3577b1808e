// rooms: seal
// Any message, opened and verified as S/MIME: an answer each time, what comes out is a message, and a label is never stronger than the
// bytes.
#include "smime_identity.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

Limits small() {
  Limits limits;
  limits.message_bytes = 256U * 1024;
  return limits;
}

void open(std::string_view message, const SealContext& context) {
  const auto opened = smime_decrypt(message, std::span(&identity(), 1), context);
  if (!opened) return;
  const auto view = MessageView::parse(opened->message);
  require(view.has_value());
  require(classify(*view).protection == opened->inner);
}

void verify(std::string_view message, const SealContext& context) {
  const auto verified = smime_verify(message, {.roots = identity().chain}, context);
  if (!verified) return;
  require(!verified->signers.empty());
  require(is_signed(verified->protection));
  for (const SmimeSigner& signer : verified->signers) require(signer.valid() == signer.reason.empty());
}

/// Whatever is not protected can be sealed, or is refused; what was sealed opens to the same protection again.
void seal(std::string_view message, const SealContext& context) {
  const auto sealed = smime_sign_encrypt(message, identity(), identity().chain, {.header = {.hide_subject = true}}, context);
  if (!sealed) return;
  const auto opened = smime_decrypt(*sealed, std::span(&identity(), 1), context);
  if (!opened) {
    require(opened.error().code == ErrorCode::TooLarge);
    return;
  }
  const auto verified = smime_verify(opened->message, {.roots = identity().chain}, context);
  require(verified.has_value());
  require(verified->signers.size() == 1 && verified->signers[0].signature_ok && verified->signers[0].trusted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 128U * 1024) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  FixedRandom random;
  const Limits limits = small();
  const SealContext context{kNow, random, limits};
  open(message, context);
  verify(message, context);
  seal(message, context);
  return 0;
}
