#include "keys/evp_handle.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <map>
#include <mutex>
#include <stdexcept>

#include "keys/handle_provider.hpp"

namespace postern {
namespace detail {
namespace {

struct Tickets {
  std::mutex mutex;
  std::uint64_t next = 1;
  std::map<std::uint64_t, HandleKey> open;
};
Tickets& tickets() {
  static auto* instance = new Tickets;
  return *instance;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) noexcept {
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_KEYMGMT: return handle_keymgmt();
    case OSSL_OP_SIGNATURE: return handle_signatures();
    case OSSL_OP_ASYM_CIPHER: return handle_ciphers();
    case OSSL_OP_KEYEXCH: return handle_exchanges();
    default: return nullptr;
  }
}

void teardown(void*) noexcept {}

int provider_init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) noexcept {
  static const OSSL_DISPATCH table[] = {dispatch(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
                                        dispatch(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), kDispatchEnd};
  static int state = 0;  // the provider has none, but OpenSSL wants a pointer
  *out = table;
  *context = &state;
  return 1;
}

// Made once and never freed: handles may live until the very end of the process. OpenSSL's own default provider is here too, so that a
// handle's public part can be encoded.
OSSL_LIB_CTX* handle_context() {
  static OSSL_LIB_CTX* const context = [] {
    OSSL_LIB_CTX* made = OSSL_LIB_CTX_new();
    const bool ready = made != nullptr && OSSL_PROVIDER_add_builtin(made, "postern-keeper", provider_init) == 1 &&
                       OSSL_PROVIDER_load(made, "default") != nullptr && OSSL_PROVIDER_load(made, "postern-keeper") != nullptr;
    if (!ready) throw std::runtime_error(openssl_error(ErrorCode::Internal, "loading the key provider").text());
    return made;
  }();
  return context;
}

const char* openssl_type(HandleFamily family) {
  switch (family) {
    case HandleFamily::Rsa: return "RSA";
    case HandleFamily::Ec: return "EC";
    case HandleFamily::Ed25519: return "ED25519";
  }
  return "";
}

Result<EvpPkeyPtr> make_handle(HandleKey key) {
  const HandleFamily family = key.family;
  std::uint64_t ticket = issue_ticket(std::move(key));
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(handle_context(), openssl_type(family), kHandleProperties));
  OSSL_PARAM params[] = {OSSL_PARAM_construct_uint64(kTicketParam, &ticket), OSSL_PARAM_construct_end()};
  EVP_PKEY* handle = nullptr;
  const bool ok =
      context && EVP_PKEY_fromdata_init(context.get()) == 1 && EVP_PKEY_fromdata(context.get(), &handle, EVP_PKEY_KEYPAIR, params) == 1;
  (void)redeem_ticket(ticket);  // nothing may stay behind after a failure
  if (!ok) return fail(openssl_error(ErrorCode::Internal, "making a key handle"));
  return EvpPkeyPtr(handle);
}

Result<HandleKey> describe_key(std::shared_ptr<Keeper> keeper, const KeyName& name, std::uint32_t version) {
  if (version == 0) {
    POSTERN_TRY(const KeyInfo info, keeper->describe(name));
    version = info.latest;
  }
  POSTERN_TRY(PublicKey pub, keeper->public_key(name, version));
  HandleKey key;
  switch (pub.kind()) {
    case KeyKind::Rsa: key.family = HandleFamily::Rsa; break;
    case KeyKind::Ed25519: key.family = HandleFamily::Ed25519; break;
    case KeyKind::X25519: return fail(ErrorCode::Unsupported, "there are no OpenSSL handles for X25519 keys", name.get());
    default: key.family = HandleFamily::Ec; key.curve = pub.kind();
  }
  key.pub = std::move(pub);
  key.keeper = std::make_shared<const KeeperRef>(KeeperRef{std::move(keeper), name, version});
  return key;
}

}  // namespace

std::uint64_t issue_ticket(HandleKey key) {
  Tickets& t = tickets();
  const std::lock_guard lock(t.mutex);
  t.open.emplace(t.next, std::move(key));
  return t.next++;
}

std::optional<HandleKey> redeem_ticket(std::uint64_t ticket) {
  Tickets& t = tickets();
  const std::lock_guard lock(t.mutex);
  auto node = t.open.extract(ticket);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

}  // namespace detail

Result<EvpPkeyPtr> evp_handle(std::shared_ptr<Keeper> keeper, const KeyName& name, std::uint32_t version) {
  POSTERN_TRY(detail::HandleKey key, detail::describe_key(std::move(keeper), name, version));
  return detail::make_handle(std::move(key));
}

}  // namespace postern
