#include "vault/backend.hpp"

#include <algorithm>

namespace postern::vault {

Answer Answer::list(std::vector<std::string> names) {
  if (names.empty()) return {};
  std::ranges::sort(names);
  boost::json::array keys;
  keys.reserve(names.size());
  for (const std::string& name : names) keys.emplace_back(name);
  return with({{"keys", std::move(keys)}});
}

Result<Grant> Backend::renew(const boost::json::object& /*internal*/) {
  return fail(ErrorCode::BadInput, "lease is not renewable: its method " + std::string(type()) + " cannot renew what it granted");
}

Status Backend::unlock(std::string_view /*name*/) {
  return fail(ErrorCode::BadInput, "the method " + std::string(type()) + " locks nobody");
}

}  // namespace postern::vault
