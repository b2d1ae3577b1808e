#include "keys/root_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

constexpr std::size_t kRawSize = 32;
constexpr std::size_t kMinPassphrase = 12;
constexpr std::size_t kMaxPassphrase = 1024;

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : m_fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)) {}
  ~File() {
    if (m_fd >= 0) ::close(m_fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const noexcept { return m_fd; }
  [[nodiscard]] bool is_open() const noexcept { return m_fd >= 0; }

 private:
  int m_fd;
};

Error file_error(std::string_view doing, const std::string& path) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::NotFound : errno == EACCES ? ErrorCode::Denied : ErrorCode::Unavailable;
  return {code, std::string(doing) + " the root key file " + path + ": " + std::strerror(errno), "root_key"};
}

bool looks_like_text(ByteView bytes) {
  return std::ranges::none_of(bytes, [](Byte b) { return b < 0x20 || b == 0x7f; }) && is_utf8(as_text(bytes));
}

// Raw keys are told from passphrases by not being text, so a new raw key must not be text by accident (1 in 10^13).
SecretBytes new_raw_key() {
  for (;;) {
    SecretBytes key = random_key(kRawSize);
    if (!looks_like_text(key.view())) return key;
  }
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(ErrorCode::Unavailable, std::string("writing: ") + std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Under its final name the file is always whole: written aside, synced, then linked (which never replaces another's file).
Status create_key_file(const std::string& path) {
  const std::string aside = path + ".new";
  const SecretBytes key = new_raw_key();
  ::unlink(aside.c_str());
  const File file(aside, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file.is_open()) return fail(file_error("creating", path));
  POSTERN_CHECK(write_all(file.fd(), key.view()));
  const bool linked = ::fsync(file.fd()) == 0 && (::link(aside.c_str(), path.c_str()) == 0 || errno == EEXIST);
  ::unlink(aside.c_str());
  if (!linked) return fail(file_error("creating", path));
  const File folder(folder_of(path), O_RDONLY | O_DIRECTORY);
  if (folder.is_open()) ::fsync(folder.fd());
  log::warn("keys.root_key_created",
            {{"path", path}, {"action", "back this file up apart from the database: without it the keys are lost"}});
  return {};
}

Status check_mode(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail(file_error("examining", path));
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::Denied, "the root key " + path + " is not a regular file", "root_key");
  // The group may read: that is how service managers hand secrets over. Nobody else.
  if ((info.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
    return fail(ErrorCode::Denied, "the root key file " + path + " can be read or changed by others: chmod 600 it, and consider it known",
                "root_key");
  }
  return {};
}

Result<SecretBytes> read_up_to(int fd, std::size_t limit, const std::string& path) {
  SecretBytes buffer(limit);
  std::size_t have = 0;
  while (have < limit) {
    const ssize_t count = ::read(fd, buffer.span().data() + have, limit - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(file_error("reading", path));
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  return SecretBytes(buffer.view().first(have));
}

Result<RootKey> read_key_file(int fd, const std::string& path) {
  POSTERN_CHECK(check_mode(fd, path));
  POSTERN_TRY(const SecretBytes content, read_up_to(fd, kMaxPassphrase + 2, path));
  if (content.size() == kRawSize && !looks_like_text(content.view())) return RootKey::raw(content.view());
  return RootKey::passphrase(as_bytes(trim(as_text(content.view()))));
}

Result<RootKey> load_file(const std::string& path, CreateRootKey create) {
  std::optional<File> file(std::in_place, path, O_RDONLY);
  if (!file->is_open() && errno == ENOENT && create == CreateRootKey::IfMissing) {
    POSTERN_CHECK(create_key_file(path));
    file.emplace(path, O_RDONLY);
  }
  if (!file->is_open()) return fail(file_error("opening", path));
  return read_key_file(file->fd(), path);
}

/// 256 random bits as text, because keychains keep text.
Result<RootKey> create_in_keychain(const RootKeySource& source) {
  const SecretBytes key = random_key(kRawSize);
  std::string text = hex_encode(key.view());
  const Status stored = store_in_keychain(source.place, source.account, as_bytes(text));
  wipe(text);
  if (!stored) return fail(stored.error());
  log::warn("keys.root_key_created",
            {{"place", source.text()}, {"action", "back this entry up apart from the database: without it the keys are lost"}});
  POSTERN_TRY(const SecretBytes back, load_from_keychain(source.place, source.account));
  return RootKey::passphrase(back.view());
}

Result<RootKey> ask_keychain(const RootKeySource& source, CreateRootKey create) {
  auto found = load_from_keychain(source.place, source.account);
  if (found) return RootKey::passphrase(found->view());
  if (found.error().code == ErrorCode::NotFound && create == CreateRootKey::IfMissing) return create_in_keychain(source);
  return fail(std::move(found).error());
}

/// The keychain, or the variable that stands in for it. An entry that is missing from a keychain that answers is missing.
Result<RootKey> load_keychain(const RootKeySource& source, CreateRootKey create, const KeychainUse& use) {
  auto key =
      use.enabled
          ? ask_keychain(source, create)
          : Result<RootKey>(fail(ErrorCode::Unavailable, "the keychain may not be asked (security.keychain.enabled is false)", "keychain"));
  if (key || key.error().code == ErrorCode::BadInput || use.fallback_env.empty()) return key;
  const char* value = std::getenv(use.fallback_env.c_str());
  const bool missing = key.error().code == ErrorCode::NotFound;
  if (value == nullptr || missing) {
    Error error = std::move(key).error();
    if (!missing)
      error.what +=
          "; or put the passphrase into the environment variable " + use.fallback_env + ", or name another source (file:PATH, env:NAME)";
    else if (value != nullptr)
      error.what += "; " + use.fallback_env + " is not used, because the keychain answers";
    return fail(std::move(error));
  }
  log::warn("keys.keychain_fallback", {{"variable", use.fallback_env}, {"reason", key.error()}});
  return RootKey::passphrase(as_bytes(value));
}

Result<RootKey> load_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr)
    return fail(ErrorCode::NotFound, "the environment variable " + name + " is not set: put the root passphrase there", "root_key");
  return RootKey::passphrase(as_bytes(value));
}

}  // namespace

std::string RootKeySource::text() const {
  switch (kind) {
    case Kind::File: return "file:" + place;
    case Kind::Environment: return "env:" + place;
    case Kind::Keychain: return "keychain:" + place + "/" + account;
  }
  return {};
}

Result<RootKeySource> parse_root_key_source(std::string_view text, const KeychainUse& keychain) {
  const std::size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  const std::string place(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  using Kind = RootKeySource::Kind;
  if (scheme == "file" && !place.empty()) return RootKeySource{Kind::File, place, {}};
  if (scheme == "env" && !place.empty()) return RootKeySource{Kind::Environment, place, {}};
  if (scheme == "keychain" && colon != std::string_view::npos) {
    const std::size_t slash = std::min(place.find('/'), place.size());
    const std::string service = place.substr(0, slash), account = slash == place.size() ? "" : place.substr(slash + 1);
    return RootKeySource{Kind::Keychain, service.empty() ? keychain.service : service, account.empty() ? keychain.account : account};
  }
  return fail(ErrorCode::BadInput, "write file:PATH, env:NAME or keychain:SERVICE/ACCOUNT", "root_key");
}

Result<RootKey> RootKey::raw(ByteView key) {
  if (key.size() != kRawSize) return fail(ErrorCode::BadInput, "a raw root key is exactly 32 bytes", "root_key");
  return RootKey(Form::Raw, key);
}

Result<RootKey> RootKey::passphrase(ByteView text) {
  if (text.size() < kMinPassphrase || text.size() > kMaxPassphrase) {
    return fail(ErrorCode::BadInput, "a root passphrase has 12 to 1,024 bytes", "root_key");
  }
  return RootKey(Form::Passphrase, text);
}

Result<RootKey> load_root_key(const RootKeySource& source, CreateRootKey create, const KeychainUse& keychain) {
  switch (source.kind) {
    case RootKeySource::Kind::File: return load_file(source.place, create);
    case RootKeySource::Kind::Environment: return load_environment(source.place);
    case RootKeySource::Kind::Keychain: return load_keychain(source, create, keychain);
  }
  return fail(ErrorCode::Internal, "unknown root key source");
}

}  // namespace postern
