// postern x400 list, message, delete, wait: a mailbox in any message store (P7), by address and credentials.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>

#include "asn1/json.hpp"
#include "base/text.hpp"
#include "file_input.hpp"
#include "ipm/read.hpp"
#include "mhs/p7_client.hpp"
#include "ms/oids.hpp"
#include "mts/reasons.hpp"
#include "oraddress/or_text.hpp"
#include "x400.hpp"
#include "x400_peer.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

SteadyTime deadline_of(const PeerOptions& options) { return io::deadline_in(std::chrono::seconds(options.timeout)); }

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

const asn1::Any* value_of(const ms::EntryInformation& entry, const asn1::Oid& type) {
  if (!entry.attributes) return nullptr;
  for (const ms::Attribute& each : *entry.attributes)
    if (each.attribute_type == type && !each.attribute_values.empty()) return &each.attribute_values.front();
  return nullptr;
}

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
io::Task<Result<T>> in_store(mhs::UserCall call, io::Resolver& resolver, std::chrono::seconds each,
                             std::function<io::Task<Result<T>>(mhs::P7Client&)> work) {
  auto client = co_await mhs::P7Client::open(std::move(call), resolver, io::deadline_in(each));
  if (!client) co_return fail(error_of(client.error()));
  auto result = co_await work(**client);
  co_await (*client)->close(io::deadline_in(each));
  co_return result;
}

template <class T>
Result<T> with_store(const PeerOptions& options, std::istream& in, std::function<io::Task<Result<T>>(mhs::P7Client&)> work) {
  if (options.protocol != "p7") return fail(ErrorCode::BadInput, "only a message store (p7) has a mailbox", "--protocol");
  POSTERN_TRY(mhs::UserCall call, call_of(options, in));
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  return loop.run(in_store<T>(std::move(call), loop.resolver(), std::chrono::seconds(options.timeout), std::move(work)));
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

// ---- message
struct MessageOptions {
  PeerOptions peer;
  std::int64_t number = 0;
  std::string save, raw;
};

io::Task<Result<ms::EntryInformation>> fetch(mhs::P7Client& client, std::int64_t number, SteadyTime deadline) {
  ms::FetchArgument argument;
  argument.item.value.emplace<ms::SequenceNumber>(number);
  argument.requested_attributes = shown_attributes();
  argument.requested_attributes->push_back({ms::att::content, std::nullopt, std::nullopt});
  argument.requested_attributes->push_back({ms::att::report_delivery_envelope, std::nullopt, std::nullopt});
  POSTERN_CO_TRY(ms::FetchResult result, co_await client.fetch(std::move(argument), deadline));
  if (!result.entry_information) co_return fail(ErrorCode::NotFound, "there is no entry of this number");
  co_return *std::move(result.entry_information);
}

Status write_file(const std::filesystem::path& path, ByteView octets) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  if (!out.flush()) return fail(ErrorCode::Unavailable, "cannot be written", path.string());
  return {};
}

json::object json_of(const ipm::MessageView& view);
json::object json_of(const ipm::PartView& part) {
  json::object out{{"number", part.number}, {"kind", ipm::name_of(part.kind)}, {"type", part.type}};
  if (!part.text.empty()) out["text"] = part.text;
  if (!part.remark.empty()) out["remark"] = part.remark;
  if (!part.file_name.empty()) out["file"] = part.file_name;
  if (!part.content.empty()) out["octets"] = part.content.size();
  if (part.message) out["message"] = json_of(*part.message);
  return out;
}
json::object json_of(const ipm::MessageView& view) {
  json::array fields, parts;
  for (const ipm::FieldLine& each : view.fields) fields.push_back({{"name", each.name}, {"text", each.text}});
  for (const ipm::PartView& each : view.parts) parts.push_back(json_of(each));
  return {{"subject", view.subject}, {"fields", std::move(fields)}, {"parts", std::move(parts)}};
}

void show_view(std::ostream& out, const ipm::MessageView& view) {
  for (const ipm::FieldLine& each : view.fields) out << each.name << ": " << printable(each.text) << '\n';
  for (const ipm::PartView& each : view.parts) {
    out << "\n[" << each.number << "] " << ipm::name_of(each.kind);
    if (!each.file_name.empty()) out << ' ' << each.file_name;
    if (!each.content.empty()) out << ", " << each.content.size() << " octets";
    if (!each.remark.empty()) out << ": " << each.remark;
    out << '\n' << each.text << '\n';
    if (each.message) show_view(out, *each.message);
  }
}

Status save_files(const ipm::MessageView& view, const std::filesystem::path& folder) {
  for (const ipm::PartView& each : view.parts) {
    if (!each.content.empty()) POSTERN_CHECK(write_file(folder / each.file_name, each.content));
    if (each.message) POSTERN_CHECK(save_files(*each.message, folder));
  }
  return {};
}

