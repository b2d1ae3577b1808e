// Any BER as lines for people, where no description fits. Total and bounded: what is malformed is shown as far as it goes, then why it
// ends.
//
//       0  SEQUENCE (40)
//       2    [APPLICATION 3] (6)
//       4      PrintableString "Meier" (4)
//      10    [0] indefinite
//      12      OCTET STRING '0AFF'H (2)
//      16      end of contents
//
// Columns: offset of the element in the input, its tag, what a primitive one holds, and in brackets the number of content octets.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "base/bytes.hpp"

namespace postern::asn1 {

struct DumpOptions {
  std::size_t depth = 64;       ///< Deeper content is shown as octets.
  std::size_t elements = 2000;  ///< Elements shown; the rest is counted in octets.
  std::size_t octets = 64;      ///< Content octets of a primitive element that are shown; the rest is "…".
};

/// The input may hold several elements one after the other. Ends with a line that begins with "! " where it is malformed or a limit is
/// reached.
[[nodiscard]] std::string dump(ByteView input, const DumpOptions& options = {});

/// The same as an array of {"offset", "tag", "length" (absent: indefinite), "value" or "content": […]}, and at the end, where need be,
/// {"offset", "error"}. "value" is a string of characters, a number, a truth value, null, or octets as "'0AFF'H".
[[nodiscard]] boost::json::value dump_json(ByteView input, const DumpOptions& options = {});

}  // namespace postern::asn1
