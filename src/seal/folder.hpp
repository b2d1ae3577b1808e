// Reading a folder of certificate files with bounds and one error per file. For this room and who reads such folders for X.400.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "seal/certificate_directory.hpp"

namespace postern {

/// Calls `take` with the text of every regular file whose name ends in one of `endings` (without case), in the order of names. Answers with
/// the files that could not be read or taken. Each file at most 1 MiB, at most 100,000 files. NotFound or Unavailable: the folder itself.
[[nodiscard]] Result<std::vector<FileFault>> read_folder(
    const std::string& folder, const std::vector<std::string_view>& endings,
    const std::function<Status(const std::string& text, const std::string& name)>& take);

/// What one such file holds: PEM with up to 1,000 certificates, or one in DER.
[[nodiscard]] Result<CertificateChain> certificates_in(const std::string& text);

}  // namespace postern
