#include "secrets/kv_plain.hpp"

#include "vault/memory.hpp"

namespace postern::vault {

KvPlain::KvPlain(Kind kind) : m_kind(kind) {
  add_path("{path...?}", "Reads, writes, deletes and lists secrets by path.",
           {{"path", FieldType::String, {}, "Where the secret lies."},
            {"after", FieldType::String, {}, "LIST: only names behind this one."},
            {"limit", FieldType::Integer, {}, "LIST: at most so many names."}},
           {{Operation::Read, handler(&KvPlain::read)},
            {Operation::Create, handler(&KvPlain::write)},
            {Operation::Update, handler(&KvPlain::write)},
            {Operation::Delete, handler(&KvPlain::remove)},
            {Operation::List, handler(&KvPlain::list)},
            {Operation::Scan, handler(&KvPlain::scan)}})
      .exists = [this](const Call& call) { return exists(call); };
}

Result<std::string> KvPlain::place(const Call& call) const {
  std::string path = call.fields.text("path");
  if (m_kind == Kind::Shared) return path;
  if (call.caller == nullptr || call.caller->cubbyhole.empty()) return fail(ErrorCode::Denied, "permission denied");
  return call.caller->cubbyhole + "/" + path;
}

Result<bool> KvPlain::exists(const Call& call) const {
  POSTERN_TRY(const std::string path, place(call));
  if (!check_storage_path(path)) return false;
  POSTERN_TRY(const auto found, stored(call.storage.get(path)));
  return found.has_value();
}

Result<Answer> KvPlain::read(const Call& call) {
  if (call.fields.text("path").empty()) return Answer{};
  POSTERN_TRY(const std::string path, place(call));
  POSTERN_TRY(const auto found, stored(call.storage.get(path)));
  if (!found) return Answer{};
  POSTERN_TRY(auto data, object_from_secret(found->view(), wiped_memory()));
  return Answer::with(std::move(data));
}

Result<Answer> KvPlain::write(const Call& call) {
  if (call.fields.text("path").empty()) return fail(ErrorCode::BadInput, "missing path");
  if (call.request.data.empty()) return fail(ErrorCode::BadInput, "missing data fields");
  POSTERN_TRY(std::string path, place(call));
  POSTERN_CHECK(stored(call.storage.put(std::move(path), to_secret(call.request.data))));
  return Answer{};
}

Result<Answer> KvPlain::remove(const Call& call) {
  if (call.fields.text("path").empty()) return Answer{};
  POSTERN_TRY(std::string path, place(call));
  POSTERN_CHECK(stored(call.storage.remove(std::move(path))));
  return Answer{};
}

Result<Answer> KvPlain::list(const Call& call) {
  POSTERN_TRY(std::string path, place(call));
  POSTERN_TRY(auto names, stored(call.storage.list(as_folder(std::move(path)), page_of(call.fields))));
  return Answer::list(std::move(names));
}

Result<Answer> KvPlain::scan(const Call& call) {
  POSTERN_TRY(std::string path, place(call));
  const std::string folder = as_folder(std::move(path));
  POSTERN_TRY(auto names, stored(call.storage.walk(folder)));
  for (std::string& name : names) name.erase(0, folder.size());
  return Answer::list(std::move(names));
}

}  // namespace postern::vault
