// The words of the milter protocol, versions 2 to 6, as Sendmail's libmilter (mfdef.h) numbers them and Postfix's MILTER_README explains
// them. Values only; packet.hpp says how they are framed, session.hpp what follows what.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::milter {

/// SMFIC_*: what the MTA sends.
enum class Command : std::uint8_t {
  Abort = 'A',
  Body = 'B',
  Connect = 'C',
  Macro = 'D',
  EndOfBody = 'E',
  Helo = 'H',
  QuitNewConnection = 'K',
  Header = 'L',
  Mail = 'M',
  EndOfHeader = 'N',
  Negotiate = 'O',
  Quit = 'Q',
  Recipient = 'R',
  Data = 'T',
  Unknown = 'U',
};
/// Nothing for an octet that is no command.
[[nodiscard]] std::optional<Command> command_of(std::uint8_t octet) noexcept;
/// "SMFIC_CONNECT"
[[nodiscard]] std::string_view name_of(Command command) noexcept;

/// SMFIR_*: what the filter answers.
enum class Response : std::uint8_t {
  AddRecipient = '+',
  DeleteRecipient = '-',
  AddRecipientParameters = '2',
  Accept = 'a',
  ReplaceBody = 'b',
  Continue = 'c',
  Discard = 'd',
  ChangeFrom = 'e',
  AddHeader = 'h',
  InsertHeader = 'i',
  ChangeHeader = 'm',
  Negotiate = 'O',
  Progress = 'p',
  Quarantine = 'q',
  Reject = 'r',
  TempFail = 't',
  ReplyCode = 'y',
};

/// SMFIF_*: what a filter may do to a message.
namespace smfif {
inline constexpr std::uint32_t kAddHdrs = 0x01;      ///< SMFIR_ADDHEADER and SMFIR_INSHEADER
inline constexpr std::uint32_t kChgBody = 0x02;      ///< SMFIR_REPLBODY
inline constexpr std::uint32_t kAddRcpt = 0x04;      ///< SMFIR_ADDRCPT
inline constexpr std::uint32_t kDelRcpt = 0x08;      ///< SMFIR_DELRCPT
inline constexpr std::uint32_t kChgHdrs = 0x10;      ///< SMFIR_CHGHEADER
inline constexpr std::uint32_t kQuarantine = 0x20;   ///< SMFIR_QUARANTINE
inline constexpr std::uint32_t kChgFrom = 0x40;      ///< SMFIR_CHGFROM
inline constexpr std::uint32_t kAddRcptPar = 0x80;   ///< SMFIR_ADDRCPT_PAR
inline constexpr std::uint32_t kSetSymList = 0x100;  ///< SMFIR_SETSYMLIST; never asked for.
}  // namespace smfif

/// SMFIP_*: kNo* is a command the MTA need not send, kNr* one the filter does not answer.
namespace smfip {
inline constexpr std::uint32_t kNoConnect = 0x01;
inline constexpr std::uint32_t kNoHelo = 0x02;
inline constexpr std::uint32_t kNoMail = 0x04;
inline constexpr std::uint32_t kNoRcpt = 0x08;
inline constexpr std::uint32_t kNoBody = 0x10;
inline constexpr std::uint32_t kNoHdrs = 0x20;
inline constexpr std::uint32_t kNoEoh = 0x40;
inline constexpr std::uint32_t kNrHdr = 0x80;
inline constexpr std::uint32_t kNoUnknown = 0x100;
inline constexpr std::uint32_t kNoData = 0x200;
inline constexpr std::uint32_t kSkip = 0x400;
inline constexpr std::uint32_t kRcptRej = 0x800;
inline constexpr std::uint32_t kNrConn = 0x1000;
inline constexpr std::uint32_t kNrHelo = 0x2000;
inline constexpr std::uint32_t kNrMail = 0x4000;
inline constexpr std::uint32_t kNrRcpt = 0x8000;
inline constexpr std::uint32_t kNrData = 0x10000;
inline constexpr std::uint32_t kNrUnknown = 0x20000;
inline constexpr std::uint32_t kNrEoh = 0x40000;
inline constexpr std::uint32_t kNrBody = 0x80000;
inline constexpr std::uint32_t kHdrLeadSpc = 0x100000;  ///< Field values keep what stands behind the colon, both ways.

inline constexpr std::uint32_t kNoAll = kNoConnect | kNoHelo | kNoMail | kNoRcpt | kNoBody | kNoHdrs | kNoEoh | kNoUnknown | kNoData;
inline constexpr std::uint32_t kNrAll = kNrHdr | kNrConn | kNrHelo | kNrMail | kNrRcpt | kNrData | kNrUnknown | kNrEoh | kNrBody;
}  // namespace smfip

/// The SMFIP_NR_* bit that takes the answer to `command` away; 0 where there is none.
[[nodiscard]] std::uint32_t no_reply_bit(Command command) noexcept;

}  // namespace postern::milter
