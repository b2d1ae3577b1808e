#include "ms/delivery.hpp"

#include <algorithm>
#include <charconv>

#include "ipm/oids.hpp"
#include "ms/derive.hpp"

namespace postern::ms {

using namespace asn1;

std::vector<Oid> eits_of(const mts::EncodedInformationTypes& types) {
  std::vector<Oid> out;
  const mts::BuiltInEncodedInformationTypes& bits = types.built_in_encoded_information_types;
  for (std::size_t bit = 0; bit < std::min<std::size_t>(bits.size(), 32); ++bit)
    if (static_cast<const BitString&>(bits).test(bit)) out.push_back(id_eit(static_cast<std::uint32_t>(bit)));
  if (const auto& more = types.extended_encoded_information_types) out.insert(out.end(), more->begin(), more->end());
  return out;
}

Oid content_type_oid(const mts::ContentType& type) {
  if (const Oid* extended = std::get_if<Oid>(&type.value)) return *extended;
  switch (std::get<mts::BuiltInContentType>(type.value)) {
    case mts::BuiltInContentType::InterpersonalMessaging1984: return ipm::id_mct_p2_1984();
    case mts::BuiltInContentType::InterpersonalMessaging1988: return ipm::id_mct_p2_1988();
    default: return id_cont_undefined();
  }
}

namespace {

using detail::AttributeWriter;
using detail::derive;

// ---- forwarded messages become entries (X.420 19.5)
class BodyEntries {
 public:
  BodyEntries(NewEntries& out, const DeliveryLimits& limits) : m_out(out), m_limits(limits) {}

  /// The message of entry `index`, whose part path is `path`.
  void add(std::size_t index, const ipm::IPM& message, const std::string& path, std::size_t depth) {
    {
      AttributeWriter out(m_out.entries[index]);
      out.put(id_sat(0), IPMEntryType::Ipm);
      derive(out, message.heading);
    }
    std::int64_t position = 0;
    for (const ipm::BodyPart& part : message.body) {
      m_out.entries[index].parts.push_back(describe(part, ++position));
      if (depth >= m_limits.depth || m_out.entries.size() > m_limits.children) continue;
      if (const auto forwarded = forwarded_message(part))
        add_child(index, *forwarded, (path.empty() ? "" : path + ".") + std::to_string(position), depth + 1);
    }
  }

 private:
  void add_child(std::size_t parent, const ipm::MessageBodyPart& part, const std::string& path, std::size_t depth) {
    const auto octets = encode_as_taken(ipm::InformationObject{part.data});
    if (!octets) return;
    const std::size_t index = m_out.entries.size();
    NewEntry& entry = m_out.entries.emplace_back();
    entry.parent = parent;
    entry.part = path;
    entry.has_content = true;
    entry.content_length = octets->size();
    AttributeWriter out(entry);
    out.put(id_att(20), part.parameters.delivery_time);
    if (part.parameters.delivery_envelope)
      derive(out, *part.parameters.delivery_envelope);
    else
      out.put(id_att(8), ipm::id_mct_p2_1988());
    m_out.entries[parent].part_entries.emplace_back(m_out.entries[parent].parts.size() - 1, index);
    m_out.entries[parent].children.push_back(index);
    add(index, part.data, path, depth);
  }

