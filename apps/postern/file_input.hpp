// What the file verbs share: reading a file or standard input, and saying what went wrong.
#pragma once

#include <istream>
#include <string>

#include "base/result.hpp"
#include "context.hpp"

namespace postern::cli {

/// The bytes of a file, or of standard input for "-". BadInput when it cannot be read; TooLarge over 64 MiB.
[[nodiscard]] Result<std::string> read_input(const std::string& path, std::istream& in);

/// The same for a message. Files here often have LF line ends where mail has CRLF (RFC 5322 2.1): one without any CRLF gets them; any other
/// is taken byte for byte.
[[nodiscard]] Result<std::string> read_message_input(const std::string& path, std::istream& in);

/// Error on standard error (and as {"error":{...}} with --json), exit status by its code.
void report_error(Context& context, const char* verb, const Error& error);
/// The same for verbs on files, whose answer is never no: what cannot be read is 2, also where it is too large (contracts.md).
void report_input_error(Context& context, const char* verb, const Error& error);

/// A password: typed on a terminal without being shown, or the first line of the input. The caller wipes it.
[[nodiscard]] Result<std::string> read_password(std::istream& in);

}  // namespace postern::cli
