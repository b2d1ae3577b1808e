// postern x400 list, message, delete, wait: a mailbox in any message store (P7), by address and credentials.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "asn1/json.hpp"
#include "base/clock.hpp"
#include "base/text.hpp"
#include "file_input.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/p7_receipts.hpp"
#include "ms/oids.hpp"
#include "oraddress/or_text.hpp"
#include "x400.hpp"
#include "x400_peer.hpp"
#include "x400_smime.hpp"
#include "x400_view.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// An attribute that a list shows: how it is called here, and what its value is in words.
struct Column {
  const char* name;
  asn1::Oid type;
  std::string (*words)(const asn1::Any& value);
};

template <class T>
std::string words_of(const asn1::Any& value) {
  const auto read = asn1::from_any<T>(value);
  if (!read) return "?";
  const json::value shown = asn1::to_json(*read);
  return shown.is_string() ? std::string(shown.as_string()) : json::serialize(shown);
}
template <>
std::string words_of<mts::ORName>(const asn1::Any& value) {
  const auto read = asn1::from_any<mts::ORName>(value);
  return read ? oraddress::write(*read) : "?";
}

const std::vector<Column>& columns() {
  static const std::vector<Column> all{
      {"type", ms::att::entry_type, &words_of<ms::EntryType>},    {"status", ms::att::retrieval_status, &words_of<ms::RetrievalStatus>},
      {"time", ms::att::creation_time, &words_of<asn1::UtcTime>}, {"octets", ms::att::content_length, &words_of<std::int64_t>},
      {"from", ms::id_att(27), &words_of<mts::ORName>},           {"subject", ms::id_hat(4), &words_of<asn1::TeletexString>},
  };
  return all;
}

using mhs::value_of;

ms::EntryInformationSelection shown_attributes() {
  ms::EntryInformationSelection out;
  for (const Column& each : columns()) out.push_back({each.type, std::nullopt, std::nullopt});
  return out;
}

json::object json_of(const ms::EntryInformation& entry) {
  json::object out{{"number", entry.sequence_number}};
  for (const Column& each : columns())
    if (const asn1::Any* value = value_of(entry, each.type)) out[each.name] = each.words(*value);
  return out;
}

void show_entry(std::ostream& out, const ms::EntryInformation& entry) {
  out << entry.sequence_number;
  for (const Column& each : columns())
    if (const asn1::Any* value = value_of(entry, each.type)) out << "  " << printable(each.words(*value));
  out << '\n';
}

/// Binds by P7, does it, unbinds.
template <class T>
Result<T> with_store(const PeerOptions& options, std::istream& in, std::function<io::Task<Result<T>>(mhs::P7Client&)> work) {
  if (options.protocol != "p7") return fail(ErrorCode::BadInput, "only a message store (p7) has a mailbox", "--protocol");
  return with_client<mhs::P7Client, T>(options, in, std::move(work));
}

// ---- list
struct ListOptions {
  PeerOptions peer;
  std::int64_t from = 0, limit = 100;
};

ms::ListArgument list_argument(const ListOptions& options) {
  ms::ListArgument out;
  if (options.from > 0) out.selector.range.emplace().value = ms::NumberRange{options.from, std::nullopt};
  out.selector.limit = options.limit;
  out.requested_attributes = shown_attributes();
  return out;
}

void run_list(const ListOptions& options, Context& context) {
  const auto entries = with_store<ms::ListResult>(options.peer, context.in, [&options](mhs::P7Client& client) {
    return client.list(list_argument(options), deadline_of(options.peer));
  });
  if (!entries) return report_error(context, "x400 list", entries.error());
  json::array all;
  for (const ms::EntryInformation& each : entries->requested.value_or(std::vector<ms::EntryInformation>())) {
    if (context.json)
      all.push_back(json_of(each));
    else
      show_entry(context.out, each);
  }
  if (context.json) {
    json::object out{{"entries", std::move(all)}};
    if (entries->next) out["next"] = *entries->next;
    context.out << out << '\n';
  } else if (entries->next) {
    context.out << "more from " << *entries->next << '\n';
  }
}

// ---- notifications that opening and deleting owe
struct NoticeOptions {
  bool withheld = false, again = false;
};

Result<mhs::NotificationWish> wish_of(const NoticeOptions& options, const PeerOptions& peer) {
  mhs::NotificationWish out;
  POSTERN_TRY(out.user, name_of(peer.user, "--user"));
  out.now = unix_seconds(SystemClock().now());
  out.send = !options.withheld;
  out.opened_again = options.again;
  return out;
}

std::string_view kind_of(const mhs::Notice& notice) { return notice.receipt ? "receipt" : "non-receipt"; }

json::object json_of(const mhs::Notice& notice) {
  json::object out{{"number", notice.number}, {"kind", kind_of(notice)}, {"sent", notice.result.has_value()}};
  if (notice.result) out["id"] = mhs::text_of(notice.result->message_submission_identifier);
  if (notice.error) out["error"] = notice.error->text();
  return out;
}

