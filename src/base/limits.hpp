// The limits of everything that comes from outside. Each is a setting of the same name under [limits].
#pragma once

#include <cstddef>
#include <cstdint>

namespace postern {

struct Limits {
  std::size_t message_bytes = 25U * 1024 * 1024;  ///< Larger: SMTP 552 5.3.4, announced by SIZE.
  std::size_t line_emitted = 998;  ///< RFC 5322 2.1.1; no longer line is sent to a next hop, CRLF not counted: encoded anew, or 554 5.6.0.
  std::size_t line_accepted = 4096;  ///< Accepted in a message body; longer: 554 5.6.0.
  std::size_t recipients = 100;      ///< RFC 5321 4.5.3.1.8: at least 100. More: 452 4.5.3.
  /// Of a message that an MTA asks about (milter): how many there may be is the MTA's to say, to a client who can still send to fewer.
  std::size_t milter_recipients = 10'000;
  std::size_t header_fields = 1000;        ///< More: 554 5.6.0.
  std::size_t header_bytes = 512U * 1024;  ///< The whole header section; more: 554 5.6.0.
  std::size_t mime_depth = 32;
  std::size_t mime_parts = 500;
  std::size_t received_fields = 100;                ///< RFC 5321 6.3: loop detection, at least 100. More: 554 5.4.6.
  std::size_t bad_commands = 20;                    ///< Then 421 4.7.0 and close.
  std::size_t http_body_bytes = 32U * 1024 * 1024;  ///< More: 413.
};

}  // namespace postern
