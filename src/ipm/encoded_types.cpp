#include "ipm/encoded_types.hpp"

#include <algorithm>

#include "ipm/extended_body.hpp"

namespace postern::ipm {

namespace {

using Built = mts::BuiltInEncodedInformationType;

class Collector {
 public:
  explicit Collector(std::size_t depth) : m_depth(depth) {}
  mts::EncodedInformationTypes take() && { return std::move(m_types); }

  void body(const Body& parts) {
    for (const BodyPart& each : parts) std::visit([this](const auto& part) { add(part); }, each.value);
  }

 private:
  void built_in(Built type) { m_types.built_in_encoded_information_types.set(type); }
  void extended(asn1::Oid oid) {
    if (!m_types.extended_encoded_information_types) m_types.extended_encoded_information_types.emplace();
    auto& list = *m_types.extended_encoded_information_types;
    if (std::ranges::find(list, oid) == list.end()) list.push_back(std::move(oid));
  }

  void add(const IA5TextBodyPart&) { built_in(Built::Ia5Text); }
  void add(const G3FacsimileBodyPart& part) {
    built_in(Built::G3Facsimile);
    add_parameters(part.parameters);
  }
  void add(const G4Class1BodyPart&) { built_in(Built::G4Class1); }
  void add(const TeletexBodyPart& part) {
    built_in(Built::Teletex);
    if (part.parameters.non_basic_parameters) m_types.teletex = *part.parameters.non_basic_parameters;
  }
  void add(const VideotexBodyPart&) { built_in(Built::Videotex); }
  void add(const EncryptedBodyPart&) { built_in(Built::Unknown); }
  void add(const MixedModeBodyPart&) { built_in(Built::MixedMode); }
  void add(const BilaterallyDefinedBodyPart&) { built_in(Built::Unknown); }
  void add(const asn1::Any&) { built_in(Built::Unknown); }
  void add(const asn1::Box<MessageBodyPart>& part) {
    if (part.has_value()) deeper(part->data.body);
  }
  void add(const ExtendedBodyPart& part) {
    const ExtendedBodyKind* kind = part.data.direct_reference ? find_extended_body_kind(*part.data.direct_reference) : nullptr;
    if (kind == nullptr) return built_in(Built::Unknown);
    extended_part(kind->type, part);
  }
  void extended_part(BodyPartType type, const ExtendedBodyPart& part) {
    switch (type) {
      case BodyPartType::Ia5Text: return built_in(Built::Ia5Text);
      case BodyPartType::G3Facsimile: return built_in(Built::G3Facsimile);
      case BodyPartType::G4Class1: return built_in(Built::G4Class1);
      case BodyPartType::Teletex: return built_in(Built::Teletex);
      case BodyPartType::Videotex: return built_in(Built::Videotex);
      case BodyPartType::MixedMode: return built_in(Built::MixedMode);
      case BodyPartType::FileTransfer: return extended(id_eit_file_transfer());
      case BodyPartType::GeneralText: return general_text(part);
      case BodyPartType::Voice: return voice(part);
      case BodyPartType::Message: return message(part);
      case BodyPartType::Content: return content(part);
      default: return built_in(Built::Unknown);
    }
  }
  // X.420 20.4 f: an object identifier for each character set.
  void general_text(const ExtendedBodyPart& part) {
    const auto sets = part.parameters ? held_value<GeneralTextParameters>(*part.parameters) : GeneralTextParameters{};
    if (!sets) return built_in(Built::Unknown);
    for (const std::int64_t each : *sets) {
      if (each > 0 && each <= 32767) extended(id_cs_eit_authority(static_cast<std::uint32_t>(each)));
    }
  }
  void voice(const ExtendedBodyPart& part) {
    extended(id_eit_voice());
    if (!part.parameters) return;
    if (auto parameters = held_value<VoiceParameters>(*part.parameters)) extended(std::move(parameters->voice_encoding_type));
  }
  void message(const ExtendedBodyPart& part) {
    const auto ipm = held_value<IPM>(part.data);
    ipm ? deeper(ipm->body) : built_in(Built::Unknown);
  }
  void content(const ExtendedBodyPart& part) {
    const auto type = forwarded_content_type(*part.data.direct_reference);
    const auto octets = held_value<asn1::OctetString>(part.data);
    if (!type || !octets || m_depth == 0 || !is_interpersonal({*type})) return built_in(Built::Unknown);
    const auto object = asn1::decode<InformationObject>(octets->octets);
    if (!object || object->ipm() == nullptr) return built_in(Built::Unknown);
    deeper(object->ipm()->body);
  }
  void deeper(const Body& parts) {
    if (m_depth == 0) return built_in(Built::Unknown);
    --m_depth;
    body(parts);
    ++m_depth;
  }
  void add_parameters(const G3FacsimileParameters& parameters) {
    if (!parameters.non_basic_parameters) return;
    for (std::size_t bit = 0; bit < parameters.non_basic_parameters->size(); ++bit) {
      const auto named = static_cast<mts::G3FacsimileNonBasicParameter>(bit);
      if (bit <= 32 && parameters.non_basic_parameters->test(named)) m_types.g3_facsimile.set(named);
    }
  }

  std::size_t m_depth;
  mts::EncodedInformationTypes m_types;
};

}  // namespace

mts::EncodedInformationTypes encoded_information_types(const Body& body, std::size_t depth) {
  Collector collector(depth);
  collector.body(body);
  return std::move(collector).take();
}

mts::EncodedInformationTypes encoded_information_types(const InformationObject& object) {
  if (object.ipm() != nullptr) return encoded_information_types(object.ipm()->body);
  const auto* non_receipt = std::get_if<NonReceiptFields>(&object.ipn()->choice.value);
  if (non_receipt == nullptr || !non_receipt->returned_ipm) return {};
  return encoded_information_types(non_receipt->returned_ipm->body);
}

}  // namespace postern::ipm
