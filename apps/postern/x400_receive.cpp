// postern x400 receive: binds to an MTA (P3) and takes what it delivers. Each message or report is saved and shown before it is answered:
// what the MTA was told is taken, is on disk.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "file_input.hpp"
#include "ipm/read.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/p3_client.hpp"
#include "oraddress/or_text.hpp"
#include "store/segment_file.hpp"
#include "store/synced_file.hpp"
#include "x400.hpp"
#include "x400_peer.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct ReceiveOptions {
  PeerOptions peer;
  std::string save, lowest_priority;
  std::int64_t seconds = 60, count = 0, longest = 0;
};

mts::DeliveryControlArgument controls_of(const ReceiveOptions& options) {
  mts::DeliveryControlArgument out;
  if (options.longest > 0) out.permissible_maximum_content_length = options.longest;
  out.permissible_lowest_priority = priority_named(options.lowest_priority);
  return out;
}
bool has_controls(const ReceiveOptions& options) { return options.longest > 0 || !options.lowest_priority.empty(); }

std::string text_of(const mts::ORName& name) { return printable(oraddress::write(name)); }

// ---- what is shown
/// What people read of a content; nothing where it is none of P2 and P22.
json::object shown(const mts::Content& content) {
  json::object out{{"octets", content.octets.size()}};
  const auto view = ipm::read_content(content.octets);
  if (!view) return out;
  out["subject"] = view->subject;
  json::array texts;
  for (const ipm::PartView& each : view->parts)
    if (!each.text.empty()) texts.emplace_back(each.text);
  out["texts"] = std::move(texts);
  return out;
}

json::object shown(const mts::MessageDeliveryArgument& message) {
  const auto& fields = message.other_fields;
  return {{"kind", "message"},
          {"id", mhs::text_of(message.message_delivery_identifier)},
          {"time", message.message_delivery_time.text},
          {"from", text_of(fields.originator_name)},
          {"to", text_of(fields.this_recipient_name)},
          {"priority", mts::text_of(fields.priority)},
          {"content", shown(message.content)}};
}

json::object shown(const mts::PerRecipientReportDeliveryFields& recipient) {
  json::object out{{"recipient", text_of(recipient.actual_recipient_name)}};
  const auto* delivered = std::get_if<mts::DeliveryReport>(&recipient.report_type.value);
  out["delivered"] = delivered != nullptr;
  out["text"] = delivered != nullptr ? "delivered " + delivered->message_delivery_time.text
                                     : mts::words_of(std::get<mts::NonDeliveryReport>(recipient.report_type.value));
  return out;
}
json::object shown(const mts::ReportDeliveryArgument& report) {
  json::array recipients;
  for (const auto& each : report.per_recipient_fields) recipients.push_back(shown(each));
  return {{"kind", "report"}, {"id", mhs::text_of(report.subject_submission_identifier)}, {"recipients", std::move(recipients)}};
}

std::string line_of(const json::object& entry, const char* name) { return printable(std::string(entry.at(name).as_string())); }

void show_text(std::ostream& out, const json::object& entry) {
  out << line_of(entry, "kind") << "  " << line_of(entry, "id");
  if (entry.contains("file")) out << "  " << line_of(entry, "file");
  if (const auto* recipients = entry.if_contains("recipients")) {
    for (const json::value& each : recipients->as_array())
      out << "\n  " << line_of(each.as_object(), "recipient") << ": " << line_of(each.as_object(), "text");
  } else {
    const json::object& content = entry.at("content").as_object();
    out << "\n  " << line_of(entry, "from") << ", " << content.at("octets") << " octets";
    if (content.contains("subject")) out << ": " << line_of(content, "subject");
  }
  out << std::endl;  // seen before it is answered
}

// ---- what is kept
/// The same delivery that comes again, because its answer was lost, has the same name, whatever time it is delivered at.
std::string file_name(const char* kind, std::string_view identity) {
  return std::string(kind) + "-" + hex_encode(ByteView(sha256(as_bytes(identity))).first(12)) + ".ber";
}
std::string file_name(const mts::MessageDeliveryArgument& message, ByteView) {
  return file_name("message", mhs::text_of(message.message_delivery_identifier) + text_of(message.other_fields.this_recipient_name));
}
std::string file_name(const mts::ReportDeliveryArgument&, ByteView octets) { return file_name("report", as_text(octets)); }

/// One association's worth of it.
class Receiver {
 public:
  Receiver(const ReceiveOptions& options, Context& context) : m_options(options), m_context(context) {}

