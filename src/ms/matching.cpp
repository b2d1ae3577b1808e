#include "ms/matching.hpp"

#include "oraddress/extension.hpp"

namespace postern::ms::match {

using namespace asn1;

namespace {

template <Alphabet A>
Result<std::string> folded_text(const Any& value) {
  POSTERN_TRY(const Text<A> decoded, from_any<Text<A>>(value));
  POSTERN_TRY(const std::string utf8, to_utf8(A, decoded.octets));
  return oraddress::folded(utf8);
}

struct TextRule {
  std::uint32_t tag;
  KeyOf fold;
};
constexpr TextRule kTexts[] = {
    {12, &folded_text<Alphabet::Utf8>},    {18, &folded_text<Alphabet::Numeric>}, {19, &folded_text<Alphabet::Printable>},
    {20, &folded_text<Alphabet::Teletex>}, {22, &folded_text<Alphabet::Ia5>},     {25, &folded_text<Alphabet::Graphic>},
    {26, &folded_text<Alphabet::Visible>}, {27, &folded_text<Alphabet::General>}, {28, &folded_text<Alphabet::Universal>},
    {30, &folded_text<Alphabet::Bmp>},
};

}  // namespace

Result<std::string> any_text(const Any& value) {
  POSTERN_TRY(const auto header, peek_header(value.ber));
  if (header && header->tag.tag_class == TagClass::Universal)
    for (const TextRule& each : kTexts)
      if (each.tag == header->tag.number) return each.fold(value);
  return fail(ErrorCode::BadInput, "not a character string");
}

Result<std::string> name(const Any& value) {
  POSTERN_TRY(const auto decoded, from_any<oraddress::ORName>(value));
  return ipm::key_of(decoded);
}

Result<std::string> mts_identifier(const Any& value) {
  POSTERN_TRY(const auto decoded, from_any<mts::MTSIdentifier>(value));
  return ipm::key_of(decoded);
}

Result<std::string> ipm_identifier(const Any& value) {
  POSTERN_TRY(const auto decoded, from_any<ipm::IPMIdentifier>(value));
  return ipm::key_of(decoded);
}

namespace {

/// X.420 19.6.2: descriptors are compared by their formal names; where there is none, by the free one.
Result<std::string> key_of(const ipm::ORDescriptor& descriptor) {
  if (descriptor.formal_name) return ipm::key_of(*descriptor.formal_name);
  if (!descriptor.free_form_name) return std::string();
  POSTERN_TRY(const std::string utf8, to_utf8(Alphabet::Teletex, descriptor.free_form_name->octets));
  return "free " + oraddress::folded(utf8);
}

}  // namespace

Result<std::string> descriptor(const Any& value) {
  POSTERN_TRY(const auto decoded, from_any<ipm::ORDescriptor>(value));
  return key_of(decoded);
}

Result<std::string> recipient_specifier(const Any& value) {
  POSTERN_TRY(const auto decoded, from_any<ipm::RecipientSpecifier>(value));
  return key_of(decoded.recipient);
}

Result<std::string> wide_text(const Any& value) {
  const auto decoded = from_any<oraddress::UniversalOrBMPString>(value);
  if (!decoded) return any_text(value);
  POSTERN_TRY(const std::string utf8, decoded->utf8());
  return oraddress::folded(utf8);
}

}  // namespace postern::ms::match
