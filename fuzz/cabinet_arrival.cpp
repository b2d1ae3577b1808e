// rooms: cabinet
// What a message store hands out - octets of a content, a report's texts - becomes an item, whatever it is; its row is read again as the
// same; and what it says about a message that was sent changes nothing but outcomes; a list finds it by its own words.
#include <cstdlib>

#include "base/text.hpp"
#include "cabinet/arrival.hpp"
#include "cabinet/draft.hpp"
#include "cabinet/search.hpp"

using namespace postern;

namespace {

const std::string user = "C=XX;A=MOCK;P=POSTERN;S=Operator";
const MessageId id("01M88W6S9KY1TVJYDTRKG2AE8C");

cabinet::Item sent_message() {
  cabinet::Request request;
  request.to = {user};
  request.text = "x";
  request.recipients.receipt = cabinet::ReceiptRequest::Receipt;
  cabinet::Item out = cabinet::compose(request, user, id, WallTime()).value().item;
  out.state = out.copies.front().state = cabinet::State::Unknown;
  return out;
}

/// The first line: an identifier and an address, with a comma between them; the content behind it.
sdk::Fetched fetched(std::string_view line, bool is_report) {
  sdk::Fetched out;
  out.entry.originator = std::string(line);
  out.entry.entry_class = is_report ? sdk::EntryClass::DeliveredReport : sdk::EntryClass::DeliveredMessage;
  if (!is_report) return out;
  const auto comma = std::min(line.find(','), line.size());
  sdk::Report& report = out.report.emplace();
  report.subject_identifier = report.content_identifier = std::string(line.substr(0, comma));
  sdk::ReportRecipient& one = report.recipients.emplace_back();
  one.address = std::string(line.substr(std::min(comma + 1, line.size())));
  one.delivered = line.size() % 2 == 0;
  one.reason = static_cast<std::int32_t>(line.size());
  one.information = one.address;
  return out;
}

void check_row(const cabinet::Item& item) {
  const CabinetRow row = cabinet::row_of(item);
  const auto back = cabinet::item_of(row);
  if (!back || cabinet::row_of(*back).facts != row.facts) std::abort();
  cabinet::Query own;  // it is found by what it says itself
  own.from = item.from, own.subject = item.subject;
  if (!cabinet::takes(own, *back)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(ByteView(data + 1, size - 1));
  const auto end = std::min(text.find('\n'), text.size());
  if (!is_utf8(text.substr(0, end))) return 0;  // sdk/values.hpp: texts are checked before
  const sdk::Fetched value = fetched(text.substr(0, end), data[0] % 2 != 0);
  const ByteView content = as_bytes(text.substr(std::min(end + 1, text.size())));
  const cabinet::Arrival arrival{value, content, content.size(), "00"};
  check_row(cabinet::item_of(arrival, user, "account", id, WallTime()));
  (void)cabinet::subject_names(arrival);
  cabinet::Item sent = sent_message();
  const std::size_t recipients = sent.recipients.size();
  (void)cabinet::apply(sent, arrival, WallTime());
  if (sent.recipients.size() != recipients || sent.copies.size() != 1) std::abort();
  check_row(sent);
  return 0;
}
