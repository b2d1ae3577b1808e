#include "ipm/read.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "ipm/file_transfer.hpp"
#include "ipm/general_text.hpp"
#include "ipm/heading_words.hpp"
#include "mts/reasons.hpp"

namespace postern::ipm {

namespace {

/// The tag in words, of a part whose form the standard leaves open.
std::string type_of_unknown(const asn1::Any& part) {
  const auto header = asn1::peek_header(part.ber);
  if (!header || !*header) return "unknown";
  return (*header)->tag == asn1::context(7) ? "nationally-defined" : "body part " + asn1::text_of((*header)->tag);
}

class TreeReader {
 public:
  explicit TreeReader(const ReadLimits& limits) : m_limits(limits), m_parts_left(limits.parts) {}

  MessageView object(const InformationObject& object, const std::string& prefix) {
    return object.ipm() != nullptr ? message(*object.ipm(), prefix) : notification(*object.ipn(), prefix);
  }

 private:
  MessageView message(const IPM& ipm, const std::string& prefix) {
    MessageView out;
    out.subject = subject_of(ipm.heading);
    out.fields = field_lines(ipm.heading);
    for (std::size_t i = 0; i < ipm.body.size(); ++i) {
      if (m_parts_left == 0) {
        out.cut = true;
        break;
      }
      --m_parts_left;
      PartView view;
      view.number = prefix + std::to_string(i + 1);
      std::visit([&](const auto& part) { show(part, view); }, ipm.body[i].value);
      if (view.message.has_value() && view.message->cut) out.cut = true;
      out.parts.push_back(std::move(view));
    }
    name_files(out.parts);
    return out;
  }
  MessageView notification(const IPN& ipn, const std::string& prefix) {
    MessageView out;
    out.is_notification = true;
    out.fields = field_lines(ipn);
    const auto* non_receipt = std::get_if<NonReceiptFields>(&ipn.choice.value);
    if (non_receipt == nullptr || !non_receipt->returned_ipm) return out;
    PartView view;
    view.number = prefix + "1";
    view.type = "returned-ipm";
    nested(view, PartKind::Message, [&] { return message(*non_receipt->returned_ipm, view.number + "."); });
    if (view.message.has_value() && view.message->cut) out.cut = true;
    out.parts.push_back(std::move(view));
    return out;
  }

  template <class Make>
  void nested(PartView& view, PartKind kind, Make&& make) {
    view.kind = kind;
    if (m_depth >= m_limits.depth) {
      view.message = MessageView{};
      view.message->cut = true;
      view.remark = "nested too deep to be shown";
      return;
    }
    ++m_depth;
    view.message = make();
    --m_depth;
  }
  static void text(PartView& view, std::string type, PlainText plain) {
    view.kind = PartKind::Text;
    view.type = std::move(type);
    view.text = std::move(plain.utf8);
    if (!plain.remark.empty()) view.remark = plain.remark + (plain.lost == 0 ? "" : " (" + std::to_string(plain.lost) + " octets lost)");
  }
  static void octets(PartView& view, PartKind kind, std::string type, ByteView content) {
    view.kind = kind;
    view.type = std::move(type);
    view.content.assign(content.begin(), content.end());
  }