void show_notice(std::ostream& out, const mhs::Notice& notice) {
  out << "notification of " << kind_of(notice) << " for " << notice.number << ": ";
  if (notice.result)
    out << "sent, " << mhs::text_of(notice.result->message_submission_identifier) << '\n';
  else if (notice.error)
    out << "not sent: " << notice.error->text() << (notice.receipt ? "; try again with --receipt\n" : "\n");
  else
    out << "owed, and not sent\n";
}

/// One that is owed and could not be sent is no success.
void note_failure(Context& context, const mhs::Notice& notice) {
  if (notice.error) context.exit_status = kNo;
}

// ---- message
struct MessageOptions {
  PeerOptions peer;
  SmimeOptions smime;
  NoticeOptions notice;
  std::int64_t number = 0;
  std::string save, raw;
};

ms::EntryInformationSelection fetched_attributes() {
  ms::EntryInformationSelection out = shown_attributes();
  for (const asn1::Oid& each : {ms::att::message_delivery_envelope, ms::att::report_delivery_envelope, ms::att::content})
    out.push_back({each, std::nullopt, std::nullopt});
  return out;
}

Result<std::optional<mts::ReportDeliveryEnvelope>> report_of(const ms::EntryInformation& entry) {
  const asn1::Any* value = value_of(entry, ms::att::report_delivery_envelope);
  if (value == nullptr) return std::optional<mts::ReportDeliveryEnvelope>();
  POSTERN_TRY(auto envelope, asn1::from_any<mts::ReportDeliveryEnvelope>(*value));
  return std::optional(std::move(envelope));
}

/// Who the envelope says it is from.
std::optional<mts::ORName> originator_of(const ms::EntryInformation& entry) {
  const asn1::Any* value = value_of(entry, ms::id_att(27));
  const auto name = value == nullptr ? Result<mts::ORName>(fail(ErrorCode::NotFound, "")) : asn1::from_any<mts::ORName>(*value);
  return name ? std::optional(*name) : std::nullopt;
}

struct ShownContent {
  std::optional<ipm::MessageView> view;  ///< Nothing: there is none, or it is sealed.
  std::string verdict;                   ///< JSON; empty: no S/MIME object.
};
Result<ShownContent> content_of(const ms::EntryInformation& entry, const MessageOptions& options) {
  const asn1::Any* value = value_of(entry, ms::att::content);
  if (value == nullptr) return ShownContent();
  POSTERN_TRY(mts::Content content, asn1::from_any<mts::Content>(*value));
  if (!options.raw.empty()) POSTERN_CHECK(write_file(options.raw, content.octets));
  POSTERN_TRY(const ReadContent read, open_received(std::move(content.octets), originator_of(entry), options.smime));
  ShownContent out{std::nullopt, read.verdict};
  if (!read.content) return out;
  POSTERN_TRY(out.view, ipm::read_content(*read.content));
  if (!options.save.empty()) POSTERN_CHECK(save_files(*out.view, options.save));
  return out;
}

void show_content(const ShownContent& content, std::ostream& out) {
  if (!content.verdict.empty())
    out << "S/MIME: " << printable(std::string(json::parse(content.verdict).at("text").as_string()), 1000) << '\n';
  if (content.view) show_view(out, *content.view);
}

void run_message(const MessageOptions& options, Context& context) {
  const auto wish = wish_of(options.notice, options.peer);
  if (!wish) return report_error(context, "x400 message", wish.error());
  const auto opened = with_store<mhs::OpenedEntry>(options.peer, context.in, [&](mhs::P7Client& client) {
    return mhs::open_entry(client, options.number, fetched_attributes(), *wish, std::chrono::seconds(options.peer.timeout));
  });
  if (!opened) return report_error(context, "x400 message", opened.error());
  const ms::EntryInformation* const entry = &opened->entry;
  const auto content = content_of(*entry, options);
  if (!content) return report_error(context, "x400 message", content.error());
  const auto report = report_of(*entry);  // nullopt: it is a message
  if (!report) return report_error(context, "x400 message", report.error());
  if (context.json) {
    json::object out = json_of(*entry);
    if (*report) add_report(out, **report);
    if (content->view) out["content"] = view_json(*content->view);
    if (!content->verdict.empty()) out["smime"] = json::parse(content->verdict);
    if (opened->notice) out["notification"] = json_of(*opened->notice);
    context.out << out << '\n';
  } else {
    show_entry(context.out, *entry);
    if (*report) show_report(context.out, **report);
    show_content(*content, context.out);
    if (opened->notice) show_notice(context.out, *opened->notice);
  }
  if (opened->notice) note_failure(context, *opened->notice);
}

