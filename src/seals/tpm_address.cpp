#include "seals/tpm_address.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kMaxAddress = 1024;
constexpr unsigned kPcrs = 24;

template <class T>
bool read_number(std::string_view text, T& out, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size();
}

Status set_pcrs(TpmAddress& address, std::string_view list) {
  if (!address.pcrs.empty()) return fail(ErrorCode::BadInput, "is given twice", "pcrs");
  for (const std::string_view one : split(list, ',')) {
    unsigned index = 0;
    if (!read_number(one, index, 10) || index >= kPcrs)
      return fail(ErrorCode::BadInput, "is a list of numbers from 0 to 23, such as pcrs=7,11", "pcrs");
    if (std::ranges::count(address.pcrs, index) > 0) return fail(ErrorCode::BadInput, "names a PCR twice", "pcrs");
    address.pcrs.push_back(static_cast<std::uint8_t>(index));
  }
  std::ranges::sort(address.pcrs);
  return {};
}

Status set_parent(TpmAddress& address, std::string_view value) {
  if (address.parent != 0) return fail(ErrorCode::BadInput, "is given twice", "parent");
  const bool hex = value.starts_with("0x");
  // TPM 2.0 part 2, 7.2: persistent handles are 0x81000000 to 0x81ffffff.
  if (!hex || !read_number(value.substr(2), address.parent, 16) || address.parent >> 24 != 0x81)
    return fail(ErrorCode::BadInput, "is a persistent handle, such as parent=0x81000001", "parent");
  return {};
}

Status check_tcti(std::string_view tcti) {
  constexpr std::array<std::string_view, 4> known{"device", "swtpm", "mssim", "tabrmd"};
  const bool plain = std::ranges::all_of(tcti, [](char c) { return c > 0x20 && c < 0x7f; });
  // The loader would take the name of any library.
  if (plain && std::ranges::find(known, tcti.substr(0, tcti.find(':'))) != known.end()) return {};
  return fail(ErrorCode::BadInput, "name the TPM as device:/dev/tpmrm0, swtpm:OPTIONS, mssim:OPTIONS or tabrmd", "seal");
}

}  // namespace

Result<TpmAddress> parse_tpm_address(std::string_view text) {
  if (text.size() > kMaxAddress) return fail(ErrorCode::TooLarge, "the address of a TPM has 1,024 bytes at most", "seal");
  if (!text.starts_with("tpm2:")) return fail(ErrorCode::BadInput, "the address of a TPM begins with tpm2:", "seal");
  const auto parts = split(text.substr(5), ';');
  TpmAddress address;
  if (!parts[0].empty()) {
    POSTERN_CHECK(check_tcti(parts[0]));
    address.tcti = std::string(parts[0]);
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].starts_with("pcrs="))
      POSTERN_CHECK(set_pcrs(address, parts[i].substr(5)));
    else if (parts[i].starts_with("parent="))
      POSTERN_CHECK(set_parent(address, parts[i].substr(7)));
    else
      return fail(ErrorCode::BadInput, "after the TPM's name stand pcrs=LIST and parent=HANDLE, nothing else", "seal");
  }
  return address;
}

}  // namespace postern::seals
