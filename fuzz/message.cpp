// rooms: mime
// Any bytes make a view that loses none of them, and editing nothing gives them back.
#include <cstdlib>

#include "mime/message.hpp"
#include "mime/writer.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const auto view = MessageView::parse(raw);
  if (!view) return 0;
  std::size_t total = 0;
  for (const HeaderField& field : view->fields()) {
    total += field.raw.size();
    (void)field.unfolded();
  }
  if (total != view->header_block().size()) std::abort();
  if (edit_header(*view, {}) != raw) std::abort();
  for (const HeaderDefect& defect : view->defects()) {
    if (defect.offset > raw.size() || defect.field_number > view->fields().size()) std::abort();
    (void)defect.text();
  }
  // What is safe stays safe, and means the same, when it is written again field by field.
  if (view->refuse_unsafe_header()) {
    const std::string copy(view->header_block());
    const auto again = MessageView::parse(copy);
    if (!again || again->fields().size() != view->fields().size()) std::abort();
  }
  return 0;
}
