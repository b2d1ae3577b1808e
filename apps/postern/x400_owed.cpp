#include "x400_owed.hpp"

#include <algorithm>
#include <fstream>

#include "asn1/ber.hpp"
#include "store/segment_file.hpp"
#include "store/synced_file.hpp"

namespace postern::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwed = ".owed", kNotified = ".notified";

std::string with(const std::string& name, std::string_view ending) { return name + std::string(ending); }

Status failed(const char* what, const fs::path& path, const std::error_code& why) {
  return fail(ErrorCode::Unavailable, std::string(what) + path.string() + ": " + why.message(), "--save");
}

}  // namespace

Result<bool> OwedNotifications::owe(const std::string& name, const mts::MessageSubmissionArgument& notification) const {
  for (const std::string_view ending : {kOwed, kNotified}) {
    std::error_code ignored;
    if (fs::exists(m_folder / with(name, ending), ignored)) return false;
  }
  POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(notification));
  POSTERN_CHECK(write_synced_file(m_folder / with(name, kOwed), as_text(octets)));
  POSTERN_CHECK(sync_directory(m_folder));
  return true;
}

Result<std::vector<std::string>> OwedNotifications::waiting() const {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator each(m_folder, error), end; !error && each != end; each.increment(error))
    if (each->path().extension() == kOwed) out.push_back(each->path().stem().string());
  if (error) return tl::unexpected(failed("cannot be read: ", m_folder, error).error());
  std::ranges::sort(out);
  return out;
}

Result<mts::MessageSubmissionArgument> OwedNotifications::begin(const std::string& name) const {
  std::ifstream file(m_folder / with(name, kOwed), std::ios::binary);
  const std::string octets{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto notification = asn1::decode<mts::MessageSubmissionArgument>(as_bytes(octets));
  if (!notification)
    return fail(ErrorCode::IntegrityFailed,
                with(name, kOwed) + " is damaged, and what it stands for is not notified of; take it away: " + notification.error().text(),
                "--save");
  POSTERN_CHECK(rename(with(name, kOwed), with(name, kNotified)));
  return notification;
}

Status OwedNotifications::put_back(const std::string& name) const { return rename(with(name, kNotified), with(name, kOwed)); }

Status OwedNotifications::rename(const std::string& from, const std::string& to) const {
  std::error_code error;
  fs::rename(m_folder / from, m_folder / to, error);
  if (error) return failed("cannot be renamed: ", m_folder / from, error);
  return sync_directory(m_folder);
}

}  // namespace postern::cli
