// postern x400 decode|encode: values of the X.400 protocols as JSON value notation (asn1/json.hpp) and back to BER.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "asn1/dump.hpp"
#include "asn1/json.hpp"
#include "base/text.hpp"
#include "capture/capture_file.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "ipm/notification.hpp"
#include "mhs/notation.hpp"
#include "octet_forms.hpp"
#include "x400.hpp"
#include "x400_capture.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// What --as can say. A protocol adds a row.
struct Syntax {
  std::string_view name;
  std::string_view about;
  Result<json::value> (*decode)(ByteView octets);
  Result<Bytes> (*encode)(const json::value& value);
};

/// A protocol whose values are all of one type, as `Describe` has it; `check` says what of them it does not allow.
template <class T>
Status anything(const T&) {
  return {};
}
template <class T>
const asn1::Type& described() {
  return schema(asn1::Of<T>{});
}
using Describe = const asn1::Type& (*)();
template <class T, Status (*Check)(const T&), Describe D>
Result<json::value> decode_as(ByteView octets) {
  POSTERN_TRY(const T value, asn1::decode<T>(octets, {}, D()));
  POSTERN_CHECK(Check(value));
  return asn1::to_json(value, D());
}
template <class T, Status (*Check)(const T&), Describe D>
Result<Bytes> encode_as(const json::value& value) {
  POSTERN_TRY(const T made, asn1::from_json<T>(value, D()));
  POSTERN_CHECK(Check(made));
  return asn1::encode(made, D(), asn1::EncodeRules::Lenient);
}

using ipm::InformationObject;
Status known_in_1984(const InformationObject& object) {
  if (ipm::content_type_of(object) == mts::BuiltInContentType::InterpersonalMessaging1984) return {};
  return fail(ErrorCode::BadInput, "holds extensions or body parts that P2 of 1984 does not have: take p22", "InformationObject");
}
Status is_message(const InformationObject& object) {
  return object.ipm() != nullptr ? Status{} : fail(ErrorCode::BadInput, "is a notification: take ipn", "InformationObject");
}
Status is_notification(const InformationObject& object) {
  return object.ipn() != nullptr ? Status{} : fail(ErrorCode::BadInput, "is a message: take ipm", "InformationObject");
}

template <class T, Status (*Check)(const T&) = &anything<T>, Describe D = &described<T>>
constexpr Syntax syntax(std::string_view name, std::string_view about) {
  return {name, about, &decode_as<T, Check, D>, &encode_as<T, Check, D>};
}
// In the order in which decode tries them where --as does not say.
constexpr Syntax kSyntaxes[] = {
    syntax<InformationObject>("p22", "content of 1988 and later: message or notification (X.420)"),
    syntax<InformationObject, known_in_1984>("p2", "content of 1984: message or notification"),
    syntax<InformationObject, is_message>("ipm", "content that is an interpersonal message"),
    syntax<InformationObject, is_notification>("ipn", "content that is a notification"),
    syntax<mts::MTSApdu, anything<mts::MTSApdu>, mhs::p1_notation>("p1", "between MTAs: message, report or probe (X.411 12)"),
    syntax<mts::MTSApdu, anything<mts::MTSApdu>, mhs::p1_1984_notation>("p1-84", "the same under the names of 1984"),
    syntax<mhs::P7Apdu, mhs::is_known>("p7", "between a user and his message store: APDUs of ROSE, binds (X.413, X.419)"),
    syntax<mhs::P3Apdu, mhs::is_known>("p3", "between a user or store and the MTS: APDUs of ROSE, binds (X.411 8, X.419)"),
};

std::string names_of_syntaxes() {
  std::string out;
  for (const Syntax& each : kSyntaxes) out += "\n  " + std::string(each.name) + ": " + std::string(each.about);
  return out;
}

Result<const Syntax*> syntax_named(const std::string& name) {
  const auto* found = std::ranges::find(kSyntaxes, name, &Syntax::name);
  if (found != std::end(kSyntaxes)) return found;
  return fail(ErrorCode::BadInput, "is none of:" + names_of_syntaxes(), "--as");
}

// ---- decode
void show_value(Context& context, const json::value& value) {
  if (context.json)
    context.out << value;
  else
    show_json(context.out, value);
  context.out << '\n';
}

struct DecodeOptions {
  std::string as, file = "-";
};

