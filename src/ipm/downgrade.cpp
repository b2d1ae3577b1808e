#include "ipm/downgrade.hpp"

#include "asn1/teletex.hpp"
#include "asn1/unicode.hpp"
#include "ipm/encoded_types.hpp"
#include "ipm/extended_body.hpp"
#include "ipm/general_text.hpp"
#include "oraddress/or_text.hpp"

namespace postern::ipm {
namespace {

using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

/// Messages in messages; a deeper one is none that people wrote.
constexpr std::size_t kDepth = 16;

// ---- body parts: the form they had before there were object identifiers

template <class Basic>
Result<BodyPart> twin(const ExtendedBodyPart& part) {
  Basic out;
  if (part.parameters) {
    POSTERN_TRY(out.parameters, held_value<decltype(Basic::parameters)>(*part.parameters));
  }
  POSTERN_TRY(out.data, held_value<decltype(Basic::data)>(part.data));
  return BodyPart{std::move(out)};
}
template <class Basic>
Result<BodyPart> bare_twin(const ExtendedBodyPart& part) {
  POSTERN_TRY(Basic out, held_value<Basic>(part.data));
  return BodyPart{std::move(out)};
}
Result<BodyPart> message_twin(const ExtendedBodyPart& part) {
  MessageBodyPart out;
  if (part.parameters) {
    POSTERN_TRY(out.parameters, held_value<MessageParameters>(*part.parameters));
  }
  POSTERN_TRY(out.data, held_value<IPM>(part.data));
  return BodyPart{asn1::Box<MessageBodyPart>(std::move(out))};
}

/// Unsupported: there is none.
Result<BodyPart> basic_form(const ExtendedBodyPart& part, const ExtendedBodyKind& kind) {
  switch (kind.type) {
    case BodyPartType::Ia5Text: return twin<IA5TextBodyPart>(part);
    case BodyPartType::G3Facsimile: return twin<G3FacsimileBodyPart>(part);
    case BodyPartType::G4Class1: return bare_twin<G4Class1BodyPart>(part);
    case BodyPartType::Teletex: return twin<TeletexBodyPart>(part);
    case BodyPartType::Videotex: return twin<VideotexBodyPart>(part);
    case BodyPartType::Encrypted: return twin<EncryptedBodyPart>(part);
    case BodyPartType::Message: return message_twin(part);
    case BodyPartType::MixedMode: return bare_twin<MixedModeBodyPart>(part);
    default: return fail(ErrorCode::Unsupported, "a " + std::string(kind.name) + " has no form of 1984");
  }
}

/// T.61, with a question mark for each character that it does not have.
std::string teletex_of(std::string_view utf8, bool& lost) {
  if (auto whole = asn1::from_utf8(asn1::Alphabet::Teletex, utf8)) return *std::move(whole);
  std::string out;
  while (!utf8.empty()) {
    const auto c = asn1::take_utf8(utf8);
    if (!c) break;
    if (*c < 0x20)
      out += static_cast<char>(*c);  // line ends are controls, of which the repertoire says nothing
    else if (!asn1::append_teletex(*c, out))
      out += '?', lost = true;
  }
  return out;
}

class Downgrader {
 public:
  explicit Downgrader(const DowngradeRules& rules) : m_rules(rules) {}

  void object(InformationObject& object) {
    if (auto* ipm = std::get_if<IPM>(&object.value)) return message(*ipm);
    notification(std::get<IPN>(object.value));
  }
  /// Why it cannot be, if so: what cannot go at all before what may not be lost.
  [[nodiscard]] std::optional<mts::NoDowngrade> refusal() const {
    if (!m_hopeless.empty()) return mts::NoDowngrade{Reason::UnableToTransfer, Diagnostic::UnableToDowngrade, m_hopeless};
    if (m_converted && !m_rules.may_convert)
      return mts::NoDowngrade{Reason::ConversionNotPerformed, Diagnostic::ImplicitConversionProhibited,
                              "general text would have to be converted, and the originator prohibits it"};
    if (!m_lost.empty() && !m_rules.may_lose)
      return mts::NoDowngrade{Reason::ConversionNotPerformed, Diagnostic::ConversionWithLossProhibited,
                              m_lost + " would be lost, and the originator prohibits it"};
    return std::nullopt;
  }
  [[nodiscard]] bool converted() const noexcept { return m_converted; }
  [[nodiscard]] bool changed() const noexcept { return m_changed; }

