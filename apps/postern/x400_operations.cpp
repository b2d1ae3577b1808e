// postern x400 probe, cancel, register, password: single operations of a user, asked of an MTA (P3) or a message store (P7) by address and
// credentials.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "file_input.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/p7_client.hpp"
#include "x400.hpp"
#include "x400_peer.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// The same operation of either protocol: `work(client)` is called with a P3Client or a P7Client.
template <class T, class F>
Result<T> with_peer(const PeerOptions& options, std::istream& in, const F& work) {
  if (options.protocol == "p7") return with_client<mhs::P7Client, T>(options, in, work);
  return with_client<mhs::P3Client, T>(options, in, work);
}

using Done = json::object;
io::Task<Result<Done>> done(io::Task<Status> work, Done said) {
  POSTERN_CO_CHECK(co_await std::move(work));
  co_return said;
}

/// As JSON, or the sentence.
void show_done(Context& context, const char* verb, const Result<Done>& result, const std::string& words) {
  if (!result) return report_error(context, verb, result.error());
  if (context.json)
    context.out << *result << '\n';
  else
    context.out << words << '\n';
}

// ---- probe (X.411 8.2.1.2)
struct ProbeOptions {
  PeerOptions peer;
  std::vector<std::string> to;
  std::int64_t size = 0;
};

Result<mts::ProbeSubmissionArgument> argument_of(const ProbeOptions& options) {
  mts::ProbeSubmissionArgument out;
  POSTERN_TRY(out.originator_name, name_of(options.peer.user, "--user"));
  out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  if (options.size > 0) out.content_length = options.size;
  for (const std::string& each : options.to) {
    mts::PerRecipientProbeSubmissionFields one;
    POSTERN_TRY(one.recipient_name, name_of(each, "--to"));
    one.originator_report_request.set(mts::OriginatorReportRequestBit::Report);  // what a probe is for
    out.per_recipient_fields.push_back(std::move(one));
  }
  return out;
}

void run_probe(const ProbeOptions& options, Context& context) {
  const auto argument = argument_of(options);
  if (!argument) return report_error(context, "x400 probe", argument.error());
  const auto result = with_peer<mts::ProbeSubmissionResult>(
      options.peer, context.in, [&](auto& client) { return client.probe(*argument, deadline_of(options.peer)); });
  if (!result) return report_error(context, "x400 probe", result.error());
  const std::string id = mhs::text_of(result->probe_submission_identifier);
  const std::string& time = result->probe_submission_time.text;
  show_done(context, "x400 probe", Done{{"id", id}, {"time", time}},
            "probe " + printable(id) + " at " + printable(time) + "; a report follows");
}

// ---- cancel (X.411 8.2.1.3)
struct CancelOptions {
  PeerOptions peer;
  std::string identifier;
};

void run_cancel(const CancelOptions& options, Context& context) {
  const auto identifier = mhs::parse_mts_identifier(options.identifier);
  if (!identifier) return report_error(context, "x400 cancel", identifier.error());
  const auto result = with_peer<Done>(options.peer, context.in, [&](auto& client) {
    return done(client.cancel(*identifier, deadline_of(options.peer)), Done{{"cancelled", options.identifier}});
  });
  show_done(context, "x400 cancel", result, "cancelled: it is not delivered");
}

// ---- register (X.411 8.4.1.1)
struct RegisterOptions {
  PeerOptions peer;
  std::int64_t longest = 0, hold_longer = 0;
  std::string hold_below;
};

Result<mts::RegisterArgument88> argument_of(const RegisterOptions& options) {
  if (options.peer.protocol != "p3")
    return fail(ErrorCode::BadInput, "what is delivered is registered with the MTA (p3); a store has its own registrations", "--protocol");
  mts::RegisterArgument88 out;
  if (options.longest > 0) out.deliverable_maximum_content_length = options.longest;
  mts::Controls controls;
  if (options.hold_longer > 0) controls.permissible_maximum_content_length = options.hold_longer;
  controls.permissible_lowest_priority = priority_named(options.hold_below);
  if (controls != mts::Controls()) out.default_delivery_controls = std::move(controls);
  if (out == mts::RegisterArgument88())
    return fail(ErrorCode::BadInput, "nothing to register: give --longest, --hold-longer or --hold-below", "register");
  return out;
}