/// By the first description that fits, as {"as": …, "value": …}; nothing where none does.
std::optional<json::value> decode_by_any(ByteView octets) {
  for (const Syntax& each : kSyntaxes)
    if (auto value = each.decode(octets)) return json::value{{"as", each.name}, {"value", *std::move(value)}};
  return std::nullopt;
}

Result<json::value> decode_by_name(const std::string& name, ByteView octets) {
  POSTERN_TRY(const Syntax* syntax, syntax_named(name));
  return syntax->decode(octets);
}

Result<Bytes> octets_in(const std::string& file, const std::string& input) {
  POSTERN_TRY(Bytes octets, octets_of(input));
  if (octets.empty()) return fail(ErrorCode::BadInput, "is empty", file);
  return octets;
}

void show_dump(Context& context, ByteView octets) {
  if (context.json)
    context.out << json::value{{"as", nullptr}, {"ber", asn1::dump_json(octets)}} << '\n';
  else
    context.out << asn1::dump(octets);
}

void run_decode(const DecodeOptions& options, Context& context) {
  const auto input = read_input(options.file, context.in);
  if (!input) return report_error(context, "x400 decode", input.error());
  if (options.as.empty() && capture::CaptureReader::is_capture(as_bytes(*input))) return show_capture(context, as_bytes(*input));
  const auto octets = octets_in(options.file, *input);
  if (!octets) return report_error(context, "x400 decode", octets.error());
  if (options.as.empty()) {
    if (const auto value = decode_by_any(*octets)) return show_value(context, *value);
    return show_dump(context, *octets);
  }
  const auto value = decode_by_name(options.as, *octets);
  if (!value) return report_error(context, "x400 decode", value.error());
  show_value(context, *value);
}

// ---- encode
struct EncodeOptions {
  std::string as, file = "-", form = "hex";
};

Result<json::value> json_in(const std::string& file, std::istream& in) {
  POSTERN_TRY(const std::string input, read_input(file, in));
  boost::system::error_code error;
  json::value value = json::parse(input, error);
  if (error) return fail(ErrorCode::BadInput, "is no JSON: " + error.message(), file);
  return value;
}

Result<std::string> encode(const EncodeOptions& options, std::istream& in) {
  POSTERN_TRY(const Syntax* syntax, syntax_named(options.as));
  POSTERN_TRY(json::value value, json_in(options.file, in));
  // What decode says without --as names its syntax itself.
  if (const auto* object = value.if_object();
      object != nullptr && object->size() == 2 && object->contains("as") && object->contains("value"))
    value = json::value(object->at("value"));
  POSTERN_TRY(const Bytes octets, syntax->encode(value));
  const OctetForm form = options.form == "binary" ? OctetForm::Binary : options.form == "pem" ? OctetForm::Pem : OctetForm::Hex;
  return written(octets, form, "X400 " + to_upper(options.as));
}

void run_encode(const EncodeOptions& options, Context& context) {
  const auto octets = encode(options, context.in);
  if (!octets) return report_error(context, "x400 encode", octets.error());
  context.out << *octets;
}

}  // namespace

void add_x400_codec_verbs(CLI::App& x400, Context& context) {
  CLI::App* decode =
      x400.add_subcommand("decode",
                          "BER of an X.400 protocol as JSON value notation, as a dump where no description fits; of a capture file (pcap, "
                          "pcapng) its associations, layer by layer");
  const auto from = std::make_shared<DecodeOptions>();
  decode->add_option("FILE", from->file, "Octets, hexadecimal, armour (-----BEGIN …) or a capture file; - is standard input");
  decode->add_option("--as", from->as, "What it is; without it, whatever fits:" + names_of_syntaxes());
  accept_clock(*decode);
  decode->add_flag("--json", context.json, "On one line");
  decode->footer("Examples: postern x400 decode --as p22 content.ber\n          postern x400 decode traffic.pcapng");
  decode->callback([from, &context] { run_decode(*from, context); });

  CLI::App* encode = x400.add_subcommand("encode", "BER of JSON value notation, the inverse of decode");
  const auto to = std::make_shared<EncodeOptions>();
  accept_clock(*encode);
  encode->add_option("FILE", to->file, "JSON; - is standard input");
  encode->add_option("--as", to->as, "What it is:" + names_of_syntaxes())->required();
  encode->add_option("--form", to->form, "hex, binary or pem")->check(CLI::IsMember({"hex", "binary", "pem"}));
  encode->footer("Example: postern x400 encode --as p22 --form binary message.json > content.ber");
  encode->callback([to, &context] { run_encode(*to, context); });
}

}  // namespace postern::cli
