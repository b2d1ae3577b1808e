#include "milter/protocol.hpp"

#include <algorithm>
#include <array>

namespace postern::milter {

namespace {

struct Row {
  Command command;
  std::string_view name;
  std::uint32_t no_reply;
};

constexpr std::array kRows{
    Row{Command::Abort, "SMFIC_ABORT", 0},
    Row{Command::Body, "SMFIC_BODY", smfip::kNrBody},
    Row{Command::Connect, "SMFIC_CONNECT", smfip::kNrConn},
    Row{Command::Macro, "SMFIC_MACRO", 0},
    Row{Command::EndOfBody, "SMFIC_BODYEOB", 0},
    Row{Command::Helo, "SMFIC_HELO", smfip::kNrHelo},
    Row{Command::QuitNewConnection, "SMFIC_QUIT_NC", 0},
    Row{Command::Header, "SMFIC_HEADER", smfip::kNrHdr},
    Row{Command::Mail, "SMFIC_MAIL", smfip::kNrMail},
    Row{Command::EndOfHeader, "SMFIC_EOH", smfip::kNrEoh},
    Row{Command::Negotiate, "SMFIC_OPTNEG", 0},
    Row{Command::Quit, "SMFIC_QUIT", 0},
    Row{Command::Recipient, "SMFIC_RCPT", smfip::kNrRcpt},
    Row{Command::Data, "SMFIC_DATA", smfip::kNrData},
    Row{Command::Unknown, "SMFIC_UNKNOWN", smfip::kNrUnknown},
};

const Row* find(std::uint8_t octet) noexcept {
  const auto* const row =
      std::ranges::find_if(kRows, [octet](const Row& each) { return static_cast<std::uint8_t>(each.command) == octet; });
  return row == kRows.end() ? nullptr : row;
}

}  // namespace

std::optional<Command> command_of(std::uint8_t octet) noexcept {
  const Row* row = find(octet);
  return row == nullptr ? std::nullopt : std::optional(row->command);
}

std::string_view name_of(Command command) noexcept {
  const Row* row = find(static_cast<std::uint8_t>(command));
  return row == nullptr ? "no command" : row->name;
}

std::uint32_t no_reply_bit(Command command) noexcept {
  const Row* row = find(static_cast<std::uint8_t>(command));
  return row == nullptr ? 0 : row->no_reply;
}

}  // namespace postern::milter
