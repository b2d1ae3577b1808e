// rooms: mime
// Any bytes make a tree or an error within the limits; 7-bit conversion gives 7-bit bodies and keeps what leaves say.
#include <cstdlib>

#include "mime/message.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"

using namespace postern;

namespace {

std::size_t depth_of(const MimePart& part) {
  std::size_t deepest = 0;
  for (const MimePart& child : part.children) deepest = std::max(deepest, 1 + depth_of(child));
  return deepest;
}

void read_texts(const MimePart& part) {
  (void)text_of(part);
  for (const MimePart& child : part.children) read_texts(child);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  Limits limits;
  limits.mime_depth = 8;
  limits.mime_parts = 40;
  if (const auto tree = parse_mime_tree(raw, limits)) {
    if (depth_of(*tree) > limits.mime_depth || tree->part_count() > limits.mime_parts + 1) std::abort();
    read_texts(*tree);
  }
  if (const auto converted = to_7bit(raw, limits)) {
    const auto view = MessageView::parse(*converted, limits);
    if (view && !is_7bit(view->body())) std::abort();
  }
  return 0;
}
