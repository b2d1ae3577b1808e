// rooms: mailauth
// What can be read is written so that it reads the same; the id that a filter sees is the id that a reader sees.
#include <cstdlib>

#include "base/text.hpp"
#include "mailauth/authres.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string id = authserv_id_of(text);
  const auto read = parse_authres(text);
  if (!read) return 0;
  if (to_lower(read->authserv_id) != id) std::abort();
  AuthResults results = *read;
  for (auto& one : results.results) one.version.clear();
  const std::string field = write_authres(results);
  constexpr std::string_view name = "Authentication-Results: ";
  if (!field.starts_with(name) || !field.ends_with("\r\n")) std::abort();
  const std::string_view value = std::string_view(field).substr(name.size(), field.size() - name.size() - 2);
  if (value.find('\0') != std::string_view::npos) std::abort();
  (void)authserv_id_of(value);
  return 0;
}
