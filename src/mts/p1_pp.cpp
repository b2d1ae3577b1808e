#include "mts/p1_pp.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

struct Replacement {
  std::string_view field;
  const Type& type;
};

/// The same description with other types at some fields.
Type with(const Type& original, std::initializer_list<Replacement> replacements) {
  Type made = original;
  for (const Replacement& replacement : replacements) {
    for (Field& field : made.fields) {
      if (field.name == replacement.field) field.as(replacement.type);
    }
  }
  return made;
}

const Type& extension_type() {
  static const Type type =
      choice<&ExtensionType::value>("ExtensionType", {
                                                         alternative<&ExtensionType::value, 0>("standard-extension").explicitly(context(0)),
                                                         alternative<&ExtensionType::value, 1>("private-extension").implicitly(context(3)),
                                                     });
  return type;
}

const Type& extension_field() {
  static const Type type = with(schema(Of<ExtensionField>{}), {{"type", extension_type()}});
  return type;
}

const Type& extensions() {
  static const Type type = set_of_type<ExtensionField>("Extensions", &extension_field);
  return type;
}

/// A recipient of a message, probe or report.
template <class T>
const Type& recipient() {
  static const Type type = with(schema(Of<T>{}), {{"extensions", extensions()}});
  return type;
}

template <class T>
const Type& recipients() {
  static const Type type = sequence_of_type<T>("per-recipient-fields", &recipient<T>).size(1, ub::recipients);
  return type;
}

template <class T, class Recipient>
const Type& with_recipients() {
  static const Type type = with(schema(Of<T>{}), {{"extensions", extensions()}, {"per-recipient-fields", recipients<Recipient>()}});
  return type;
}

const Type& message() {
  static const Type type = with(schema(Of<Message>{}), {{"envelope", message_transfer_envelope_pp()}});
  return type;
}

const Type& report_envelope() {
  static const Type type = with(schema(Of<ReportTransferEnvelope>{}), {{"extensions", extensions()}});
  return type;
}

const Type& report() {
  static const Type type =
      with(schema(Of<Report>{}),
           {{"envelope", report_envelope()}, {"content", with_recipients<ReportTransferContent, PerRecipientReportTransferFields>()}});
  return type;
}

}  // namespace

const Type& message_transfer_envelope_pp() { return with_recipients<MessageTransferEnvelope, PerRecipientMessageTransferFields>(); }

const Type& mts_apdu_pp() {
  static const Type type = with(
      schema(Of<MTSApdu>{}),
      {{"message", message()}, {"report", report()}, {"probe", with_recipients<ProbeTransferEnvelope, PerRecipientProbeTransferFields>()}});
  return type;
}

}  // namespace postern::mts
