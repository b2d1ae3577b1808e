#include "library.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

namespace postern::native {
namespace {

namespace json = boost::json;
constexpr std::string_view kOwnProfile = "native";

/// The settings were judged before.
std::filesystem::path profiles_of(const std::string& settings) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(settings, failed);
  if (failed || !parsed.is_object()) return {};
  const json::value* place = parsed.as_object().if_contains("profiles_dir");
  return place != nullptr && place->is_string() ? std::filesystem::path(std::string_view(place->as_string())) : std::filesystem::path();
}

bool is_name(std::string_view profile) { return profile.find_first_of("/\\") == std::string_view::npos && !profile.starts_with('.'); }

std::optional<transport::Trouble> check_profile(const Arguments::Opening& opening) {
  if (opening.profile.empty() || opening.profile == kOwnProfile) return std::nullopt;
  const std::filesystem::path folder = profiles_of(opening.settings);
  std::error_code failed;
  if (is_name(opening.profile) && !folder.empty() && std::filesystem::exists(folder / (opening.profile + ".toml"), failed))
    return std::nullopt;
  return transport::Trouble{
      POSTERN_X400_BAD_ARGUMENT,
      "there is no such profile: give none, \"native\", or the name of a file NAME.toml in the settings' profiles_dir",
      "profile",
      {}};
}

/// What cannot be opened is an argument's fault, unless it may pass.
transport::Trouble not_opened(Error error) {
  const bool passes = error.code == ErrorCode::Unavailable || error.code == ErrorCode::Exhausted;
  return {passes ? POSTERN_X400_UNAVAILABLE : POSTERN_X400_BAD_ARGUMENT, std::move(error.what), std::move(error.field), {}};
}

}  // namespace

transport::Outcome<std::shared_ptr<Library>> Library::open(const Arguments::Opening& opening) {
  auto options = transport::native_options(opening.settings);
  if (!options) return tl::unexpected<transport::Trouble>(not_opened(options.error()));
  if (auto wrong = check_profile(opening)) return tl::unexpected<transport::Trouble>(*std::move(wrong));
  const bool in_clear = !options->tls.enabled;
  auto stack = transport::NativeStack::open(*std::move(options));
  if (!stack) return tl::unexpected<transport::Trouble>(not_opened(stack.error()));
  auto out = std::make_shared<Library>();
  out->m_stack = *std::move(stack);
  out->m_log = opening.log;
  out->m_log_data = opening.log_data;
  if (in_clear) out->say(POSTERN_X400_LOG_WARN, "tls.enabled is false: associations and their passwords travel in clear");
  return out;
}

void Library::say(std::uint32_t level, std::string_view text) const {
  if (m_log != nullptr) m_log(m_log_data, level, {text.data(), text.size()});
}

std::uint64_t Libraries::add(std::shared_ptr<Library> library) {
  const std::lock_guard lock(m_mutex);
  const std::uint64_t handle = transport::next_handle();
  m_all.emplace(handle, std::move(library));
  return handle;
}

std::shared_ptr<Library> Libraries::find(std::uint64_t handle) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_all.find(handle);
  return found == m_all.end() ? nullptr : found->second;
}

std::shared_ptr<Library> Libraries::of_association(std::uint64_t association) const {
  const std::lock_guard lock(m_mutex);
  const auto found = std::ranges::find_if(m_all, [&](const auto& each) { return each.second->stack().knows(association); });
  return found == m_all.end() ? nullptr : found->second;
}

std::shared_ptr<Library> Libraries::take(std::uint64_t handle) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_all.find(handle);
  if (found == m_all.end()) return nullptr;
  std::shared_ptr<Library> out = std::move(found->second);
  m_all.erase(found);
  return out;
}

Libraries& libraries() {
  static auto* all = new Libraries;
  return *all;
}

}  // namespace postern::native
