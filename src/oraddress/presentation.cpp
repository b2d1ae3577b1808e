#include "oraddress/presentation.hpp"

#include <array>
#include <charconv>

#include "base/text.hpp"
#include "oraddress/bounds.hpp"

namespace postern::oraddress {

namespace {

constexpr std::size_t kMostAddresses = 64;

struct TypeName {
  TerminalType type;
  std::string_view name;
};
constexpr std::array kTypeNames{
    TypeName{TerminalType::telex, "tlx"},          TypeName{TerminalType::teletex, "ttx"},
    TypeName{TerminalType::g3_facsimile, "g3fax"}, TypeName{TerminalType::g4_facsimile, "g4fax"},
    TypeName{TerminalType::ia5_terminal, "ia5"},   TypeName{TerminalType::videotex, "vtx"},
};

tl::unexpected<Error> wrong(std::size_t offset, std::string what) {
  return fail(ErrorCode::BadInput, "at octet " + std::to_string(offset) + ": " + std::move(what), "PSAP");
}

Result<std::optional<asn1::OctetString>> selector(std::string_view text, std::size_t offset) {
  if (text.empty()) return std::optional<asn1::OctetString>{};
  if (text.size() < 3 || text.front() != '\'' || !text.ends_with("'H")) return wrong(offset, "a selector is written 'HEX'H");
  auto octets = hex_decode(text.substr(1, text.size() - 3));
  if (!octets) return wrong(offset, "a selector is written 'HEX'H");
  return std::optional<asn1::OctetString>(asn1::OctetString(*std::move(octets)));
}

Result<std::vector<asn1::OctetString>> network_addresses(std::string_view text, std::size_t offset) {
  std::vector<asn1::OctetString> out;
  for (const std::string_view each : split(text, '_')) {
    if (!istarts_with(each, "NS+")) return wrong(offset, "a network address is written NS+HEX");
    auto octets = hex_decode(each.substr(3));
    if (!octets || octets->empty()) return wrong(offset, "a network address is written NS+HEX");
    out.emplace_back(*std::move(octets));
    if (out.size() > kMostAddresses) return wrong(offset, "more than 64 network addresses");
    offset += each.size() + 1;
  }
  return out;
}

std::string selector_text(const std::optional<asn1::OctetString>& selector) {
  return selector ? "'" + to_upper(hex_encode(selector->octets)) + "'H" : "";
}

}  // namespace

std::string text_of(const PresentationAddress& address) {
  std::string out;
  for (const auto* each : {&address.pSelector, &address.sSelector, &address.tSelector})
    if (each->has_value() || !out.empty()) out += selector_text(*each) + "/";
  for (std::size_t i = 0; i < address.nAddresses.size(); ++i)
    out += (i == 0 ? "NS+" : "_NS+") + to_upper(hex_encode(address.nAddresses[i].octets));
  return out;
}

Result<PresentationAddress> presentation_address(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() > 4) return wrong(0, "at most three selectors stand before the network addresses");
  PresentationAddress out;
  std::optional<asn1::OctetString>* const places[] = {&out.pSelector, &out.sSelector, &out.tSelector};
  const std::size_t selectors = parts.size() - 1;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < selectors; ++i) {
    POSTERN_TRY(*places[3 - selectors + i], selector(parts[i], offset));
    offset += parts[i].size() + 1;
  }
  POSTERN_TRY(out.nAddresses, network_addresses(parts.back(), offset));
  return out;
}

std::string text_of(TerminalType type) {
  for (const TypeName& each : kTypeNames)
    if (each.type == type) return std::string(each.name);
  return std::to_string(static_cast<std::int64_t>(type));
}

Result<TerminalType> terminal_type_named(std::string_view text) {
  for (const TypeName& each : kTypeNames)
    if (iequals(each.name, text)) return each.type;
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > ub_integer_options)
    return fail(ErrorCode::BadInput, "is a terminal type: tlx, ttx, g3fax, g4fax, ia5, vtx or a number up to 256", "T-TY");
  return static_cast<TerminalType>(number);
}

}  // namespace postern::oraddress
