// What the backends of this room share: a table of paths made once, and small words for answers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vault/backend.hpp"

namespace postern::vault {

/// A Backend whose handlers are member functions.
template <class Self>
class HandlerTable : public Backend {
 public:
  [[nodiscard]] const std::vector<PathSpec>& paths() const noexcept final { return m_paths; }

 protected:
  using Member = Result<Answer> (Self::*)(const Call&);
  [[nodiscard]] Handler handler(Member member) {
    return [self = static_cast<Self*>(this), member](const Call& call) { return (self->*member)(call); };
  }
  using Operations = std::map<Operation, Handler>;
  PathSpec& add_path(std::string pattern, std::string help, std::vector<FieldSpec> fields, Operations operations) {
    PathSpec& spec = m_paths.emplace_back();
    spec.pattern = std::move(pattern);
    spec.help = std::move(help);
    spec.fields = std::move(fields);
    spec.operations = std::move(operations);
    return spec;
  }

 private:
  std::vector<PathSpec> m_paths;
};

/// Nothing but a status.
[[nodiscard]] inline Answer only_status(int status) {
  Answer answer;
  answer.status = status;
  return answer;
}

/// Errors of the storage that are no fault of the caller must not read as 400.
[[nodiscard]] inline Error storage_error(Error error) {
  if (error.code == ErrorCode::IntegrityFailed) error.code = ErrorCode::Internal;
  return error;
}
template <class T>
[[nodiscard]] Result<T> stored(Result<T> result) {
  if (!result) return fail(storage_error(std::move(result).error()));
  return result;
}

/// LIST puts a '/' at the end of a path that has none; the root is the empty path.
[[nodiscard]] inline std::string as_folder(std::string path) {
  if (!path.empty() && path.back() != '/') path += '/';
  return path;
}

/// The fields `after` and `limit` of a LIST.
[[nodiscard]] inline StoragePage page_of(const Fields& fields) {
  const std::int64_t limit = fields.integer("limit");
  return {fields.text("after"), limit > 0 ? static_cast<std::size_t>(limit) : 0};
}

}  // namespace postern::vault