  NewEntries& m_out;
  const DeliveryLimits& m_limits;
};

DecodeOptions content_options() {
  DecodeOptions options;
  options.depth = 128;
  return options;
}

/// [0] IPM, whose first component is the heading (X.420 7).
std::optional<ipm::Heading> heading_in_front(ByteView front) {
  const auto outer = peek_header(front);
  if (!outer || !*outer || (*outer)->tag != context(0) || (*outer)->octets > front.size()) return std::nullopt;
  ByteView rest = front.subspan((*outer)->octets);
  auto heading = decode_front<ipm::Heading>(rest, content_options());
  return heading ? std::optional(*std::move(heading)) : std::nullopt;
}

void add_content(NewEntries& out, const ContentView& content, const DeliveryLimits& limits) {
  if (!content.whole()) {
    if (const auto heading = heading_in_front(content.front)) {
      AttributeWriter writer(out.entries[0]);
      writer.put(id_sat(0), IPMEntryType::Ipm);
      derive(writer, *heading);
    }
    return;
  }
  const auto object = decode<ipm::InformationObject>(content.front, content_options());
  if (!object) return;
  if (const ipm::IPM* message = object->ipm()) BodyEntries(out, limits).add(0, *message, "", 0);
  if (const ipm::IPN* notification = object->ipn()) {
    AttributeWriter writer(out.entries[0]);
    derive(writer, *notification);
  }
}

}  // namespace

Result<NewEntries> entries_of(const mts::MessageDeliveryEnvelope& envelope, const ContentView& content, const DeliveryLimits& limits) {
  NewEntries out;
  NewEntry& entry = out.entries.emplace_back();
  entry.has_content = true;
  entry.content_length = content.size;
  POSTERN_TRY(const Any any, to_any(envelope, schema(Of<mts::MessageDeliveryEnvelope>{}), EncodeRules::Lenient));
  AttributeWriter writer(entry);
  writer.put_any(att::message_delivery_envelope, std::span(&any, 1));
  writer.put(id_att(19), envelope.message_delivery_identifier);
  writer.put(id_att(20), envelope.message_delivery_time);
  derive(writer, envelope.other_fields);
  if (ipm::is_interpersonal(mts::ContentType{envelope.other_fields.content_type.value})) add_content(out, content, limits);
  return out;
}

Result<NewEntries> entries_of(const mts::ReportDeliveryArgument& report) {
  NewEntries out;
  NewEntry& entry = out.entries.emplace_back();
  entry.type = EntryType::DeliveredReport;
  POSTERN_CHECK(encode_as_taken(static_cast<const mts::ReportDeliveryEnvelope&>(report)));
  AttributeWriter writer(entry);
  derive(writer, report);
  if (!report.returned_content) return out;
  entry.children.push_back(1);
  NewEntry& returned = out.entries.emplace_back();  // X.413 6.2.1.3: a child of the report
  returned.type = EntryType::ReturnedContent;
  returned.parent = 0;
  returned.has_content = true;
  returned.content_length = report.returned_content->octets.size();
  if (report.content_type) AttributeWriter(returned).put(id_att(8), content_type_oid(*report.content_type));
  return out;
}

// ---- numbers
namespace {

Bytes attributes_of(const NewEntry& entry, SequenceNumber first) {
  std::vector<BodyPartDescriptor> parts = entry.parts;
  for (const auto& [part, index] : entry.part_entries) parts[part].this_child_entry = first + static_cast<SequenceNumber>(index);
  NewEntry summary;
  AttributeWriter(summary).put_each(att::body_parts_summary, parts);
  Bytes out = entry.packed.octets();
  append(out, summary.packed.octets());
  return out;
}

}  // namespace

std::vector<NumberedEntry> numbered(const NewEntries& entries, SequenceNumber first, std::int64_t created) {
  const auto number = [first](std::size_t index) { return first + static_cast<SequenceNumber>(index); };
  std::vector<NumberedEntry> out;
  for (const NewEntry& each : entries.entries) {
    NumberedEntry entry;
    entry.row.number = number(out.size());
    entry.row.parent = each.parent ? number(*each.parent) : 0;
    entry.row.created = created;
    entry.row.type = each.type;
    entry.row.has_content = each.has_content;
    entry.row.content_length = each.content_length;
    entry.row.part = each.part;
    for (const std::size_t child : each.children) entry.row.children.push_back(number(child));
    entry.row.attributes = attributes_of(each, first);
    entry.details = each.details.octets();
    out.push_back(std::move(entry));
  }
  return out;
}

// ---- parts
Result<Bytes> content_of_part(ByteView content, std::string_view part) {
  POSTERN_TRY(ipm::InformationObject object, decode<ipm::InformationObject>(content, content_options()));
  while (!part.empty()) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    part.remove_prefix(std::min(part.size(), static_cast<std::size_t>(end - part.data()) + 1));
    const ipm::IPM* message = object.ipm();
    if (error != std::errc{} || message == nullptr || number == 0 || number > message->body.size())
      return fail(ErrorCode::NotFound, "the content has no such part");
    auto forwarded = forwarded_message(message->body[number - 1]);
    if (!forwarded) return fail(ErrorCode::NotFound, "the part is no forwarded message");
    object = ipm::InformationObject{std::move(forwarded->data)};
  }
  return encode_as_taken(object);
}

}  // namespace postern::ms
