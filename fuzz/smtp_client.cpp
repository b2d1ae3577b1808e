// rooms: smtp
// A whole client session against whatever a server may say: octet 0 chooses the options, octet 1 how the rest is cut.
#include <cstdint>
#include <cstdlib>

#include "smtp/client_session.hpp"

namespace {

using namespace postern;
using namespace postern::smtp;

constexpr std::string_view kContent = "Subject: fuzz\r\n\r\n.dots\r\n\xc3\xa4\r\n";

void must(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const ClientOptions> options_from(unsigned bits) {
  auto options = std::make_shared<ClientOptions>();
  options->lmtp = (bits & 1) != 0;
  options->tls_policy = (bits & 2) != 0 ? ClientTls::Required : ClientTls::Opportunistic;
  options->pipelining = (bits & 4) == 0;
  options->chunking = (bits & 8) == 0;
  if ((bits & 16) != 0)
    options->credentials = std::make_shared<const ClientCredentials>(ClientCredentials{"u", SecretBytes::from_text("hunter2")});
  return options;
}

OutgoingMessage make_message() {
  OutgoingMessage message;
  message.from = ReversePath::parse("<a@b.example>").value();
  for (const char* to : {"<x@y.example>", "<z@y.example>"}) message.recipients.push_back({ForwardPath::parse(to).value(), {}});
  message.content = kContent;
  return message;
}

struct Shell {
  ClientSession& session;
  bool tls = false;
  std::size_t sent = 0, done = 0, ends = 0;

  void handle(StartTls&) {
    tls = true;
    session.tls_started({"TLSv1.3", "x", Bytes(32, 1), {}, true}, {});
  }
  void handle(Ready&) {
    if (session.ready()) send();  // the server may have spoken out of turn right behind its EHLO answer
  }
  void handle(TransactionDone& event) {
    ++done;
    must(event.results.size() == 2);
    for (const RecipientResult& result : event.results) must(result.reply.code >= 200 && result.reply.code < 600);
    if (session.ready()) send();
  }
  void handle(Failed&) { ++ends; }
  void handle(Finished&) { ++ends; }
  void send() {
    if (sent >= 4) return session.quit({});
    ++sent;
    must(session.send(make_message(), {}).has_value());
  }
  void pump() {
    for (bool moved = true; moved;) {
      moved = false;
      while (session.has_output()) {
        const std::string out = session.take_output();
        must(tls || out.find("hunter2") == std::string::npos);
        moved = true;
      }
      while (auto event = session.next_event()) {
        std::visit([this](auto& each) { handle(each); }, *event);
        moved = true;
      }
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1U + data[1];
  const ByteView input(data + 2, size - 2);
  FixedRandom random;
  ClientSession session(options_from(data[0]), random);
  Shell shell{session};
  session.start({}, (data[0] & 32) != 0 ? std::optional(TlsInfo{{}, {}, {}, {}, true}) : std::nullopt);
  for (std::size_t at = 0; at < input.size(); at += piece) {
    session.receive(input.subspan(at, std::min(piece, input.size() - at)), {});
    shell.pump();
  }
  session.connection_lost("end of input");
  shell.pump();
  must(shell.done == shell.sent);  // every message gets its result, exactly once
  must(session.wants_close() && shell.ends == 1);
  return 0;
}