 private:
  // ---- messages
  void message(IPM& ipm) {
    if (m_depth == kDepth) return hopeless("messages within messages of more than " + std::to_string(kDepth) + " levels");
    ++m_depth;
    heading(ipm.heading);
    for (BodyPart& each : ipm.body) part(each);
    --m_depth;
  }
  void heading(Heading& heading) {
    identifier(heading.this_ipm);
    each(heading.originator);
    each(heading.authorizing_users);
    recipients(heading.primary_recipients);
    recipients(heading.copy_recipients);
    if (heading.blind_copy_recipients) recipients(*heading.blind_copy_recipients);
    if (heading.replied_to_ipm) identifier(*heading.replied_to_ipm);
    for (auto* list : {&heading.obsoleted_ipms, &heading.related_ipms})
      for (IPMIdentifier& one : *list) identifier(one);
    each(heading.reply_recipients);
    drop(heading.extensions, "heading extensions");
    drop(heading.unknown, "heading fields of a later edition");
  }
  void recipients(std::vector<RecipientSpecifier>& recipients) {
    for (RecipientSpecifier& one : recipients) {
      descriptor(one.recipient);
      drop(one.recipient_extensions, "extensions of recipients");
    }
  }
  void notification(IPN& ipn) {
    identifier(ipn.subject_ipm);
    each(ipn.ipn_originator);
    each(ipn.ipm_intended_recipient);
    types(ipn.conversion_eits);
    drop(ipn.notification_extensions, "extensions of the notification");
    if (auto* receipt = std::get_if<ReceiptFields>(&ipn.choice.value)) return drop(receipt->rn_extensions, "extensions of the receipt");
    auto* non_receipt = std::get_if<NonReceiptFields>(&ipn.choice.value);
    if (non_receipt == nullptr) return hopeless("a notification that is neither of receipt nor of non-receipt");
    drop(non_receipt->nrn_extensions, "extensions of the non-receipt");
    if (non_receipt->returned_ipm) message(*non_receipt->returned_ipm);
  }

  // ---- body parts
  void part(BodyPart& part) {
    if (std::holds_alternative<BilaterallyDefinedBodyPart>(part.value)) return hopeless("a bilaterally defined part has no form of 1984");
    if (const auto* extended = std::get_if<ExtendedBodyPart>(&part.value)) {
      auto basic = old_form(*extended);
      if (!basic) return hopeless(basic.error().what);
      m_changed = true;
      part = *std::move(basic);
    }
    if (auto* forwarded = std::get_if<asn1::Box<MessageBodyPart>>(&part.value); forwarded != nullptr && forwarded->has_value()) {
      delivery((*forwarded)->parameters);
      message((*forwarded)->data);
    }
  }
  Result<BodyPart> old_form(const ExtendedBodyPart& part) {
    const ExtendedBodyKind* kind = part.data.direct_reference ? find_extended_body_kind(*part.data.direct_reference) : nullptr;
    if (kind == nullptr) return fail(ErrorCode::Unsupported, "a body part of a type that 1984 does not know");
    if (kind->type == BodyPartType::GeneralText) return text(part);
    return basic_form(part, *kind);
  }
  /// X.408: general text to ia5-text where that holds it, else to teletex.
  Result<BodyPart> text(const ExtendedBodyPart& part) {
    GeneralTextParameters sets;
    if (part.parameters) {
      POSTERN_TRY(sets, held_value<GeneralTextParameters>(*part.parameters));
    }
    POSTERN_TRY(const GeneralTextData octets, held_value<GeneralTextData>(part.data));
    const PlainText plain = general_text_to_utf8(sets, octets.octets);
    m_converted = true;
    bool lost = plain.lost > 0;
    if (smallest_form(plain.utf8) == TextForm::Ia5) return text_body_part(plain.utf8, TextForm::Ia5);
    TeletexBodyPart out;
    out.data.emplace_back(teletex_of(with_crlf(plain.utf8), lost));
    if (lost) lose("characters that T.61 does not have");
    return BodyPart{std::move(out)};
  }
  /// The delivery envelope of a forwarded message (X.411-1984 3.3.1): what 1984 has of it.
  void delivery(MessageParameters& parameters) {
    if (!parameters.delivery_envelope) return;
    mts::OtherMessageDeliveryFields& fields = *parameters.delivery_envelope;
    auto* const type = std::get_if<mts::BuiltInContentType>(&fields.content_type.value);
    bool fits = type != nullptr;
    const auto try_name = [&](mts::ORName& name) { fits = fits && !mts::downgrade_to_1984(name); };
    const mts::OtherMessageDeliveryFields before = fields;
    if (type != nullptr && *type == mts::BuiltInContentType::InterpersonalMessaging1988)
      *type = mts::BuiltInContentType::InterpersonalMessaging1984;  // as its content is from here on
    types(fields.original_encoded_information_types);
    types(fields.converted_encoded_information_types);
    try_name(fields.originator_name);
    try_name(fields.this_recipient_name);
    if (fields.originally_intended_recipient_name) try_name(*fields.originally_intended_recipient_name);
    if (fields.other_recipient_names)
      for (mts::ORName& name : *fields.other_recipient_names) try_name(name);
    m_changed = m_changed || !(before == fields);
    drop(fields.content_identifier, "the content identifier of a forwarded message");
    drop(fields.extensions, "extensions of a forwarded message's envelope");
    drop(fields.unknown, "later fields of a forwarded message's envelope");
    if (fits) return;
    drop(parameters.delivery_envelope, "the envelope of a forwarded message");
    drop(parameters.delivery_time, "the envelope of a forwarded message");
  }

