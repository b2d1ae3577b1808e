#include "api/operators.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "gateway/hops.hpp"

namespace postern::api {
namespace {

Role role_named(const std::string& word) {
  if (word == "admin") return Role::Admin;
  return word == "quarantine" ? Role::Quarantine : Role::Reader;
}

SecretBytes copy_of(std::string_view text) {
  SecretBytes out(text.size());
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(out.span().data()));
  return out;
}

}  // namespace

std::string_view name_of(Role role) noexcept {
  switch (role) {
    case Role::Reader: return "reader";
    case Role::Quarantine: return "quarantine";
    case Role::Admin: return "admin";
  }
  return "reader";
}

Result<Operators> Operators::make(const config::Config& config, const std::string& admin_token) {
  Operators out;
  out.m_all.push_back({"admin", Role::Admin, copy_of(admin_token)});
  for (std::size_t i = 0; i < config.operators.size(); ++i) {
    const config::Operator& setting = config.operators[i];
    const std::string path = "operator[" + std::to_string(i) + "].token_ref";
    auto token = gateway::read_secret_ref(setting.token_ref, config);
    if (!token) return fail(token.error().code, token.error().text(), path);
    if (token->size() < kLeastTokenSize)
      return fail(ErrorCode::BadInput,
                  "the token has less than " + std::to_string(kLeastTokenSize) + " characters; `openssl rand -hex 32` makes one", path);
    for (const Operator& other : out.m_all) {
      if (constant_time_equal(other.token.view(), token->view()))
        return fail(ErrorCode::BadInput, "is the token of " + other.name + ", too; each operator needs his own", path);
    }
    out.m_all.push_back({setting.name, role_named(setting.role), *std::move(token)});
  }
  return out;
}

Role Operators::role_of(std::string_view name) const noexcept {
  const auto found = std::ranges::find(m_all, name, &Operator::name);
  return found == m_all.end() ? Role::Reader : found->role;
}

const Operator* Operators::find(std::string_view authorization) const noexcept {
  constexpr std::string_view scheme = "Bearer ";
  if (!istarts_with(authorization, scheme)) return nullptr;
  const Operator* found = nullptr;
  for (const Operator& one : m_all) {  // all of them, so that time says nothing about which
    if (constant_time_equal(as_bytes(authorization.substr(scheme.size())), one.token.view())) found = &one;
  }
  return found;
}

}  // namespace postern::api