void run_register(const RegisterOptions& options, Context& context) {
  const auto argument = argument_of(options);
  if (!argument) return report_error(context, "x400 register", argument.error());
  const auto result = with_client<mhs::P3Client, Done>(options.peer, context.in, [&](mhs::P3Client& client) {
    return done(client.register_user(*argument, deadline_of(options.peer)), Done{{"registered", options.peer.user}});
  });
  show_done(context, "x400 register", result, "registered");
}

// ---- password (X.411 8.4.1.2; of a store X.413 8.6)
struct PasswordOptions {
  PeerOptions peer;
  std::string new_ref;
};

io::Task<Status> change(mhs::P3Client& client, SecretBytes before, SecretBytes after, SteadyTime deadline) {
  return client.change_password(std::move(before), std::move(after), deadline);
}
io::Task<Status> change(mhs::P7Client& client, SecretBytes before, SecretBytes after, SteadyTime deadline) {
  ms::RegisterMSArgument argument;
  argument.change_credentials = ms::ChangeCredentials{mhs::simple_credentials(before), mhs::simple_credentials(after)};
  return client.register_ms(std::move(argument), deadline);
}

Result<Done> change_password(const PasswordOptions& options, std::istream& in) {
  POSTERN_TRY(const SecretBytes before, password_of(options.peer.password_ref, "--password-ref", in));
  POSTERN_TRY(const SecretBytes after, password_of(options.new_ref, "--new-password-ref", in));
  if (before.view().empty() || after.view().empty())
    return fail(ErrorCode::BadInput, "both passwords are needed, the old one and the new one", "--new-password-ref");
  return with_peer<Done>(options.peer, in, [&](auto& client) {
    return done(change(client, SecretBytes(before.view()), SecretBytes(after.view()), deadline_of(options.peer)),
                Done{{"changed", options.peer.user}});
  });
}

}  // namespace

void add_x400_operation_verbs(CLI::App& x400, Context& context) {
  CLI::App* probe = x400.add_subcommand("probe", "Asks whether a message would be delivered; the answer is a report");
  const auto asked = std::make_shared<ProbeOptions>();
  add_peer_options(*probe, asked->peer, context, "p3");
  probe->add_option("--to", asked->to, "O/R address of a recipient; several times")->required();
  probe->add_option("--size", asked->size, "Octets that the content would have")->check(CLI::Range(1, 2'147'483'647));
  probe->callback([asked, &context] { run_probe(*asked, context); });

  CLI::App* registering =
      x400.add_subcommand("register", "Registers with an MTA what may be delivered to a user (P3); what is not named stays");
  const auto wish = std::make_shared<RegisterOptions>();
  add_peer_options(*registering, wish->peer, context, "p3");
  registering->add_option("--longest", wish->longest, "Longer contents, in octets, are not delivered but reported as too long")
      ->check(CLI::Range(1, 2'147'483'647));
  registering
      ->add_option("--hold-longer", wish->hold_longer,
                   "By default longer contents, in octets, wait with the MTA; without --hold-below, less urgent ones no longer do")
      ->check(CLI::Range(1, 2'147'483'647));
  registering
      ->add_option("--hold-below", wish->hold_below,
                   "By default less urgent messages wait with the MTA; without --hold-longer, longer ones no longer do")
      ->check(CLI::IsMember({"urgent", "normal", "non-urgent"}));
  registering->callback([wish, &context] { run_register(*wish, context); });

  CLI::App* password = x400.add_subcommand("password", "Changes the user's password with his MTA (P3) or his store (P7)");
  const auto words = std::make_shared<PasswordOptions>();
  add_peer_options(*password, words->peer, context, "p3");
  password->add_option("--new-password-ref", words->new_ref, "Where the new one is: env:NAME or file:PATH")->required();
  password->callback(
      [words, &context] { show_done(context, "x400 password", change_password(*words, context.in), "the password is changed"); });
}

void add_x400_cancel_verb(CLI::App& x400, Context& context) {
  CLI::App* cancel = x400.add_subcommand("cancel", "Takes a deferred message back before its time");
  const auto which = std::make_shared<CancelOptions>();
  add_peer_options(*cancel, which->peer, context, "p3");
  cancel->add_option("IDENTIFIER", which->identifier, "As submit said it: \"[C=DE;A= ;P=ACME] mta-1126054200-1f\"")->required();
  cancel->callback([which, &context] { run_cancel(*which, context); });
}

}  // namespace postern::cli
