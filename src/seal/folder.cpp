#include "seal/folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.hpp"

namespace postern {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFileBytes = 1024U * 1024;
constexpr std::size_t kMaxFiles = 100000;
constexpr std::size_t kMaxCertificatesPerFile = 1000;

bool has_ending(const std::string& name, const std::vector<std::string_view>& endings) {
  const std::string lower = to_lower(name);
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return lower.ends_with(ending); });
}

Result<std::vector<fs::path>> list(const std::string& folder, const std::vector<std::string_view>& endings) {
  std::error_code error;
  fs::directory_iterator it(folder, error);
  if (error) {
    const bool missing = error == std::errc::no_such_file_or_directory;
    return fail(missing ? ErrorCode::NotFound : ErrorCode::Unavailable, "cannot read the folder: " + error.message(), folder);
  }
  std::vector<fs::path> out;
  for (; it != fs::directory_iterator(); it.increment(error)) {
    if (error) return fail(ErrorCode::Unavailable, "cannot read the folder: " + error.message(), folder);
    if (!has_ending(it->path().filename().string(), endings) || !it->is_regular_file(error)) continue;
    if (out.size() == kMaxFiles) return fail(ErrorCode::TooLarge, "holds more than 100,000 files", folder);
    out.push_back(it->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::string> read_text(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (!error && size > kMaxFileBytes) return fail(ErrorCode::TooLarge, "is larger than 1 MiB");
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return fail(ErrorCode::Unavailable, "cannot be read; check owner and mode");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

Result<std::vector<FileFault>> read_folder(const std::string& folder, const std::vector<std::string_view>& endings,
                                           const std::function<Status(const std::string& text, const std::string& name)>& take) {
  POSTERN_TRY(const std::vector<fs::path> paths, list(folder, endings));
  std::vector<FileFault> faults;
  for (const fs::path& path : paths) {
    const std::string name = path.filename().string();
    const auto text = read_text(path);
    const Status taken = text ? take(*text, name) : Status(fail(text.error()));
    if (!taken) faults.push_back({name, taken.error()});
  }
  return faults;
}

Result<CertificateChain> certificates_in(const std::string& text) {
  if (text.find("-----BEGIN ") != std::string::npos) return certificates_from_pem(text, kMaxCertificatesPerFile);
  POSTERN_TRY(Certificate one, Certificate::from_der(as_bytes(text)));
  return CertificateChain{std::move(one)};
}

}  // namespace postern
