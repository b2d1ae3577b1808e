#include "logins/record.hpp"

#include "crypto/random.hpp"
#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

tl::unexpected<Error> broken() {
  return fail(ErrorCode::IntegrityFailed, "a stored record of a login method cannot be read: restore the storage from a backup");
}

}  // namespace

StorageChange record_change(std::string path, const json::object& record) {
  std::string text;
  text.reserve(json_size(record));
  append_json(text, record);
  StorageChange change{std::move(path), SecretBytes::from_text(text)};
  wipe(text);
  return change;
}

Result<std::optional<json::object>> read_record(Storage& storage, std::string_view path) {
  POSTERN_TRY(const std::optional<SecretBytes> stored, storage.get(path));
  if (!stored) return std::optional<json::object>();
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(as_text(stored->view()).data(), stored->size()), error);
  if (error || !value.is_object()) return broken();
  return std::optional<json::object>(std::move(value.get_object()));
}

Result<SecretBytes> own_key(Storage& storage, std::string_view path) {
  POSTERN_TRY(std::optional<SecretBytes> stored, storage.get(path));
  if (stored) return *std::move(stored);
  SecretBytes fresh = random_key(32);
  POSTERN_CHECK(storage.put(std::string(path), fresh.clone()));
  return fresh;
}

Result<std::int64_t> record_integer(const json::object& record, std::string_view name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_int64()) return broken();
  return value->get_int64();
}

Result<std::string> record_text(const json::object& record, std::string_view name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_string()) return broken();
  return std::string(value->get_string());
}

Result<std::vector<std::string>> record_texts(const json::object& record, std::string_view name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_array()) return broken();
  std::vector<std::string> out;
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return broken();
    out.emplace_back(item.get_string());
  }
  return out;
}

json::array texts_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

}  // namespace postern::vault
