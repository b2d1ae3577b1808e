// rooms: smtp
// A whole server session from one buffer: octet 0 chooses the options, octet 1 how the rest is cut.
#include <cstdint>
#include <cstdlib>

#include "smtp/content.hpp"
#include "smtp/loopback.hpp"

namespace {

using namespace postern;
using namespace postern::smtp;

void must(bool holds) {
  if (!holds) std::abort();
}

ServerOptions options_from(unsigned bits) {
  ServerOptions options;
  options.dialect = (bits & 1) != 0 ? Dialect::Lmtp : (bits & 2) != 0 ? Dialect::Submission : Dialect::Mx;
  options.tls = (bits & 4) != 0 ? TlsMode::Optional : TlsMode::Off;
  options.auth = (bits & 8) != 0;
  options.chunking = (bits & 16) == 0;
  options.limits.message_bytes = 2000;
  options.limits.line_accepted = 200;
  options.limits.recipients = 4;
  options.unknown_user_key = Bytes(16, 1);
  return options;
}

void check(const LoopbackServer& server, const Limits& limits) {
  for (const MessageReceived& message : server.messages) {
    const ContentFacts facts = inspect_content(message.content);
    must(message.content.size() <= limits.message_bytes);
    must(!message.envelope.recipients.empty() && message.envelope.recipients.size() <= limits.recipients);
    // RFC 5321 2.3.8: what is accepted as text has no line end but CRLF.
    if (message.envelope.parameters.body != BodyType::BinaryMime)
      must(!facts.bare_line_end && !facts.nul && facts.longest_line <= limits.line_accepted);
  }
  must(server.closed.size() <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ServerOptions options = options_from(data[0]);
  const std::size_t piece = 1U + data[1] % 64U;
  const std::string_view input = as_text(ByteView(data, size)).substr(2);
  PeerInfo peer{"192.0.2.1", {}};
  if ((data[0] & 32) != 0) peer.tls = TlsInfo{"TLSv1.3", "x", Bytes(32, 3), {}};

  LoopbackServer whole(options, peer), cut(options, peer);
  whole.greet();
  cut.greet();
  whole.feed(input);
  for (std::size_t at = 0; at < input.size(); at += piece) {
    if (cut.session().wants_input()) cut.session().tick(cut.now);
    cut.feed(input.substr(at, piece));
  }
  check(whole, options.limits);
  check(cut, options.limits);
  // How the octets arrive means nothing, except behind STARTTLS, where those of the same segment are thrown away.
  const bool handshake = whole.log.end() != std::find(whole.log.begin(), whole.log.end(), "starttls");
  if (!handshake) must(whole.output == cut.output && whole.log == cut.log);
  whole.session().peer_gone();
  return 0;
}
