// postern x400 address|or2rfc|rfc2or: O/R addresses read, explained, and mapped to and from Internet mail addresses.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "asn1/ber.hpp"
#include "asn1/json.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/rfc822.hpp"
#include "x400.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using namespace oraddress;

std::string_view name_of_alphabet(Form form) {
  switch (form) {
    case Form::Printable: return "printable";
    case Form::Teletex: return "teletex";
    case Form::Universal: return "universal";
    default: return "ber";
  }
}

json::object attribute_json(const Attribute& each) {
  return {{"keyword", each.name()},
          {"component", row_of(each.keyword).about},
          {"alphabet", name_of_alphabet(each.form)},
          {"value", each.utf8()}};
}

json::array attributes_json(const ORAddress& address) {
  json::array out;
  for (const Attribute& each : attributes_of(address)) out.push_back(attribute_json(each));
  return out;
}

/// What there is to say about an address; everything is worked out before the first line is shown.
struct Explained {
  ORAddress address, canonical;
  Result<AddressForm> form;
  Bytes ber;
};

Result<Explained> explain(const std::string& text) {
  POSTERN_TRY(ORAddress address, parse(text));
  POSTERN_TRY(ORAddress canonical, oraddress::canonical(address));
  POSTERN_TRY(Bytes ber, asn1::encode(address));
  auto form = form_of(address);
  return Explained{std::move(address), std::move(canonical), std::move(form), std::move(ber)};
}

json::object explained_json(const Explained& all) {
  return {{"form", all.form ? json::value(name_of(*all.form)) : json::value(nullptr)},
          {"incomplete", all.form ? json::value(nullptr) : json::value(all.form.error().text())},
          {"canonical", write(all.canonical)},
          {"semicolon", write(all.address, Style::Semicolon)},
          {"slash", write(all.address, Style::Slash)},
          {"mixer", write(all.address, Style::Mixer)},
          {"attributes", attributes_json(all.address)},
          {"value", asn1::to_json(all.address)},
          {"ber", hex_encode(all.ber)}};
}

void run_address(const std::string& text, Context& context) {
  const auto all = explain(text);
  if (!all) return report_error(context, "x400 address", all.error());
  if (context.json) {
    context.out << explained_json(*all) << '\n';
    return;
  }
  context.out << write(all->canonical) << '\n' << write(all->address, Style::Slash) << '\n';
  context.out << "form: " << (all->form ? std::string(name_of(*all->form)) : "incomplete, " + all->form.error().text()) << '\n';
  for (const Attribute& each : attributes_of(all->address)) {
    context.out << "  " << each.name() << " = " << each.utf8() << "  (" << row_of(each.keyword).about;
    if (each.form != Form::Printable) context.out << ", " << name_of_alphabet(each.form);
    context.out << ")\n";
  }
}

struct MappingOptions {
  std::string address;
  std::string mapping;
};

Result<Mapping> mapping_of(const MappingOptions& options, std::istream& in) {
  if (options.mapping.empty()) return Mapping{};
  POSTERN_TRY(const std::string text, read_input(options.mapping, in));
  return Mapping::parse(text);
}

Result<Rfc822Address> or2rfc(const MappingOptions& options, std::istream& in) {
  POSTERN_TRY(const Mapping mapping, mapping_of(options, in));
  POSTERN_TRY(const ORAddress address, parse(options.address));
  return to_rfc822(address, mapping);
}
void run_or2rfc(const MappingOptions& options, Context& context) {
  const auto made = or2rfc(options, context.in);
  if (!made) return report_error(context, "x400 or2rfc", made.error());
  if (context.json)
    context.out << json::object{{"address", made->text()}, {"local", made->local}, {"domain", made->domain}} << '\n';
  else
    context.out << made->text() << '\n';
}

Result<ORAddress> rfc2or(const MappingOptions& options, std::istream& in) {
  POSTERN_TRY(const Mapping mapping, mapping_of(options, in));
  POSTERN_TRY(const Rfc822Address address, Rfc822Address::parse(options.address));
  return from_rfc822(address, mapping);
}
void run_rfc2or(const MappingOptions& options, Context& context) {
  const auto made = rfc2or(options, context.in);
  if (!made) return report_error(context, "x400 rfc2or", made.error());
  if (context.json)
    context.out << json::object{{"semicolon", write(*made)}, {"slash", write(*made, Style::Slash)}, {"attributes", attributes_json(*made)}}
                << '\n';
  else
    context.out << write(*made) << '\n';
}

void add_mapping_verb(CLI::App& x400, Context& context, const char* name, const char* about, const char* address, const char* example,
                      void (*run)(const MappingOptions&, Context&)) {
  CLI::App* verb = x400.add_subcommand(name, about);
  const auto options = std::make_shared<MappingOptions>();
  verb->add_option("ADDR", options->address, address)->required();
  verb->add_option("--mapping", options->mapping,
                   "Mapping tables of RFC 2156 appendix F, with lines gateway# and local#; - is standard input");
  accept_clock(*verb);
  verb->add_flag("--json", context.json, "One JSON object");
  verb->footer(std::string("Example: ") + example);
  verb->callback([options, &context, run] { run(*options, context); });
}

}  // namespace

void add_x400_address_verbs(CLI::App& x400, Context& context) {
  CLI::App* verb = x400.add_subcommand("address", "What an O/R address is: canonical form, text forms, each attribute (X.402)");
  const auto text = std::make_shared<std::string>();
  accept_clock(*verb);
  verb->add_option("ADDR", *text, "C=DE;A= ;P=ACME;S=Doe or /C=DE/ADMD= /PRMD=ACME/S=Doe/")->required();
  verb->add_flag("--json", context.json, "One JSON object");
  verb->footer("Example: postern x400 address 'C=DE;A=;P=ACME;O=Works;S=Müller;G=Jane'");
  verb->callback([text, &context] { run_address(*text, context); });

  add_mapping_verb(x400, context, "or2rfc", "The Internet mail address of an O/R address (RFC 2156)", "The O/R address",
                   "postern x400 or2rfc --mapping tables 'C=DE;A=;P=ACME;S=Doe;G=Jane'", run_or2rfc);
  add_mapping_verb(x400, context, "rfc2or", "The O/R address of an Internet mail address (RFC 2156)", "local@domain",
                   "postern x400 rfc2or --mapping tables jane.doe@acme.de", run_rfc2or);
}

}  // namespace postern::cli