  // ---- basic parts
  void show(const IA5TextBodyPart& part, PartView& view) { text(view, "ia5-text", text_to_utf8(asn1::Alphabet::Ia5, part.data.octets)); }
  void show(const TeletexBodyPart& part, PartView& view) {
    PlainText all;
    for (const asn1::TeletexString& page : part.data) {
      PlainText one = text_to_utf8(asn1::Alphabet::Teletex, page.octets);
      all.utf8 += (all.utf8.empty() ? "" : "\f") + one.utf8;
      all.lost += one.lost;
      if (all.remark.empty()) all.remark = one.remark;
    }
    text(view, "teletex", std::move(all));
  }
  void show(const VideotexBodyPart& part, PartView& view) {
    text(view, "videotex", text_to_utf8(asn1::Alphabet::Videotex, part.data.octets));
  }
  void show(const G3FacsimileBodyPart& part, PartView& view) {
    view.kind = PartKind::Facsimile;
    view.type = "g3-facsimile";
    view.remark = std::to_string(part.data.size()) + " pages";
    for (const asn1::BitString& page : part.data) append(view.content, page.octets);
  }
  void show(const G4Class1BodyPart& part, PartView& view) { elements(view, "g4-class1", part); }
  void show(const MixedModeBodyPart& part, PartView& view) { elements(view, "mixed-mode", part); }
  static void elements(PartView& view, std::string type, const std::vector<asn1::Any>& list) {
    view.kind = PartKind::Facsimile;
    view.type = std::move(type);
    for (const asn1::Any& each : list) append(view.content, each.ber);
  }
  void show(const EncryptedBodyPart& part, PartView& view) {
    octets(view, PartKind::Encrypted, "encrypted", part.data.octets);
    view.remark = "enciphered by " + part.parameters.algorithm_identifier.algorithm.text();
  }
  void show(const asn1::Box<MessageBodyPart>& part, PartView& view) {
    view.type = "message";
    if (part.has_value()) forwarded(part->parameters, part->data, view);
  }
  void forwarded(const MessageParameters& parameters, const IPM& ipm, PartView& view) {
    nested(view, PartKind::Message, [&] { return message(ipm, view.number + "."); });
    if (parameters.delivery_time) {
      if (const auto at = parameters.delivery_time->unix_seconds()) view.modified = *at;
    }
  }
  void show(const BilaterallyDefinedBodyPart& part, PartView& view) { octets(view, PartKind::File, "bilaterally-defined", part.octets); }
  void show(const asn1::Any& part, PartView& view) { octets(view, PartKind::Other, type_of_unknown(part), part.ber); }

  // ---- extended parts
  void show(const ExtendedBodyPart& part, PartView& view) {
    const ExtendedBodyKind* kind = part.data.direct_reference ? find_extended_body_kind(*part.data.direct_reference) : nullptr;
    const std::string type = kind != nullptr
                                 ? std::string(kind->name)
                                 : (part.data.direct_reference ? part.data.direct_reference->text() : "extended without a type");
    const Status shown = kind == nullptr ? fail(ErrorCode::Unsupported, "a type that is not known here") : extended(kind->type, part, view);
    view.type = type;
    if (shown) return;
    // As it came, so that another program can open it.
    view.kind = PartKind::Other;
    view.remark = shown.error().text();
    if (const auto inside = part.data.open_value()) view.content.assign(inside->begin(), inside->end());
  }
  Status extended(BodyPartType type, const ExtendedBodyPart& part, PartView& view) {
    switch (type) {
      case BodyPartType::GeneralText: return general_text(part, view);
      case BodyPartType::FileTransfer: return file(part, view);
      case BodyPartType::Ia5Text: return plain<asn1::Ia5String>(part, view, asn1::Alphabet::Ia5);
      case BodyPartType::Videotex: return plain<asn1::VideotexString>(part, view, asn1::Alphabet::Videotex);
      case BodyPartType::Teletex: return teletex(part, view);
      case BodyPartType::BilaterallyDefined: return string_octets(part, view, PartKind::File);
      case BodyPartType::Voice: return string_octets(part, view, PartKind::Voice);
      case BodyPartType::Message: return extended_message(part, view);
      case BodyPartType::Notification: return extended_notification(part, view);
      case BodyPartType::Report: return report(part, view);
      case BodyPartType::Content: return content(part, view);
      default: return fail(ErrorCode::Unsupported, "kept as it came");
    }
  }
  template <class T>
  static Result<T> parameters_of(const ExtendedBodyPart& part) {
    return part.parameters ? held_value<T>(*part.parameters) : Result<T>(T{});
  }
  Status general_text(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(const auto parameters, parameters_of<GeneralTextParameters>(part));
    POSTERN_TRY(const auto data, held_value<GeneralTextData>(part.data));
    text(view, {}, general_text_to_utf8(parameters, data.octets));
    return {};
  }
  Status file(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(const auto parameters, parameters_of<FileTransferParameters>(part));
    POSTERN_TRY(const auto data, held_value<FileTransferData>(part.data));
    view.kind = PartKind::File;
    view.file_name = file_name(parameters);
    POSTERN_TRY(view.content, file_octets(parameters, data));
    describe_file(parameters, view);
    return {};
  }
  static void describe_file(const FileTransferParameters& parameters, PartView& view) {
    if (parameters.file_attributes && parameters.file_attributes->date_and_time_of_last_modification) {
      const auto& time = parameters.file_attributes->date_and_time_of_last_modification->value;
      if (const auto* actual = std::get_if<asn1::GeneralizedTime>(&time))
        if (const auto at = actual->unix_seconds()) view.modified = *at;
    }
    if (!parameters.environment) return;
    if (parameters.environment->application_reference) {
      if (const auto* oid = std::get_if<asn1::Oid>(&parameters.environment->application_reference->value)) view.application = *oid;
    }
    if (const auto& lines = parameters.environment->user_visible_string)
      for (const auto& each : *lines) view.remark += (view.remark.empty() ? "" : " ") + printable(each.octets);
  }
  template <class T>
  Status plain(const ExtendedBodyPart& part, PartView& view, asn1::Alphabet alphabet) {
    POSTERN_TRY(const auto data, held_value<T>(part.data));
    text(view, {}, text_to_utf8(alphabet, data.octets));
    return {};
  }
  Status teletex(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(auto data, held_value<std::vector<asn1::TeletexString>>(part.data));
    show(TeletexBodyPart{{}, std::move(data)}, view);
    return {};
  }
  Status string_octets(const ExtendedBodyPart& part, PartView& view, PartKind kind) {
    POSTERN_TRY(const auto data, held_value<asn1::OctetString>(part.data));
    octets(view, kind, {}, data.octets);
    return {};
  }
  Status extended_message(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(const auto parameters, parameters_of<MessageParameters>(part));
    POSTERN_TRY(const auto ipm, held_value<IPM>(part.data));
    forwarded(parameters, ipm, view);
    return {};
  }
  Status extended_notification(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(const auto ipn, held_value<IPN>(part.data));
    nested(view, PartKind::Notification, [&] { return notification(ipn, view.number + "."); });
    return {};
  }
  Status report(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(const auto report, held_value<ForwardedReport>(part.data));
    view.kind = PartKind::Report;
    for (const auto& each : report.per_recipient_fields) {
      const auto* failed = std::get_if<mts::NonDeliveryReport>(&each.report_type.value);
      view.text +=
          text_of(each.actual_recipient_name) + (failed == nullptr ? ": delivered" : ": not delivered: " + mts::words_of(*failed)) + "\n";
    }
    return {};
  }
  Status content(const ExtendedBodyPart& part, PartView& view) {
    POSTERN_TRY(const auto data, held_value<asn1::OctetString>(part.data));
    const auto type = forwarded_content_type(*part.data.direct_reference);
    if (!type || !is_interpersonal({*type})) {
      octets(view, PartKind::Other, {}, data.octets);
      view.remark = "a forwarded content of type " + (type ? type->text() : "unknown");
      return {};
    }
    POSTERN_TRY(const auto inner, asn1::decode<InformationObject>(data.octets));
    nested(view, PartKind::Message, [&] { return object(inner, view.number + "."); });
    return {};
  }

