#include "transport/profile.hpp"

#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "config/record.hpp"
#include "config/rows.hpp"
#include "gateway/hops.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "osi/address.hpp"
#include "pki/certificate.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".toml";
constexpr std::size_t kMostFiles = 1'000;

Status check_peer(const std::string& text) {
  const auto address = osi::parse_presentation_address(text);
  if (address) return {};
  return fail(ErrorCode::BadInput, "must be tsel/ssel/psel@host:port (" + address.error().text() + ")");
}

Status check_reference(const std::string& text) {
  if (text.starts_with("file:") && text.size() > 5) return {};
  if (text.starts_with("env:") && text.size() > 4) return {};
  return fail(ErrorCode::BadInput, "must be file:PATH (beside the profile) or env:NAME");
}

const std::vector<config::Row<ProfileText>>& rows() {
  using namespace config::rows;
  using P = ProfileText;
  static const std::vector<config::Row<P>> all{
      checked_text<P>("peer", FIELD(peer), "Where it listens.", check_peer),
      text<P>("role", FIELD(role), "Who binds.", {"p7", "p3", "p1"}),
      text<P>("user", FIELD(user), "As whom."),
      text<P>("domain", FIELD(domain), "Of our MTA."),
      checked_text<P>("password_ref", FIELD(password_ref), "Where the password is.", check_reference),
      list<P>("pins", FIELD(pins), "Of the peer's certificate or key."),
      text<P>("certificate", FIELD(strong.certificate), "PEM chain of strong credentials."),
      text<P>("key", FIELD(strong.key), "PEM private key of certificate."),
      text<P>("responder_name", FIELD(strong.responder_name), "With p3 and strong credentials: name of the MTA."),
      list<P>("responder_pins", FIELD(strong.responder_pins), "Of the certificate or key with which the responder must answer."),
      text<P>("responder_ca", FIELD(strong.responder_ca), "What that certificate leads to."),
      text<P>("responder_subject", FIELD(strong.responder_subject), "And of whom it is."),
  };
  return all;
}

tl::unexpected<Error> bad(std::string_view source, const char* field, std::string what) {
  return fail(ErrorCode::BadInput, std::string(source) + ": " + field + " " + std::move(what), field);
}

Result<std::string> canonical_user(const std::string& text) {
  POSTERN_TRY(const oraddress::ORAddress address, oraddress::parse(text));
  POSTERN_TRY(const oraddress::ORAddress canonical, oraddress::canonical(address));
  return oraddress::write(canonical);
}

Status complete_strong(const ProfileText& out, std::string_view source) {
  const mhs::StrongFiles& strong = out.strong;
  if (strong.certificate.empty() != strong.key.empty()) return bad(source, "key", "and certificate belong together; give both or none");
  if (strong.certificate.empty()) {
    if (strong.responder_name.empty() && strong.responder_pins.empty() && strong.responder_ca.empty() && strong.responder_subject.empty())
      return {};
    return bad(source, "certificate", "is missing; responder_name, _pins, _ca and _subject are of strong credentials");
  }
  if (!out.password_ref.empty()) return bad(source, "password_ref", "is of simple credentials; take it out, or certificate and key");
  if (out.role == "p1") return bad(source, "certificate", "is for the roles p3 and p7; between MTAs it is [[x400_peer]] credentials");
  if (out.role == "p3" && strong.responder_name.empty())
    return bad(source, "responder_name", "is missing; with p3 the token is made for an MTA of this name");
  for (const std::string& pin : strong.responder_pins)
    if (const auto fingerprint = parse_fingerprint(pin); !fingerprint) return bad(source, "responder_pins", fingerprint.error().what);
  if (!strong.responder_pins.empty() || (!strong.responder_ca.empty() && !strong.responder_subject.empty())) return {};
  return bad(source, "responder_pins", "is missing, or responder_ca with responder_subject: whose answer is believed");
}

/// What takes more than one setting.
Status complete(ProfileText& out, std::string_view source) {
  if (out.peer.empty()) return bad(source, "peer", "is missing; say where the service listens: \"x400n@store.example.org:102\"");
  if (out.user.empty()) return bad(source, "user", "is missing; say who binds: an O/R address, with role p1 our MTA name");
  if (out.role == "p1" && out.domain.empty()) return bad(source, "domain", "is missing; role p1 needs our domain: \"C=DE;A= ;P=ORG\"");
  if (out.role != "p1" && !out.domain.empty()) return bad(source, "domain", "belongs to role p1 only");
  for (const std::string& pin : out.pins)
    if (const auto fingerprint = parse_fingerprint(pin); !fingerprint) return bad(source, "pins", fingerprint.error().what);
  POSTERN_CHECK(complete_strong(out, source));
  if (out.role == "p1") return {};
  auto user = canonical_user(out.user);
  if (!user) return bad(source, "user", "is no O/R address: " + user.error().text());
  out.user = *std::move(user);
  return {};
}

