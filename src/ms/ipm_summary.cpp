#include "ms/ipm_summary.hpp"

#include "ipm/extended_body.hpp"

namespace postern::ms {

using namespace asn1;

const Type& schema(Of<IPMEntryType>) {
  static const Type type = enumerated<IPMEntryType>("IPMEntryType", {{"ipm", 0}, {"rn", 1}, {"nrn", 2}, {"on", 3}});
  return type;
}

const Type& schema(Of<BodyPartDescriptor>) {
  using T = BodyPartDescriptor;
  static const Type type = sequence<T>(
      "BodyPartDescriptor",
      {field<&T::data>("data").implicitly(context(0)), field<&T::parameters>("parameters").implicitly(context(1)),
       field<&T::this_child_entry>("this-child-entry").implicitly(context(2)), field<&T::position>("position").implicitly(context(3)),
       field<&T::size>("size").implicitly(context(4)), field<&T::processed>("processed").implicitly(context(5)).defaulted()});
  return type;
}

namespace {

using ipm::BodyPartType;

/// In the order of BodyPart's alternatives; the last two say themselves what they are.
constexpr BodyPartType kBasic[] = {BodyPartType::Ia5Text, BodyPartType::G3Facsimile, BodyPartType::G4Class1,
                                   BodyPartType::Teletex, BodyPartType::Videotex,    BodyPartType::Encrypted,
                                   BodyPartType::Message, BodyPartType::MixedMode,   BodyPartType::BilaterallyDefined};
constexpr std::size_t kExtended = std::size(kBasic);

bool has_parameters(BodyPartType type) {
  return type != BodyPartType::G4Class1 && type != BodyPartType::MixedMode && type != BodyPartType::BilaterallyDefined;
}

}  // namespace

BodyPartDescriptor describe(const ipm::BodyPart& part, std::int64_t position) {
  BodyPartDescriptor out;
  out.position = position;
  const std::size_t index = part.value.index();
  if (index < kExtended) {
    out.data = ipm::id_et(kBasic[index]);
    if (has_parameters(kBasic[index])) out.parameters = ipm::id_ep(kBasic[index]);
  } else if (const auto* extended = std::get_if<ipm::ExtendedBodyPart>(&part.value)) {
    out.data = extended->data.direct_reference.value_or(ipm::id_et(BodyPartType::NationallyDefined));
    if (extended->parameters) out.parameters = extended->parameters->direct_reference;
  } else {
    out.data = ipm::id_et(BodyPartType::NationallyDefined);
  }
  if (const auto octets = encode_as_taken(part)) out.size = static_cast<std::int64_t>(octets->size());
  return out;
}

std::optional<ipm::MessageBodyPart> forwarded_message(const ipm::BodyPart& part) {
  if (const auto* basic = std::get_if<Box<ipm::MessageBodyPart>>(&part.value); basic != nullptr && *basic) return **basic;
  const auto* extended = std::get_if<ipm::ExtendedBodyPart>(&part.value);
  if (extended == nullptr || extended->data.direct_reference != ipm::id_et(BodyPartType::Message)) return std::nullopt;
  ipm::MessageBodyPart out;
  auto data = ipm::held_value<ipm::IPM>(extended->data);
  if (!data) return std::nullopt;
  out.data = *std::move(data);
  if (extended->parameters)
    out.parameters = ipm::held_value<ipm::MessageParameters>(*extended->parameters).value_or(ipm::MessageParameters{});
  return out;
}

}  // namespace postern::ms
