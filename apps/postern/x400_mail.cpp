// postern x400 submit: composes an interpersonal message and gives it to an MTA (P3) or a message store (P7), by address and credentials.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "file_input.hpp"
#include "ipm/compose.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/p7_client.hpp"
#include "x400.hpp"
#include "x400_peer.hpp"
#include "x400_smime.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct SubmitOptions {
  PeerOptions peer;
  SmimeOptions smime;
  std::vector<std::string> to, cc, bcc, attach;
  std::string subject, text, file, defer;
  int strategy = 0;
  bool report = false, receipt = false;
};

/// Strategies of submission that need nothing but an MTA; the others are the daemon's.
enum Strategy : int { Immediate = 0, Deferred = 2 };
Status check_strategy(const SubmitOptions& options) {
  if (options.strategy != Immediate && options.strategy != Deferred)
    return fail(ErrorCode::Unsupported, "without the daemon there are 0 (immediate) and 2 (deferred, with --defer)", "--strategy");
  if ((options.strategy == Deferred) != !options.defer.empty())
    return fail(ErrorCode::BadInput, "goes together with --strategy 2, and that with it", "--defer");
  return {};
}

Result<std::vector<ipm::Recipient>> recipients_of(const std::vector<std::string>& addresses, const char* option, bool receipt) {
  std::vector<ipm::Recipient> out;
  for (const std::string& each : addresses) {
    ipm::Recipient one;
    POSTERN_TRY(one.party.name, name_of(each, option));
    one.receipt_notification = one.non_receipt_notification = receipt;
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::vector<ipm::Part>> parts_of(const SubmitOptions& options, std::istream& in) {
  std::vector<ipm::Part> out;
  if (!options.text.empty()) out.push_back(ipm::TextPart{options.text});
  if (!options.file.empty()) {
    POSTERN_TRY(std::string text, read_input(options.file, in));
    out.push_back(ipm::TextPart{std::move(text)});
  }
  for (const std::string& path : options.attach) {
    POSTERN_TRY(const std::string octets, read_input(path, in));
    ipm::FilePart part;
    part.name = std::filesystem::path(path).filename().string();
    part.octets = to_bytes(octets);
    out.push_back(std::move(part));
  }
  return out;
}

Result<ipm::Composed> composed(const SubmitOptions& options, const mts::ORName& user, std::istream& in) {
  SystemRandom random;
  ipm::Draft draft;
  draft.this_ipm.user = user;
  draft.this_ipm.user_relative_identifier = asn1::PrintableString(make_ulid(SystemClock().now(), random));
  draft.originator.name = user;
  POSTERN_TRY(draft.primary, recipients_of(options.to, "--to", options.receipt));
  POSTERN_TRY(draft.copy, recipients_of(options.cc, "--cc", options.receipt));
  POSTERN_TRY(draft.blind_copy, recipients_of(options.bcc, "--bcc", options.receipt));
  draft.subject = options.subject;
  POSTERN_TRY(draft.parts, parts_of(options, in));
  return ipm::compose(draft);
}

/// X.411 8.2.1.1.1: one submission for each copy.
Result<mts::MessageSubmissionArgument> argument_of(const SubmitOptions& options, const mts::ORName& user, const ipm::Composed& message,
                                                   const ipm::Copy& copy) {
  mts::MessageSubmissionArgument out;
  out.envelope.originator_name = user;
  out.envelope.content_type.value = message.content_type;
  out.envelope.original_encoded_information_types = message.types;
  out.content = asn1::OctetString(copy.content);
  if (!options.defer.empty()) {
    const auto time = parse_rfc3339(options.defer);
    if (!time) return fail(ErrorCode::BadInput, time.error().what, "--defer");
    out.envelope.deferred_delivery_time = mts::Time::at(unix_seconds(*time));
  }
  for (const mts::ORName& recipient : copy.recipients) {
    mts::PerRecipientMessageSubmissionFields one;
    one.recipient_name = recipient;
    // X.411 fig. 2: one of the two at most; a report says of non-delivery, too.
    one.originator_report_request.set(options.report ? mts::OriginatorReportRequestBit::Report
                                                     : mts::OriginatorReportRequestBit::NonDeliveryReport);
    out.envelope.per_recipient_fields.push_back(std::move(one));
  }
  return out;
}

using Submitted = std::vector<mts::MessageSubmissionResult>;

template <class Client>
io::Task<Result<Submitted>> submit_all(mhs::UserCall call, io::Resolver& resolver, std::vector<mts::MessageSubmissionArgument> messages,
                                       std::chrono::seconds each) {
  auto client = co_await Client::open(std::move(call), resolver, io::deadline_in(each));
  if (!client) co_return fail(error_of(client.error()));
  Submitted out;
  for (mts::MessageSubmissionArgument& message : messages) {
    auto result = co_await (*client)->submit(std::move(message), io::deadline_in(each));
    if (!result) {
      co_await (*client)->close(io::deadline_in(each));
      const std::string before = out.empty() ? "" : std::to_string(out.size()) + " copies are submitted, the next one is not: ";
      co_return fail(std::move(result).error().context(before));
    }
    out.push_back(*std::move(result));
  }
  co_await (*client)->close(io::deadline_in(each));
  co_return out;
}

Result<Submitted> submit(const SubmitOptions& options, std::istream& in) {
  POSTERN_CHECK(check_strategy(options));
  POSTERN_TRY(mhs::UserCall call, call_of(options.peer, in));
  POSTERN_TRY(const ipm::Composed message, composed(options, call.user, in));
  std::vector<mts::MessageSubmissionArgument> messages;
  for (const ipm::Copy& copy : message.copies) {
    POSTERN_TRY(auto argument, argument_of(options, call.user, message, copy));
    POSTERN_CHECK(seal_submission(argument, options.smime));
    messages.push_back(std::move(argument));
  }
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  const std::chrono::seconds each(options.peer.timeout);
  if (options.peer.protocol == "p7")
    return loop.run(submit_all<mhs::P7Client>(std::move(call), loop.resolver(), std::move(messages), each));
  return loop.run(submit_all<mhs::P3Client>(std::move(call), loop.resolver(), std::move(messages), each));
}

void run_submit(const SubmitOptions& options, Context& context) {
  const auto submitted = submit(options, context.in);
  if (!submitted) return report_error(context, "x400 submit", submitted.error());
  json::array all;
  for (const mts::MessageSubmissionResult& each : *submitted) {
    const std::string id = mhs::text_of(each.message_submission_identifier);
    const std::string& time = each.message_submission_time.text;
    if (!context.json) context.out << "submitted " << id << " at " << time << '\n';
    all.push_back({{"id", id}, {"time", time}});
  }
  if (context.json) context.out << json::object{{"submitted", std::move(all)}} << '\n';
}

}  // namespace

void add_x400_mail_verbs(CLI::App& x400, Context& context) {
  CLI::App* submit = x400.add_subcommand("submit", "Composes an interpersonal message and submits it");
  const auto message = std::make_shared<SubmitOptions>();
  add_peer_options(*submit, message->peer, context, "p3");
  submit->add_option("--to", message->to, "O/R address of a recipient; several times")->required();
  submit->add_option("--cc", message->cc, "Copy recipient");
  submit->add_option("--bcc", message->bcc, "Blind copy recipient");
  submit->add_option("--subject", message->subject, "Subject");
  submit->add_option("--text", message->text, "Text of the message");
  submit->add_option("--file", message->file, "File with the text; - is standard input");
  submit->add_option("--attach", message->attach, "File that goes along; several times");
  submit->add_option("--strategy", message->strategy, "0: immediate; 2: deferred; the others need the daemon")
      ->check(CLI::Range(0, 5))
      ->capture_default_str();
  submit->add_option("--defer", message->defer, "Not delivered before it, such as 2026-12-01T08:00:00Z");
  submit->add_flag("--report", message->report, "Ask for delivery reports");
  submit->add_flag("--receipt", message->receipt, "Ask for receipt notifications");
  add_sealing_options(*submit, message->smime);
  submit->footer(
      "Example: postern x400 submit --peer mta.example.org --user \"C=DE;A= ;P=ACME;S=Doe\" --password-ref env:PW --to "
      "\"C=DE;A= ;P=ACME;S=Roe\" --subject Hello --text \"How are you?\"");
  submit->callback([message, &context] { run_submit(*message, context); });
}

}  // namespace postern::cli
