// The desktop's keychain through libsecret (freedesktop.org Secret Service). Nothing here waits for a person: what is locked stays locked
// and is said, because a daemon has nobody who could answer a prompt.
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

struct ObjectUnref {
  void operator()(gpointer object) const noexcept { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, ObjectUnref>;

struct GErrorFree {
  void operator()(GError* error) const noexcept { g_error_free(error); }
};
using GErrorPtr = std::unique_ptr<GError, GErrorFree>;
struct HashFree {
  void operator()(GHashTable* table) const noexcept { g_hash_table_unref(table); }
};
struct ObjectsFree {
  void operator()(GList* list) const noexcept { g_list_free_full(list, g_object_unref); }
};
struct SecretUnref {
  void operator()(SecretValue* value) const noexcept { secret_value_unref(value); }  // wipes with the last reference
};

Error no_service(const GErrorPtr& error) {
  return {ErrorCode::Unavailable,
          "the keychain does not answer (" + (error ? printable(error->message, 200) : std::string("no reason given")) +
              "): run posternd in a session with a Secret Service, such as gnome-keyring-daemon under dbus-run-session",
          "keychain"};
}

Error locked() {
  return {
      ErrorCode::Denied,
      "the keychain is locked and a daemon cannot ask for its password: unlock it first, for example with `gnome-keyring-daemon --unlock`, "
      "and start again",
      "keychain"};
}

std::string entry_text(const std::string& service, const std::string& account) { return "service " + service + ", account " + account; }

/// The service on the session bus. When the bus goes away later, that must not end the daemon, as GLib would have it.
Result<Object<SecretService>> open_service() {
  GError* raw_error = nullptr;
  const Object<GDBusConnection> bus(g_bus_get_sync(G_BUS_TYPE_SESSION, nullptr, &raw_error));
  if (!bus) return fail(no_service(GErrorPtr(raw_error)));
  g_dbus_connection_set_exit_on_close(bus.get(), FALSE);
  Object<SecretService> service(secret_service_get_sync(SECRET_SERVICE_OPEN_SESSION, nullptr, &raw_error));
  if (!service) return fail(no_service(GErrorPtr(raw_error)));
  return service;
}

/// A store into a locked or missing default collection would prompt.
Status default_collection_is_open(SecretService* service) {
  GError* raw_error = nullptr;
  const Object<SecretCollection> collection(
      secret_collection_for_alias_sync(service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, nullptr, &raw_error));
  const GErrorPtr error(raw_error);
  if (error) return fail(no_service(error));
  if (!collection)
    return fail(ErrorCode::Unavailable, "the keychain has no default collection to keep a new entry in: unlock or create one first",
                "keychain");
  if (secret_collection_get_locked(collection.get()) == TRUE) return fail(locked());
  return {};
}

}  // namespace

Result<SecretBytes> load_from_keychain(const std::string& service, const std::string& account) {
  POSTERN_TRY(const auto opened, open_service());
  const std::unique_ptr<GHashTable, HashFree> attributes(
      secret_attributes_build(&kSchema, "service", service.c_str(), "account", account.c_str(), nullptr));
  GError* raw_error = nullptr;
  const std::unique_ptr<GList, ObjectsFree> found(
      secret_service_search_sync(opened.get(), &kSchema, attributes.get(), SECRET_SEARCH_LOAD_SECRETS, nullptr, &raw_error));
  const GErrorPtr error(raw_error);
  if (error) return fail(no_service(error));
  if (!found) {
    // A locked collection may not even say what it holds.
    const Status open = default_collection_is_open(opened.get());
    if (!open && open.error().code == ErrorCode::Denied) return fail(open.error());
    return fail(ErrorCode::NotFound,
                "the keychain has no entry for " + entry_text(service, account) +
                    ": make one with `secret-tool store --label=Postern service " + service + " account " + account + "`",
                "keychain");
  }
  auto* item = static_cast<SecretItem*>(found->data);
  if (secret_item_get_locked(item) == TRUE) return fail(locked());
  const std::unique_ptr<SecretValue, SecretUnref> value(secret_item_get_secret(item));
  if (!value)
    return fail(ErrorCode::Unavailable, "the keychain did not hand out the entry for " + entry_text(service, account), "keychain");
  gsize size = 0;
  const gchar* bytes = secret_value_get(value.get(), &size);
  return SecretBytes::from_text({bytes, size});
}

Status store_in_keychain(const std::string& service, const std::string& account, ByteView passphrase) {
  POSTERN_TRY(const auto opened, open_service());
  POSTERN_CHECK(default_collection_is_open(opened.get()));
  GError* raw_error = nullptr;
  std::string text(as_text(passphrase));
  const std::string label = "Postern: " + service + "/" + account;
  const bool stored = secret_password_store_sync(&kSchema, SECRET_COLLECTION_DEFAULT, label.c_str(), text.c_str(), nullptr, &raw_error,
                                                 "service", service.c_str(), "account", account.c_str(), nullptr) == TRUE;
  wipe(text);
  const GErrorPtr error(raw_error);
  if (error) return fail(no_service(error));
  if (!stored) return fail(ErrorCode::Unavailable, "the keychain did not take the entry for " + entry_text(service, account), "keychain");
  return {};
}

}  // namespace postern
