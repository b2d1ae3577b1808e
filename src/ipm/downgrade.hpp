// An interpersonal message as systems of 1984 take it: the content of type P22 becomes one of type P2 (X.420 20.2, X.419 annex B).
//
//   goes as it is        heading fields and basic body parts of 1984
//   gets its old form    extended body parts that have a basic twin, at every depth of forwarded messages; a common-name in an O/R name
//   is converted         general text, to ia5-text or else to teletex (X.408): another encoded information type
//   is lost              extensions of headings, recipients and notifications; characters that T.61 does not have; names that 1984 cannot
//                        write, of which the text stays as a free-form name; what a delivery envelope of 1988 has more
//   cannot go            file transfer, voice, forwarded contents and reports, bilaterally defined parts, other notifications
#pragma once

#include "ipm/notification.hpp"
#include "mts/p1_1984.hpp"

namespace postern::ipm {

/// What the originator allows (X.411 8.2.1.1.1.17, 8.2.1.1.1.18).
struct DowngradeRules {
  bool may_convert = true;  ///< Not implicit-conversion-prohibited.
  bool may_lose = true;     ///< Not conversion-with-loss-prohibited.
};
struct Downgraded {
  Bytes content;  ///< The same octets where nothing had to be done.
  /// What the body now has, where a part was converted.
  std::optional<mts::EncodedInformationTypes> converted;
};
/// Never an exception to `rules`: what they forbid is answered, with the code for the report.
[[nodiscard]] tl::expected<Downgraded, mts::NoDowngrade> downgrade_content(ByteView content, const DowngradeRules& rules);

}  // namespace postern::ipm
