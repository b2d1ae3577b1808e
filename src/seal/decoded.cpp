#include "seal/decoded.hpp"

#include "mime/tree.hpp"

namespace postern {

Result<Bytes> decoded_content(std::string_view entity, const Limits& limits) {
  POSTERN_TRY(MimePart part, parse_mime_tree(entity, limits));
  if (part.is_container()) return fail(ErrorCode::BadInput, "is a container where one body was expected", "Content-Type");
  return std::move(part.content);
}

}  // namespace postern
