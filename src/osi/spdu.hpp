// SPDUs of the session protocol as values (X.225 8), and their concatenation in TSDUs (X.225 6.3.7).
//
// One struct holds the parameters of every SPDU; a table (spdu.cpp) says which belong to which and how each is encoded. Everything is
// borrowed: what is read points into the TSDU, what is written into the caller's octets. Reading is bounded by the TSDU and allocates
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::osi {

enum class SpduKind : std::uint8_t {
  CN,   ///< CONNECT
  OA,   ///< OVERFLOW ACCEPT
  CDO,  ///< CONNECT DATA OVERFLOW
  AC,   ///< ACCEPT
  RF,   ///< REFUSE
  FN,   ///< FINISH
  DN,   ///< DISCONNECT
  NF,   ///< NOT FINISHED
  AB,   ///< ABORT
  AA,   ///< ABORT ACCEPT
  DT,   ///< DATA TRANSFER
  TD,   ///< TYPED DATA
  GT,   ///< GIVE TOKENS
  PT,   ///< PLEASE TOKENS
  GTC,  ///< GIVE TOKENS CONFIRM
  GTA,  ///< GIVE TOKENS ACK
  MIP,  ///< MINOR SYNC POINT
  MIA,  ///< MINOR SYNC ACK
  MAP,  ///< MAJOR SYNC POINT
  MAA,  ///< MAJOR SYNC ACK, and ACTIVITY END ACK: one SPDU, told apart by what it answers
  AS,   ///< ACTIVITY START
  AR,   ///< ACTIVITY RESUME
  AI,   ///< ACTIVITY INTERRUPT
  AIA,  ///< ACTIVITY INTERRUPT ACK
  AD,   ///< ACTIVITY DISCARD
  ADA,  ///< ACTIVITY DISCARD ACK
  AE,   ///< ACTIVITY END: a MAJOR SYNC POINT without sync type item
  ER,   ///< EXCEPTION REPORT
  ED,   ///< EXCEPTION DATA
};
inline constexpr std::size_t kSpduKinds = 29;
/// "ACTIVITY START".
[[nodiscard]] std::string_view name_of(SpduKind kind) noexcept;
/// X.225 6.3.7: 0 leads a TSDU or is it, 1 is alone, 2 follows one of category 0.
[[nodiscard]] unsigned category_of(SpduKind kind) noexcept;

/// The bits of single-octet parameters.
inline constexpr std::uint32_t kExtendedConcatenation = 0x01;  ///< Protocol options (PI 19).
inline constexpr std::uint32_t kBeginningOfSsdu = 0x01;        ///< Enclosure item (PI 25).
inline constexpr std::uint32_t kEndOfSsdu = 0x02;
inline constexpr std::uint32_t kTransportReleased = 0x01;  ///< Transport disconnect (PI 17).
inline constexpr std::uint32_t kUserAbort = 0x02;
inline constexpr std::uint32_t kProtocolErrorAbort = 0x04;
inline constexpr std::uint32_t kNoReason = 0x08;
inline constexpr std::uint32_t kImplementationRestriction = 0x10;
inline constexpr std::uint32_t kNoConfirmationNeeded = 0x01;  ///< Sync type item (PI 15) of MIP.
inline constexpr std::uint32_t kNotEndOfActivity = 0x01;      ///< Sync type item (PI 15) of MAP.

inline constexpr std::size_t kMaxSpdu = 65'539;              ///< X.225 8.2.5: SI, three octets of LI, 65,535 of parameters.
inline constexpr std::size_t kMaxUserDataVersion1 = 512;     ///< PGI 193 of most SPDUs in version 1.
inline constexpr std::size_t kMaxAbortDataVersion1 = 9;      ///< Of ABORT in version 1.
inline constexpr std::size_t kMaxExtendedUserData = 10'240;  ///< PGI 194 of CONNECT; the rest goes into overflow.
inline constexpr std::size_t kMaxUserDataVersion2 = 65'300;  ///< Of one SPDU in version 2, so that it fits whatever else it has.

struct Spdu {
  using Octets = std::optional<ByteView>;
  using Number = std::optional<std::uint32_t>;

  SpduKind kind = SpduKind::DT;
  // Connection identifier (PGI 1), linking information (PGI 33)
  Octets called_reference;        // PI 9
  Octets calling_reference;       // PI 10
  Octets common_reference;        // PI 11
  Octets additional_information;  // PI 12
  Octets old_activity;            // PI 41 in PGI 33
  // Connect/accept item (PGI 5)
  Number protocol_options;  // PI 19
  Number tsdu_maximum;      // PI 21: initiator to responder in the upper half, responder to initiator in the lower
  Number versions;          // PI 22
  Number initial_serial;    // PI 23
  Number token_settings;    // PI 26
  // Single parameters
  Number sync_type;             // PI 15
  Number tokens;                // PI 16
  Number transport_disconnect;  // PI 17
  Number requirements;          // PI 20
  Number enclosure;             // PI 25
  Octets activity;              // PI 41
  Number serial;                // PI 42, in AR within PGI 33
  Octets reflected;             // PI 49
  Octets reason;                // PI 50: one octet, in RF followed by user data
  Octets calling_selector;      // PI 51
  Octets called_selector;       // PI 52; in AC the responding one
  Number data_overflow;         // PI 60
  Octets user_data;             // PGI 193 or 194, PI 46 in MIA, or the user information field of DT and TD
};

/// Appends the SPDU. Its parameters must be within their limits, as the session engine makes them; what is longer is the caller's bug
/// and is cut at the limit.
void write_spdu(Bytes& out, const Spdu& spdu);
/// The empty GIVE TOKENS or PLEASE TOKENS that must lead a category 2 SPDU (X.225 6.3.7, Table 6), then the SPDU; others alone.
[[nodiscard]] Bytes write_tsdu(const Spdu& spdu);

/// Why an SPDU cannot be used, and where in the TSDU.
struct SpduError {
  std::size_t offset = 0;
  std::string what;  ///< "ACTIVITY START: activity identifier has 7 octets, 6 are allowed (X.225 8.3)"
};

/// Takes a TSDU apart.
class TsduReader {
 public:
  /// Basic concatenation is one SPDU of category 2 behind one of category 0; extended allows `kMaxConcatenated` behind it.
  static constexpr std::size_t kMaxConcatenated = 64;
  explicit TsduReader(ByteView tsdu, bool extended = false) noexcept : m_tsdu(tsdu), m_limit(extended ? kMaxConcatenated : 1) {}

  [[nodiscard]] bool at_end() const noexcept { return m_at == m_tsdu.size() && m_count > 0; }
  /// The next SPDU; an empty TSDU is an error. After an error do not go on.
  [[nodiscard]] tl::expected<Spdu, SpduError> next();

 private:
  ByteView m_tsdu;
  std::size_t m_at = 0;
  std::size_t m_count = 0;
  std::size_t m_limit;
};

}  // namespace postern::osi