sdk::Role role_of(std::string_view word) {
  if (word == "p3") return sdk::Role::P3User;
  return word == "p1" ? sdk::Role::P1Mta : sdk::Role::P7User;
}

/// The names of all profiles; empty where the folder is not there.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && out.size() < kMostFiles; at.increment(error)) {
    const std::string file = at->path().filename().string();
    if (file.ends_with(kSuffix)) out.push_back(file.substr(0, file.size() - kSuffix.size()));
  }
  return out;
}

/// A name and no path: it comes from the environment too.
Status check_name(const std::string& name) {
  const bool good = !name.empty() && name.front() != '.' &&
                    std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; });
  if (good) return {};
  return fail(ErrorCode::BadInput, "\"" + printable(name) + "\" is no profile's name: letters, digits, _, - and dots",
              "transport.sdk.preferred_profile");
}

Result<std::string> text_of_file(const std::string& path, const std::string& name) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(ErrorCode::NotFound,
                "there is no profile \"" + name + "\", or it cannot be read: write " + path +
                    " with peer, role, user and password_ref (docs/x400-transport.md), or name another one as "
                    "transport.sdk.preferred_profile",
                "transport.profiles_dir");
  std::string text(kProfileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

Result<SecretBytes> password_of(const ProfileText& text, const fs::path& path, const config::Config& config) {
  if (text.password_ref.empty()) return SecretBytes();
  std::string reference = text.password_ref;
  if (reference.starts_with("file:")) reference = "file:" + (path.parent_path() / reference.substr(5)).string();
  auto password = gateway::read_secret_ref(reference, config);
  if (!password) return fail(password.error().code, path.string() + ": password_ref: " + password.error().text(), "password_ref");
  return password;
}

Result<mhs::StrongFiles> strong_of(mhs::StrongFiles strong, const fs::path& path, const config::Config& config) {
  if (strong.certificate.empty()) return strong;
  if (config.transport.mode == "sdk")
    return bad(path.string(), "certificate", "is for transport.mode native; a library gets passwords only");
  for (std::string* file : {&strong.certificate, &strong.key, &strong.responder_ca})
    if (!file->empty()) *file = (path.parent_path() / *file).string();
  return strong;
}

/// A profile as its file has it.
struct StoredProfile {
  std::string name;
  fs::path path;
  ProfileText text;
};
Result<StoredProfile> read_stored(const config::Config& config) {
  StoredProfile out;
  out.name = preferred_profile(config);
  POSTERN_CHECK(check_name(out.name));
  out.path = fs::path(config.beside_config(config.transport.profiles_dir)) / (out.name + std::string(kSuffix));
  POSTERN_TRY(const std::string toml, text_of_file(out.path.string(), out.name));
  POSTERN_TRY(out.text, parse_profile(toml, out.path.string()));
  return out;
}

}  // namespace

sdk::Bind Profile::bind_request() const {
  return {.role = role, .peer = peer, .name = user, .domain = domain, .password = to_bytes(as_text(password.view()))};
}

Result<ProfileText> parse_profile(std::string_view toml, std::string_view source) {
  POSTERN_TRY(ProfileText out, config::read_record(toml, source, rows(), kProfileBytes));
  POSTERN_CHECK(complete(out, source));
  return out;
}

std::string preferred_profile(const config::Config& config) {
  if (const std::string& named = config.transport.sdk.preferred_profile; !named.empty()) return named;
  const auto names = names_in(config.beside_config(config.transport.profiles_dir));
  return names.size() == 1 ? names.front() : kDefaultProfile;
}

Result<std::vector<std::string>> profile_pins(const config::Config& config) {
  POSTERN_TRY(StoredProfile stored, read_stored(config));
  return std::move(stored.text.pins);
}

Result<mhs::StrongFiles> profile_strong(const config::Config& config) {
  POSTERN_TRY(StoredProfile stored, read_stored(config));
  return strong_of(std::move(stored.text.strong), stored.path, config);
}

Result<Profile> read_profile(const config::Config& config) {
  POSTERN_TRY(auto stored, read_stored(config));
  ProfileText& text = stored.text;
  Profile out;
  out.name = std::move(stored.name);
  POSTERN_TRY(out.password, password_of(text, stored.path, config));
  out.role = role_of(text.role);
  out.peer = std::move(text.peer);
  out.user = std::move(text.user);
  out.domain = std::move(text.domain);
  out.pins = std::move(text.pins);
  POSTERN_TRY(out.strong, strong_of(std::move(text.strong), stored.path, config));
  return out;
}

}  // namespace postern::transport
