// rooms: mailauth
// Tags point into the text they came from, no name comes twice, and words are parts of their value.
#include <cstdlib>

#include "mailauth/tags.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto list = TagList::parse(text);
  if (!list) return 0;
  for (const Tag& tag : list->tags()) {
    if (list->find(tag.name) != &tag) std::abort();
    if (tag.value_begin > tag.value_end || tag.value_end > text.size()) std::abort();
    if (text[tag.value_begin - 1] != '=') std::abort();
    if (tag.compact().size() > tag.value.size()) std::abort();
    std::size_t length = 0;
    for (const std::string_view word : tag.words()) length += word.size() + 1;
    if (length > tag.value.size() + 1) std::abort();
  }
  return 0;
}