  void types(std::optional<mts::EncodedInformationTypes>& types) {
    if (!types || !types->extended_encoded_information_types) return;
    mts::downgrade_to_1984(*types);
    m_changed = true;
  }

  // ---- names
  void descriptor(ORDescriptor& descriptor) {
    if (!descriptor.formal_name || !name(*descriptor.formal_name)) return;
    std::string text = oraddress::write(*descriptor.formal_name);
    if (!descriptor.free_form_name && !text.empty()) {
      bool lost = false;
      text = teletex_of(text, lost);
      if (text.size() > static_cast<std::size_t>(ub_free_form_name)) text.resize(static_cast<std::size_t>(ub_free_form_name));
      descriptor.free_form_name = asn1::TeletexString(std::move(text));
    }
    drop(descriptor.formal_name, "an O/R name with attributes that 1984 does not know");
  }
  void identifier(IPMIdentifier& identifier) {
    if (identifier.user && name(*identifier.user)) drop(identifier.user, "an O/R name with attributes that 1984 does not know");
  }
  /// True: it has no form of 1984.
  bool name(oraddress::ORName& name) {
    oraddress::ORName fitted = name;
    if (mts::downgrade_to_1984(fitted)) return true;
    m_changed = m_changed || !(fitted == name);
    name = std::move(fitted);
    return false;
  }
  void each(std::optional<ORDescriptor>& one) {
    if (one) descriptor(*one);
  }
  void each(std::optional<std::vector<ORDescriptor>>& list) {
    if (!list) return;
    for (ORDescriptor& one : *list) descriptor(one);
  }

  // ---- notes
  template <class T>
  void drop(std::optional<T>& field, const char* what) {
    if (field) lose(what);
    field.reset();
  }
  template <class List>
    requires requires(List& list) { list.empty(); }
  void drop(List& list, const char* what) {
    if (!list.empty()) lose(what);
    list.clear();
  }
  void lose(const char* what) {
    m_changed = true;
    if (m_lost.empty()) m_lost = what;
  }
  void hopeless(std::string why) {
    if (m_hopeless.empty()) m_hopeless = std::move(why);
  }

  const DowngradeRules& m_rules;
  std::string m_hopeless, m_lost;
  std::size_t m_depth = 0;
  bool m_converted = false, m_changed = false;
};

}  // namespace

tl::expected<Downgraded, mts::NoDowngrade> downgrade_content(ByteView content, const DowngradeRules& rules) {
  const auto no = [](const Error& error, Diagnostic diagnostic) {
    return tl::unexpected<mts::NoDowngrade>(mts::NoDowngrade{Reason::UnableToTransfer, diagnostic, "the content: " + error.text()});
  };
  auto object = asn1::decode<InformationObject>(content);
  if (!object) return no(object.error(), Diagnostic::ContentSyntaxError);
  Downgrader downgrader(rules);
  downgrader.object(*object);
  if (auto refusal = downgrader.refusal()) return tl::unexpected<mts::NoDowngrade>(*std::move(refusal));
  Downgraded out;
  if (downgrader.converted()) out.converted = encoded_information_types(*object);
  if (!downgrader.changed()) {
    out.content.assign(content.begin(), content.end());
    return out;
  }
  auto octets = asn1::encode_as_taken(*object);
  if (!octets) return no(octets.error(), Diagnostic::UnableToDowngrade);
  out.content = *std::move(octets);
  return out;
}

}  // namespace postern::ipm
