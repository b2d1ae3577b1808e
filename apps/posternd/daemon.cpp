#include "daemon.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "api/api.hpp"
#include "base/log.hpp"
#include "confine/privileges.hpp"

namespace postern::daemon {
namespace {

DataLayout layout_of(const config::Config& config) {
  DataLayout out;
  out.data_dir = config.in_data_dir("");
  out.mail_database = config.database.url.substr(std::string_view("sqlite:").size());
  if (config.keys.root.starts_with("file:")) out.root_key = config.keys.root.substr(5);
  return out;
}

/// Made by root for the gate, it is the gate's.
Status hand_over(const std::string& folder, const config::Config& config) {
  if (config.server.user.empty() || ::geteuid() != 0) return {};
  POSTERN_TRY(const confine::User user, confine::find_user(config.server.user));
  if (::chown(folder.c_str(), user.uid, user.gid) == 0) return {};
  return fail(ErrorCode::Unavailable, "cannot give " + folder + " to " + config.server.user, "server.user");
}

Status make_folder(const std::string& folder, const config::Config& config) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) return hand_over(folder, config);
  if (error) return fail(ErrorCode::Unavailable, "cannot make " + folder + ": " + error.message());
  return {};
}

/// A folder can be allowed only when it is there, so those of the gate are made before it is confined. Where certificates are expected
/// there may be nothing yet, and no right to make it: confinement says then what follows.
Status make_folders(const config::Config& config) {
  for (const auto& folder : {config.smime.certificates_dir, config.openpgp.certificates_dir})
    (void)make_folder(config.beside_config(folder), config);
  if (config.transport.mode != "mock") (void)make_folder(config.beside_config(config.transport.profiles_dir), config);
  if (config.transport.mode == "sdk") POSTERN_CHECK(make_folder(config.in_data_dir("library"), config));
  for (const auto& route : config.routes) {
    if (!route.via.starts_with("file:")) continue;
    const Status made = make_folder(config.beside_config(route.via.substr(5)), config);
    if (!made) return fail(Error(made.error()).context("routes.via"));
  }
  return {};
}

}  // namespace

Result<Configuration> read_configuration(const std::string& option) {
  const auto environment = config::process_environment();
  Configuration out;
  POSTERN_TRY(out.path, config::find_config(option, environment));
  std::ifstream file(out.path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + out.path + "; check the path and its permissions");
  out.text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  out.loaded = config::parse(out.text, out.path, environment);
  return out;
}

void configure_log(const config::Config& config, std::string_view process) {
  const std::string& level = config.server.log_level;
  log::configure(level == "debug"   ? log::Level::Debug
                 : level == "warn"  ? log::Level::Warn
                 : level == "error" ? log::Level::Error
                                    : log::Level::Info,
                 config.server.log_format == "json" ? log::Format::Json : log::Format::Text);
  log::set_process(process);
  log::capture_library_output();
}

Result<DataDirectory> open_data_directory(const config::Config& config) {
  POSTERN_TRY(DataDirectory directory, DataDirectory::open(layout_of(config)));
  POSTERN_CHECK(make_folders(config));
  withdraw_ports(config);  // only now: another daemon's file is not touched
  SystemRandom random;
  POSTERN_CHECK(api::load_or_make_token(config.in_data_dir("admin.token"), random));
  std::ofstream(config.in_data_dir("ca.pem"), std::ios::binary | std::ios::app);  // the gate fills it
  return directory;
}

Status publish_ports(const config::Config& config, const std::vector<warden::NamedPort>& ports) {
  boost::json::object out;
  for (const auto& [name, port] : ports) out[name] = port;
  const std::string path = config.in_data_dir("ports.json");
  {
    std::ofstream file(path + ".tmp", std::ios::binary | std::ios::trunc);
    file << boost::json::serialize(out) << "\n";
    if (!file) return fail(ErrorCode::Unavailable, "cannot write " + path);
  }
  std::error_code error;
  std::filesystem::rename(path + ".tmp", path, error);
  if (error) return fail(ErrorCode::Unavailable, path + ": " + error.message());
  return {};
}

void withdraw_ports(const config::Config& config) {
  std::error_code ignored;
  std::filesystem::remove(config.in_data_dir("ports.json"), ignored);
}

}  // namespace postern::daemon
