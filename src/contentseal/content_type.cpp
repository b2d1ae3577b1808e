#include "contentseal/content_type.hpp"

#include <charconv>

#include "ipm/oids.hpp"

namespace postern::contentseal {

using mts::BuiltInContentType;

Result<asn1::Oid> oid_of(const mts::ContentType& type) {
  if (const auto* oid = std::get_if<asn1::Oid>(&type.value)) return *oid;
  switch (std::get<BuiltInContentType>(type.value)) {
    case BuiltInContentType::InterpersonalMessaging1984: return ipm::id_mct_p2_1984();
    case BuiltInContentType::InterpersonalMessaging1988: return ipm::id_mct_p2_1988();
    default:
      return fail(ErrorCode::Unsupported,
                  "content of the type " + mts::text_of(type) + " has no object identifier here to be sealed under; submit it with one",
                  "content-type");
  }
}

mts::ContentType content_type_of(const asn1::Oid& oid) {
  if (oid == ipm::id_mct_p2_1984()) return {BuiltInContentType::InterpersonalMessaging1984};
  if (oid == ipm::id_mct_p2_1988()) return {BuiltInContentType::InterpersonalMessaging1988};
  return {oid};
}

Result<mts::ContentType> parse_content_type(std::string_view text) {
  if (text.find('.') != std::string_view::npos) {
    POSTERN_TRY(asn1::Oid oid, asn1::Oid::parse(text));
    return mts::ContentType{std::move(oid)};
  }
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size() || number < 0)
    return fail(ErrorCode::BadInput, "must be an object identifier or the number of a built-in type, such as 22", "content-type");
  return mts::ContentType{static_cast<BuiltInContentType>(number)};
}

std::string write_content_type(const mts::ContentType& type) {
  if (const auto* oid = std::get_if<asn1::Oid>(&type.value)) return oid->text();
  return std::to_string(static_cast<std::int64_t>(std::get<BuiltInContentType>(type.value)));
}

}  // namespace postern::contentseal
