#include "host_input.hpp"

#include "base/text.hpp"
#include "mime/address.hpp"

namespace postern::cli {

std::string host_of(std::string name) {
  if (!is_ascii(name)) name = to_a_labels(name).value_or(name);
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace postern::cli
