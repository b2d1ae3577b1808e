// What an MTA asks by an MTA hook (Stalwart 0.16, protocol version 1): one JSON document for each stage of an SMTP session, as values.
//
// The message's `contents` are skipped: the MTA writes them as UTF-8 and loses what is none, so nothing may be decided or made from them.
// Fields that are not known are skipped, whatever they hold; null is as good as absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::mtahook {

enum class Stage { Connect, Ehlo, Mail, Rcpt, Data };
inline constexpr std::size_t kStages = 5;
[[nodiscard]] std::string_view name_of(Stage stage) noexcept;

struct Client {
  std::string ip;          ///< An IPv4 or IPv6 address in its shortest form; a mapped one is IPv4.
  std::uint16_t port = 0;  ///< 0: a submission that came by no socket (JMAP).
  std::string ptr;         ///< Empty: none.
  std::string helo;        ///< Empty: not said yet.
};

struct Tls {
  std::string version;
  std::string cipher;
};

struct Server {
  std::string name;
  std::string ip;
  std::uint16_t port = 0;
};

struct Envelope {
  std::string from;             ///< "local@domain" as the MTA has it; empty: the null path.
  std::vector<std::string> to;  ///< In order. At the stage rcpt the last one is asked about.
};

struct HeaderField {
  std::string name;
  std::string value;  ///< With the space in front and the line ends, as the MTA has it.
};

struct Message {
  std::vector<HeaderField> headers;
  std::uint64_t size = 0;  ///< Octets of the whole message; 0: not told.
  /// `headers` is not all that was sent, or not as it was sent: octets that are no UTF-8 arrive as U+FFFD; what has no name of a field, and
  /// what is behind a limit, is left out. No reason to refuse the question: a sender can write all of it, and would be deferred for ever.
  bool damaged = false;

  /// The header section with the empty line behind it. Every line end is CRLF, and no value can become two fields.
  [[nodiscard]] std::string header_text() const;
};

struct Request {
  Stage stage = Stage::Connect;
  Client client;
  std::string login;       ///< Whom the MTA knows the client as; empty: nobody.
  std::optional<Tls> tls;  ///< None: in clear.
  Server server;
  std::string queue_id;              ///< At the stage data.
  std::optional<Envelope> envelope;  ///< There from mail on.
  std::optional<Message> message;    ///< There at data.
};

struct RequestLimits {
  std::size_t bytes = 1024U * 1024;        ///< The whole document.
  std::size_t recipients = 50'000;         ///< At the stage data Stalwart has written out its mailing lists.
  std::size_t header_fields = 1000;        ///< More: Message::damaged.
  std::size_t header_bytes = 512U * 1024;  ///< Names and values together. More: Message::damaged.
  std::size_t text_bytes = 1024;           ///< Any other text: an address, a name.
};
inline constexpr std::size_t kDepth = 16;  ///< Of nesting, in what is skipped too.

/// BadInput, with the JSON path in `field` ("context.client.ip"): no JSON, a field that its stage needs is missing or of another type, a
/// version that is not 1, a stage that is not known. TooLarge, with the path: a limit was passed, but for those of the header.
[[nodiscard]] Result<Request> parse_request(std::string_view json, const RequestLimits& limits = {});

}  // namespace postern::mtahook