  mhs::DeliveryTaker taker() {
    return {[this](mts::MessageDeliveryArgument message) { return take(std::move(message)); },
            [this](mts::ReportDeliveryArgument report) { return take(std::move(report)); }};
  }
  [[nodiscard]] bool is_done() const noexcept { return m_options.count > 0 && std::ssize(m_taken) >= m_options.count; }
  [[nodiscard]] json::array taken() const { return m_taken; }
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return m_failure; }

 private:
  template <class T>
  io::Task<Status> take(T what) {
    if (is_done()) co_return fail(ErrorCode::Exhausted, "as many as were asked for are here");
    json::object entry = shown(what);
    if (const Status kept = keep(what, entry); !kept) {
      m_failure = kept.error();
      co_return kept;
    }
    if (!m_context.json) show_text(m_context.out, entry);
    m_taken.push_back(std::move(entry));
    co_return Status();
  }
  template <class T>
  Status keep(const T& what, json::object& entry) const {
    if (m_options.save.empty()) return {};
    POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(what));
    const std::filesystem::path folder = m_options.save;
    const std::string name = file_name(what, octets);
    POSTERN_CHECK(write_synced_file(folder / name, as_text(octets)));
    POSTERN_CHECK(sync_directory(folder));
    entry["file"] = name;
    return {};
  }

  const ReceiveOptions& m_options;
  Context& m_context;
  json::array m_taken;
  std::optional<Error> m_failure;  ///< Nothing can be kept here.
};

io::Task<Status> attend(mhs::P3Client& client, const ReceiveOptions& options, Receiver& receiver) {
  const SteadyTime until = io::deadline_in(std::chrono::seconds(options.seconds));
  if (has_controls(options)) {
    const auto asked = co_await client.control_delivery(controls_of(options), deadline_of(options.peer));
    if (!asked) co_return fail(asked.error());
  }
  while (!receiver.is_done()) {
    const Status came = co_await client.attend(until);
    if (receiver.failure()) co_return fail(*receiver.failure());
    if (!came && came.error().code == ErrorCode::Timeout) co_return Status();
    if (!came) co_return came;
  }
  co_return Status();
}

/// An error after something was taken is still an error; what was taken is shown.
io::Task<Status> receive_all(mhs::UserCall call, io::Resolver& resolver, const ReceiveOptions& options, Receiver& receiver) {
  const std::chrono::seconds each(options.peer.timeout);
  auto client = co_await mhs::P3Client::open(std::move(call), resolver, io::deadline_in(each));
  if (!client) co_return fail(error_of(client.error()));
  (*client)->take_deliveries(receiver.taker());
  Status ended = co_await attend(**client, options, receiver);
  co_await (*client)->close(io::deadline_in(each));
  co_return ended;
}

Status receive(const ReceiveOptions& options, std::istream& in, Receiver& receiver) {
  if (options.peer.protocol != "p3")
    return fail(ErrorCode::BadInput, "only an MTA (p3) delivers; a message store is read with list", "--protocol");
  POSTERN_TRY(mhs::UserCall call, call_of(options.peer, in));
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  return loop.run(receive_all(std::move(call), loop.resolver(), options, receiver));
}

void run_receive(const ReceiveOptions& options, Context& context) {
  Receiver receiver(options, context);
  const Status ended = receive(options, context.in, receiver);
  if (context.json && (ended || !receiver.taken().empty())) context.out << json::object{{"received", receiver.taken()}} << '\n';
  if (!ended) report_error(context, "x400 receive", ended.error());
}

}  // namespace

void add_x400_receive_verbs(CLI::App& x400, Context& context) {
  CLI::App* receive = x400.add_subcommand("receive", "Takes what an MTA delivers to a user who has no mailbox (P3)");
  const auto options = std::make_shared<ReceiveOptions>();
  add_peer_options(*receive, options->peer, context, "p3");
  receive
      ->add_option("--save", options->save,
                   "Folder: each message or report in a file (BER), synced before the MTA is told that it is taken")
      ->check(CLI::ExistingDirectory);
  receive->add_option("--seconds", options->seconds, "At most so long")->check(CLI::Range(1, 86'400))->capture_default_str();
  receive->add_option("--count", options->count, "At most so many; 0: as many as come")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  receive->add_option("--longest", options->longest, "Longer contents, in octets, are held back by the MTA")
      ->check(CLI::Range(1, 2'147'483'647));
  receive->add_option("--lowest-priority", options->lowest_priority, "Less urgent messages are held back by the MTA")
      ->check(CLI::IsMember({"urgent", "normal", "non-urgent"}));
  receive->footer(
      "Example: postern x400 receive --peer mta.example.org --user \"C=DE;A= ;P=ACME;S=Doe\" --password-ref env:PW --save folder --seconds "
      "600");
  receive->callback([options, &context] { run_receive(*options, context); });
}

}  // namespace postern::cli
