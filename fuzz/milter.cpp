// rooms: milter
// A whole milter session from one buffer: octet 0 chooses the options, octet 1 how the rest is cut, octet 2 what is decided.
#include <cstdint>
#include <cstdlib>

#include "milter/testing/mta.hpp"

namespace {

using namespace postern;
using namespace postern::milter;

void must(bool holds) {
  if (!holds) std::abort();
}

SessionOptions options_from(unsigned bits) {
  SessionOptions options;
  options.limits.packet_bytes = 4000;
  options.limits.message_bytes = 600;
  options.limits.header_bytes = 300;
  options.limits.header_fields = 5;
  options.limits.recipients = 3;
  options.limits.envelope_bytes = 200;
  options.limits.macros = 8;
  options.limits.macro_bytes = 200;
  if ((bits & 1) != 0) options.no_reply = smfip::kNrAll;
  if ((bits & 2) != 0) options.no_reply = smfip::kNrHdr | smfip::kNrBody;
  if ((bits & 4) != 0) options.skip = smfip::kNoConnect | smfip::kNoHelo | smfip::kNoUnknown;
  if ((bits & 8) != 0) options.skip |= smfip::kNoHdrs;
  if ((bits & 16) != 0) options.skip |= smfip::kNoEoh | smfip::kNoMail | smfip::kNoRcpt;
  return options;
}

/// Tries everything; what was agreed on and the state decide what has an effect.
void modify(Session& session, std::string_view text) {
  (void)session.add_header("X", text);
  (void)session.insert_header(0, text, "x");
  (void)session.change_header(1, "X", text);
  (void)session.delete_header(1, text);
  (void)session.change_from(text, {std::string(text)});
  (void)session.add_recipient(text);
  (void)session.delete_recipient(text);
  (void)session.replace_body(text);
  (void)session.quarantine(text);
  (void)session.progress();
}

void decide(Session& session, const Event& event, unsigned how) {
  if (const auto* each = std::get_if<EndOfMessage>(&event)) modify(session, each->message.raw);
  const bool whole = std::holds_alternative<EndOfMessage>(event) || std::holds_alternative<Recipient>(event);
  switch (whole ? how % 7 : how / 7 % 7) {
    case 1: (void)session.accept(); break;
    case 2: (void)session.reject(); break;
    case 3: (void)session.tempfail(); break;
    case 4: (void)session.discard(); break;
    case 5: (void)session.reply({550, "5.7.1", "no\nno"}); break;
    default: break;
  }
}

void check_message(const Message& message, const SessionLimits& limits) {
  must(message.body_at <= message.raw.size());
  must(message.raw.size() <= limits.message_bytes + 2);  // the empty line is ours
  must(message.recipients.size() <= limits.recipients);
  must(message.macros.count() <= limits.macros && message.macros.bytes() <= limits.macro_bytes);
  if (message.body_has_header) must(message.header_exact && message.has_header);
  must(message.header().size() + message.body().size() <= message.raw.size());
}

/// What is written is packets, whatever was read.
void check_output(std::string_view output) {
  PacketReader reader(1U << 17);
  reader.receive(as_bytes(output));
  for (;;) {
    const auto next = reader.next();
    must(next.has_value());
    if (!*next) break;
  }
  must(reader.waiting() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const SessionOptions options = options_from(data[0]);
  const std::size_t piece = 1U + data[1] % 64U;
  const unsigned how = data[2];
  const std::string_view input = as_text(ByteView(data, size)).substr(3);

  milter::testing::Driver whole(options), cut(options);
  whole.on_event = cut.on_event = [how](Session& session, const Event& event) { decide(session, event, how); };
  whole.feed(input);
  for (std::size_t at = 0; at < input.size(); at += piece) cut.feed(input.substr(at, piece));

  must(whole.output == cut.output && whole.log == cut.log && whole.messages.size() == cut.messages.size());
  check_output(whole.output);
  for (std::size_t i = 0; i < whole.messages.size(); ++i) {
    check_message(whole.messages[i], options.limits);
    must(whole.messages[i].raw == cut.messages[i].raw);
  }
  return 0;
}
