#include "vaultkeeper/credentials.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/hash.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr std::size_t kMostSecret = 4096;

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : m_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (m_fd >= 0) ::close(m_fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return m_fd; }

 private:
  int m_fd;
};

tl::unexpected<Error> file_fault(const std::string& path, const std::string& setting) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::NotFound : errno == EACCES ? ErrorCode::Denied : ErrorCode::Unavailable;
  return fail(code, "cannot read " + path + ": " + std::strerror(errno), setting);
}

Result<SecretBytes> trimmed(ByteView bytes, const std::string& setting) {
  const std::string_view text = trim(as_text(bytes));
  const bool sane = !text.empty() && text.size() <= kMostSecret &&
                    std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
  if (!sane) return fail(ErrorCode::BadInput, "must hold one word of at most 4 KiB", setting);
  return SecretBytes::from_text(text);
}

Result<SecretBytes> read_file(const std::string& path, const std::string& setting) {
  const Descriptor file(path);
  struct stat info{};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) return file_fault(path, setting);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::Denied, path + " is not a regular file", setting);
  // The group may read: that is how service managers and agents hand secrets over. Nobody else.
  if ((info.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    return fail(ErrorCode::Denied, path + " can be read or changed by others: chmod 600 it, and replace the secret in it", setting);
  SecretBytes buffer(kMostSecret + 2);
  std::size_t have = 0;
  while (have < buffer.size()) {
    const ssize_t count = ::read(file.get(), buffer.span().data() + have, buffer.size() - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_fault(path, setting);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  return trimmed(buffer.view().first(have), setting);
}

Result<SecretBytes> read_environment(const std::string& name, const std::string& setting) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return fail(ErrorCode::NotFound, "the environment variable " + name + " is not set", setting);
  return trimmed(as_bytes(value), setting);
}

Result<SecretBytes> read_keychain(const RootKeySource& source, const KeychainUse& use, const std::string& setting) {
  auto found =
      use.enabled ? load_from_keychain(source.place, source.account)
                  : Result<SecretBytes>(fail(ErrorCode::Unavailable, "the keychain may not be asked (security.keychain.enabled is false)"));
  if (!found) return fail(found.error().code, found.error().what, setting);
  return trimmed(found->view(), setting);
}

/// auth.client_token and what is said of its life.
Result<Grant> grant_of(const Answer& answer) {
  Grant out;
  POSTERN_TRY(const std::string_view token, text_of(answer.auth(), "client_token"));
  POSTERN_TRY(out.token, trimmed(as_bytes(token), "client_token"));
  POSTERN_TRY(const std::int64_t lease, number_of(answer.auth(), "lease_duration"));
  out.lease = std::chrono::seconds(std::clamp<std::int64_t>(lease, 0, 10LL * 365 * 24 * 3600));
  out.renewable = flag_of(answer.auth(), "renewable");
  return out;
}

// The server's words about a login are not repeated: they may hold what was sent.
Error refusal(const Answer& answer, std::string what) {
  const ErrorCode code =
      answer.status() == 400 || answer.status() == 403 || answer.status() == 404 ? ErrorCode::Denied : ErrorCode::Unavailable;
  return {code, std::move(what) + " (status " + std::to_string(answer.status()) + ")", "keys.vault"};
}

class AppRole final : public Credentials {
 public:
  explicit AppRole(AppRoleOptions options) : m_options(std::move(options)) {}

  Result<Grant> obtain(Line& line, SteadyTime deadline) override {
    POSTERN_TRY(const SecretBytes role_id, read_secret(m_options.role_id, m_options.keychain, "keys.vault.role_id"));
    POSTERN_TRY(const SecretBytes secret_id, current_secret(line, deadline));
    Ask login{.path = "auth/" + m_options.mount + "/login",
              .body = BodyWriter().text("role_id", as_text(role_id.view())).text("secret_id", as_text(secret_id.view())).take(),
              .repeatable = false};  // a secret_id may have a number of uses
    POSTERN_TRY(const Answer answer, line.ask(login, {}, deadline));
    if (answer.good()) return grant_of(answer);
    m_unwrapped = SecretBytes();  // perhaps the file has a new one by the next time
    return fail(refusal(answer, "the Vault refuses the AppRole login at auth/" + m_options.mount + "/: see that " +
                                    m_options.role_id.text() + " and " + m_options.secret_id.text() +
                                    " hold a role_id and a secret_id that are valid and not used up"));
  }

  bool owns_token() const override { return true; }

 private:
  Result<SecretBytes> current_secret(Line& line, SteadyTime deadline) {
    if (!m_options.wrapped) return read_secret(m_options.secret_id, m_options.keychain, "keys.vault.secret_id");
    if (m_unwrapped.empty()) {
      POSTERN_TRY(m_unwrapped, unwrap(line, deadline));
    }
    return m_unwrapped.clone();
  }

  /// The wrapping token is only good for one who was first, and only when it wraps a secret_id of our auth method: whoever intercepted it
  /// could have put another in its place.
  Result<SecretBytes> unwrap(Line& line, SteadyTime deadline) const {
    POSTERN_TRY(const SecretBytes token, read_secret(m_options.secret_id, m_options.keychain, "keys.vault.secret_id"));
    const Ask lookup{.path = "sys/wrapping/lookup", .body = BodyWriter().text("token", as_text(token.view())).take()};
    POSTERN_TRY(const Answer about, line.ask(lookup, {}, deadline));
    const std::string place = m_options.secret_id.text();
    if (!about.good())
      return fail(refusal(about, "the wrapping token of " + place +
                                     " is not valid: give a new one; if you have not used it, somebody else has, "
                                     "and its secret_id must be destroyed"));
    POSTERN_TRY(const std::string_view path, text_of(about.data(), "creation_path"));
    if (!path.starts_with("auth/" + m_options.mount + "/role/") || !path.ends_with("/secret-id"))
      return fail(
          ErrorCode::Denied,
          "the wrapping token of " + place + " does not wrap a secret_id of auth/" + m_options.mount + "/: somebody may have exchanged it",
          "keys.vault");
    const Ask open{.path = "sys/wrapping/unwrap", .body = {}, .repeatable = false};
    POSTERN_TRY(const Answer opened, line.ask(open, token.view(), deadline));
    if (!opened.good()) return fail(refusal(opened, "the wrapping token of " + place + " cannot be unwrapped: give a new one"));
    POSTERN_TRY(const std::string_view secret, text_of(opened.data(), "secret_id"));
    return trimmed(as_bytes(secret), "secret_id");
  }

  AppRoleOptions m_options;
  SecretBytes m_unwrapped;
};

class TokenFile final : public Credentials {
 public:
  explicit TokenFile(std::string path) : m_path(std::move(path)) {}

  Result<Grant> obtain(Line& line, SteadyTime deadline) override {
    Grant out;
    POSTERN_TRY(out.token, read_file(m_path, "keys.vault.token_file"));
    m_seen = sha256(out.token.view());
    const Ask self{.method = "GET", .path = "auth/token/lookup-self", .body = {}};
    POSTERN_TRY(const Answer answer, line.ask(self, out.token.view(), deadline));
    if (!answer.good())
      return fail(refusal(
          answer, "the Vault does not accept the token of " + m_path + ": it has expired, or may not look itself up (policy default)"));
    out.lease = std::chrono::seconds(std::max<std::int64_t>(number_of(answer.data(), "ttl").value_or(0), 0));
    out.renewable = flag_of(answer.data(), "renewable");
    return out;
  }

  bool changed() override {
    const auto now = read_file(m_path, "keys.vault.token_file");
    return now && sha256(now->view()) != m_seen;
  }

  bool owns_token() const override { return false; }

 private:
  std::string m_path;
  Sha256 m_seen{};
};

}  // namespace

Result<SecretBytes> read_secret(const RootKeySource& source, const KeychainUse& keychain, const std::string& setting) {
  switch (source.kind) {
    case RootKeySource::Kind::File: return read_file(source.place, setting);
    case RootKeySource::Kind::Environment: return read_environment(source.place, setting);
    case RootKeySource::Kind::Keychain: return read_keychain(source, keychain, setting);
  }
  return fail(ErrorCode::Internal, "unknown source of a secret", setting);
}

std::unique_ptr<Credentials> approle_credentials(AppRoleOptions options) { return std::make_unique<AppRole>(std::move(options)); }
std::unique_ptr<Credentials> token_file_credentials(std::string path) { return std::make_unique<TokenFile>(std::move(path)); }

}  // namespace postern::vaultkeeper