  // ---- names
  static void name_files(std::vector<PartView>& parts) {
    std::set<std::string> taken;
    for (PartView& each : parts) {
      if (each.content.empty() && each.kind != PartKind::File) continue;
      const std::string wanted = safe_file_name(each.file_name, "part-" + each.number + ".bin");
      std::string name = wanted;
      for (int i = 2; !taken.insert(to_lower(name)).second; ++i) {
        const std::size_t dot = std::min(wanted.rfind('.'), wanted.size());
        name = wanted.substr(0, dot) + " (" + std::to_string(i) + ")" + wanted.substr(dot);
      }
      each.file_name = std::move(name);
    }
  }

  const ReadLimits& m_limits;
  std::size_t m_parts_left;
  std::size_t m_depth = 0;
};

}  // namespace

std::string_view name_of(PartKind kind) noexcept {
  switch (kind) {
    case PartKind::Text: return "text";
    case PartKind::File: return "file";
    case PartKind::Message: return "message";
    case PartKind::Notification: return "notification";
    case PartKind::Report: return "report";
    case PartKind::Facsimile: return "facsimile";
    case PartKind::Voice: return "voice";
    case PartKind::Encrypted: return "encrypted";
    case PartKind::Other: break;
  }
  return "other";
}

MessageView read(const InformationObject& object, const ReadLimits& limits) { return TreeReader(limits).object(object, ""); }

Result<MessageView> read_content(ByteView content, const ReadLimits& limits, const asn1::DecodeOptions& options) {
  POSTERN_TRY(const InformationObject object, asn1::decode<InformationObject>(content, options));
  return read(object, limits);
}

}  // namespace postern::ipm