Result<ipm::MessageView> view_of(const ms::EntryInformation& entry, const MessageOptions& options) {
  const asn1::Any* value = value_of(entry, ms::att::content);
  if (value == nullptr) return ipm::MessageView();
  POSTERN_TRY(const mts::Content content, asn1::from_any<mts::Content>(*value));
  if (!options.raw.empty()) POSTERN_CHECK(write_file(options.raw, content.octets));
  POSTERN_TRY(ipm::MessageView view, ipm::read_content(content.octets));
  if (!options.save.empty()) POSTERN_CHECK(save_files(view, options.save));
  return view;
}

/// Of a report: what became of each recipient.
struct ReportedRecipient {
  std::string address, text;
  bool delivered = false;
};
ReportedRecipient reported(const mts::PerRecipientReportDeliveryFields& recipient) {
  ReportedRecipient out{oraddress::write(recipient.actual_recipient_name), {}, false};
  if (const auto* delivery = std::get_if<mts::DeliveryReport>(&recipient.report_type.value)) {
    out.delivered = true;
    out.text = "delivered " + delivery->message_delivery_time.text;
  } else {
    out.text = "not delivered: " + mts::words_of(std::get<mts::NonDeliveryReport>(recipient.report_type.value));
  }
  if (recipient.supplementary_information) out.text += " (" + printable(recipient.supplementary_information->octets) + ")";
  return out;
}

Result<std::vector<ReportedRecipient>> report_of(const ms::EntryInformation& entry) {
  std::vector<ReportedRecipient> out;
  const asn1::Any* value = value_of(entry, ms::att::report_delivery_envelope);
  if (value == nullptr) return out;
  POSTERN_TRY(const auto envelope, asn1::from_any<mts::ReportDeliveryEnvelope>(*value));
  for (const auto& each : envelope.per_recipient_fields) out.push_back(reported(each));
  return out;
}

json::array json_of(const std::vector<ReportedRecipient>& recipients) {
  json::array out;
  for (const ReportedRecipient& each : recipients)
    out.push_back(json::object{{"recipient", each.address}, {"delivered", each.delivered}, {"text", each.text}});
  return out;
}

void run_message(const MessageOptions& options, Context& context) {
  const auto entry = with_store<ms::EntryInformation>(
      options.peer, context.in, [&options](mhs::P7Client& client) { return fetch(client, options.number, deadline_of(options.peer)); });
  if (!entry) return report_error(context, "x400 message", entry.error());
  const auto view = view_of(*entry, options);
  if (!view) return report_error(context, "x400 message", view.error());
  const auto report = report_of(*entry);
  if (!report) return report_error(context, "x400 message", report.error());
  if (context.json) {
    json::object out = json_of(*entry);
    if (!report->empty()) out["report"] = json_of(*report);
    if (value_of(*entry, ms::att::content) != nullptr) out["content"] = json_of(*view);
    context.out << out << '\n';
  } else {
    show_entry(context.out, *entry);
    for (const ReportedRecipient& each : *report) context.out << each.address << ": " << each.text << '\n';
    show_view(context.out, *view);
  }
}

// ---- delete
struct DeleteOptions {
  PeerOptions peer;
  std::vector<std::int64_t> numbers;
};

io::Task<Result<bool>> remove(mhs::P7Client& client, std::vector<std::int64_t> numbers, SteadyTime deadline) {
  ms::DeleteArgument argument;
  argument.items.value = std::move(numbers);
  POSTERN_CO_CHECK(co_await client.remove(std::move(argument), deadline));
  co_return true;
}

void run_delete(const DeleteOptions& options, Context& context) {
  const auto done = with_store<bool>(
      options.peer, context.in, [&options](mhs::P7Client& client) { return remove(client, options.numbers, deadline_of(options.peer)); });
  if (!done) return report_error(context, "x400 delete", done.error());
  if (context.json)
    context.out << json::object{{"deleted", json::array(options.numbers.begin(), options.numbers.end())}} << '\n';
  else
    context.out << options.numbers.size() << " deleted\n";
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
  show->callback([one, &context] { run_message(*one, context); });

  CLI::App* remove = x400.add_subcommand("delete", "Deletes entries that were listed or fetched");
  const auto gone = std::make_shared<DeleteOptions>();
  add_peer_options(*remove, gone->peer, context, "p7");
  remove->add_option("NUMBER", gone->numbers, "Sequence numbers")->required();
  remove->callback([gone, &context] { run_delete(*gone, context); });

  CLI::App* wait = x400.add_subcommand("wait", "Waits until something new is in the mailbox");
  const auto news = std::make_shared<WaitOptions>();
  add_peer_options(*wait, news->peer, context, "p7");
  wait->add_option("--seconds", news->seconds, "At most so long")->check(CLI::Range(1, 86'400))->capture_default_str();
  wait->callback([news, &context] { run_wait(*news, context); });
}

}  // namespace postern::cli