// ---- delete
struct DeleteOptions {
  PeerOptions peer;
  NoticeOptions notice;
  std::vector<std::int64_t> numbers;
};

void run_delete(const DeleteOptions& options, Context& context) {
  const auto wish = wish_of(options.notice, options.peer);
  if (!wish) return report_error(context, "x400 delete", wish.error());
  const auto notices = with_store<std::vector<mhs::Notice>>(options.peer, context.in, [&](mhs::P7Client& client) {
    return mhs::discard_entries(client, options.numbers, *wish, std::chrono::seconds(options.peer.timeout));
  });
  if (!notices) return report_error(context, "x400 delete", notices.error());
  if (context.json) {
    json::object out{{"deleted", json::array(options.numbers.begin(), options.numbers.end())}};
    json::array all;
    for (const mhs::Notice& each : *notices) all.push_back(json_of(each));
    if (!all.empty()) out["notifications"] = std::move(all);
    context.out << out << '\n';
  } else {
    context.out << options.numbers.size() << " deleted\n";
    for (const mhs::Notice& each : *notices) show_notice(context.out, each);
  }
  for (const mhs::Notice& each : *notices) note_failure(context, each);
}

// ---- wait
struct WaitOptions {
  PeerOptions peer;
  std::int64_t seconds = 300;
};

/// X.413 12.1: registers an alert for everything new, and waits for the first one.
io::Task<Result<ms::AlertArgument>> wait_for_news(mhs::P7Client& client, SteadyTime asked, SteadyTime until) {
  ms::AutoAlertRegistrationParameter wish;
  wish.requested_attributes = shown_attributes();
  ms::AutoActionRegistration alert;
  alert.auto_action_type = ms::id_act_auto_alert();
  POSTERN_CO_TRY(alert.registration_parameter, asn1::to_any(wish));
  ms::RegisterMSArgument argument;
  argument.auto_action_registrations.emplace().push_back(std::move(alert));
  POSTERN_CO_CHECK(co_await client.register_ms(std::move(argument), asked));
  co_return co_await client.wait_for_alert(until);
}

void run_wait(const WaitOptions& options, Context& context) {
  const auto alert = with_store<ms::AlertArgument>(options.peer, context.in, [&options](mhs::P7Client& client) {
    return wait_for_news(client, deadline_of(options.peer), io::deadline_in(std::chrono::seconds(options.seconds)));
  });
  if (!alert) return report_error(context, "x400 wait", alert.error());
  const ms::EntryInformation entry = alert->new_entry.value_or(ms::EntryInformation());
  if (context.json)
    context.out << json_of(entry) << '\n';
  else
    show_entry(context.out, entry);
}

}  // namespace

void add_x400_mailbox_verbs(CLI::App& x400, Context& context) {
  CLI::App* list = x400.add_subcommand("list", "What is in the mailbox");
  const auto listing = std::make_shared<ListOptions>();
  add_peer_options(*list, listing->peer, context, "p7");
  list->add_option("--from", listing->from, "First sequence number");
  list->add_option("--limit", listing->limit, "At most so many")->check(CLI::Range(1, 100'000))->capture_default_str();
  list->callback([listing, &context] { run_list(*listing, context); });

  CLI::App* show = x400.add_subcommand("message", "Fetches one message or report");
  const auto one = std::make_shared<MessageOptions>();
  add_peer_options(*show, one->peer, context, "p7");
  show->add_option("NUMBER", one->number, "Sequence number")->required();
  show->add_option("--save", one->save, "Folder for its files")->check(CLI::ExistingDirectory);
  show->add_option("--raw", one->raw, "File for its content as it came");
  add_opening_options(*show, one->smime);
  show->add_flag("--no-receipt", one->notice.withheld, "Send no receipt notification when a message that asks for one is opened");
  show->add_flag("--receipt", one->notice.again, "Send it although the message was opened before")->excludes("--no-receipt");
  show->callback([one, &context] { run_message(*one, context); });

  CLI::App* remove = x400.add_subcommand("delete", "Deletes entries that were listed or fetched");
  const auto gone = std::make_shared<DeleteOptions>();
  add_peer_options(*remove, gone->peer, context, "p7");
  remove->add_option("NUMBER", gone->numbers, "Sequence numbers")->required();
  remove->add_flag("--no-receipt", gone->notice.withheld, "Send no non-receipt notification for messages that were never opened");
  remove->callback([gone, &context] { run_delete(*gone, context); });

  CLI::App* wait = x400.add_subcommand("wait", "Waits until something new is in the mailbox");
  const auto news = std::make_shared<WaitOptions>();
  add_peer_options(*wait, news->peer, context, "p7");
  wait->add_option("--seconds", news->seconds, "At most so long")->check(CLI::Range(1, 86'400))->capture_default_str();
  wait->callback([news, &context] { run_wait(*news, context); });
}

}  // namespace postern::cli
