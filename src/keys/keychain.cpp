// The desktop's keychain through libsecret (freedesktop.org Secret Service).
#include <libsecret/secret.h>

#include <memory>

#include "base/text.hpp"
#include "keys/root_key.hpp"

namespace postern {
namespace {

// The name is not matched, so that an entry made by `secret-tool store --label=… service S account A` is found too.
const SecretSchema kSchema = {
    "org.postern.Secret",
    SECRET_SCHEMA_DONT_MATCH_NAME,
    {{"service", SECRET_SCHEMA_ATTRIBUTE_STRING}, {"account", SECRET_SCHEMA_ATTRIBUTE_STRING}, {nullptr, SECRET_SCHEMA_ATTRIBUTE_STRING}},
    0,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

struct GErrorFree {
  void operator()(GError* error) const noexcept { g_error_free(error); }
};
using GErrorPtr = std::unique_ptr<GError, GErrorFree>;
struct PasswordFree {
  void operator()(gchar* password) const noexcept { secret_password_free(password); }  // wipes
};

Error no_service(const GError& error) {
  return {ErrorCode::Unavailable, "the keychain does not answer (is a Secret Service running and unlocked?): " + printable(error.message),
          "keychain"};
}

}  // namespace

Result<SecretBytes> load_from_keychain(const std::string& service, const std::string& account) {
  GError* raw_error = nullptr;
  const std::unique_ptr<gchar, PasswordFree> found(
      secret_password_lookup_sync(&kSchema, nullptr, &raw_error, "service", service.c_str(), "account", account.c_str(), nullptr));
  const GErrorPtr error(raw_error);
  if (error) return fail(no_service(*error));
  if (!found) {
    return fail(ErrorCode::NotFound,
                "the keychain has no entry for service " + service + ", account " + account +
                    ": make one with `secret-tool store --label=Postern service " + service + " account " + account + "`",
                "keychain");
  }
  return SecretBytes::from_text(found.get());
}

Status store_in_keychain(const std::string& service, const std::string& account, ByteView passphrase) {
  GError* raw_error = nullptr;
  std::string text(as_text(passphrase));
  const std::string label = "Postern: " + service + "/" + account;
  const bool stored = secret_password_store_sync(&kSchema, SECRET_COLLECTION_DEFAULT, label.c_str(), text.c_str(), nullptr, &raw_error,
                                                 "service", service.c_str(), "account", account.c_str(), nullptr) == TRUE;
  wipe(text);
  const GErrorPtr error(raw_error);
  if (error) return fail(no_service(*error));
  if (!stored) return fail(ErrorCode::Unavailable, "the keychain did not take the entry", "keychain");
  return {};
}

}  // namespace postern
