// X.121 annex: data country codes against ISO 3166 alpha-2. Codes that were handed on or that several countries share are left out.
#include <algorithm>

#include "base/text.hpp"
#include "oraddress/compare.hpp"

namespace postern::oraddress {

namespace {

struct Range {
  int first;
  int last;
  std::string_view country;
};
constexpr Range kRanges[] = {
    {202, 202, "GR"}, {204, 205, "NL"}, {206, 206, "BE"}, {208, 209, "FR"}, {212, 212, "MC"}, {213, 213, "AD"}, {214, 215, "ES"},
    {216, 216, "HU"}, {218, 218, "BA"}, {219, 219, "HR"}, {222, 224, "IT"}, {225, 225, "VA"}, {226, 226, "RO"}, {228, 229, "CH"},
    {230, 230, "CZ"}, {231, 231, "SK"}, {232, 232, "AT"}, {234, 237, "GB"}, {238, 239, "DK"}, {240, 240, "SE"}, {242, 242, "NO"},
    {244, 244, "FI"}, {246, 246, "LT"}, {247, 247, "LV"}, {248, 248, "EE"}, {250, 251, "RU"}, {255, 255, "UA"}, {257, 257, "BY"},
    {259, 259, "MD"}, {260, 261, "PL"}, {262, 265, "DE"}, {266, 266, "GI"}, {268, 268, "PT"}, {270, 270, "LU"}, {272, 272, "IE"},
    {274, 274, "IS"}, {276, 276, "AL"}, {278, 278, "MT"}, {280, 280, "CY"}, {282, 282, "GE"}, {283, 283, "AM"}, {284, 284, "BG"},
    {286, 286, "TR"}, {288, 288, "FO"}, {290, 290, "GL"}, {292, 292, "SM"}, {293, 293, "SI"}, {294, 294, "MK"}, {295, 295, "LI"},
    {302, 303, "CA"}, {310, 316, "US"}, {330, 330, "PR"}, {334, 335, "MX"}, {338, 338, "JM"}, {342, 342, "BB"}, {368, 368, "CU"},
    {370, 370, "DO"}, {372, 372, "HT"}, {374, 374, "TT"}, {400, 400, "AZ"}, {401, 401, "KZ"}, {404, 404, "IN"}, {410, 410, "PK"},
    {412, 412, "AF"}, {413, 413, "LK"}, {415, 415, "LB"}, {416, 416, "JO"}, {417, 417, "SY"}, {418, 418, "IQ"}, {419, 419, "KW"},
    {420, 420, "SA"}, {421, 421, "YE"}, {422, 422, "OM"}, {424, 424, "AE"}, {425, 425, "IL"}, {426, 426, "BH"}, {427, 427, "QA"},
    {428, 428, "MN"}, {429, 429, "NP"}, {432, 432, "IR"}, {434, 434, "UZ"}, {436, 436, "TJ"}, {437, 437, "KG"}, {438, 438, "TM"},
    {440, 443, "JP"}, {450, 450, "KR"}, {452, 452, "VN"}, {453, 454, "HK"}, {455, 455, "MO"}, {456, 456, "KH"}, {457, 457, "LA"},
    {460, 460, "CN"}, {466, 466, "TW"}, {467, 467, "KP"}, {470, 470, "BD"}, {472, 472, "MV"}, {502, 502, "MY"}, {505, 505, "AU"},
    {510, 510, "ID"}, {515, 515, "PH"}, {520, 520, "TH"}, {525, 525, "SG"}, {528, 528, "BN"}, {530, 530, "NZ"}, {602, 602, "EG"},
    {603, 603, "DZ"}, {604, 604, "MA"}, {605, 605, "TN"}, {606, 606, "LY"}, {608, 608, "SN"}, {620, 620, "GH"}, {621, 621, "NG"},
    {636, 636, "ET"}, {639, 639, "KE"}, {640, 640, "TZ"}, {641, 641, "UG"}, {645, 645, "ZM"}, {648, 648, "ZW"}, {649, 649, "NA"},
    {652, 652, "BW"}, {655, 655, "ZA"}, {702, 702, "BZ"}, {704, 704, "GT"}, {706, 706, "SV"}, {708, 708, "HN"}, {710, 710, "NI"},
    {712, 712, "CR"}, {714, 714, "PA"}, {716, 716, "PE"}, {722, 722, "AR"}, {724, 724, "BR"}, {730, 730, "CL"}, {732, 732, "CO"},
    {734, 734, "VE"}, {736, 736, "BO"}, {740, 740, "EC"}, {744, 744, "PY"}, {748, 748, "UY"},
};
static_assert(std::ranges::is_sorted(kRanges, {}, &Range::first));

}  // namespace

std::string_view country_of_dcc(std::string_view dcc) noexcept {
  if (dcc.size() != 3 || !std::ranges::all_of(dcc, is_digit)) return {};
  const int code = (dcc[0] - '0') * 100 + (dcc[1] - '0') * 10 + (dcc[2] - '0');
  const auto after = std::ranges::upper_bound(kRanges, code, {}, &Range::first);
  if (after == std::begin(kRanges)) return {};
  const Range& found = *(after - 1);
  return code <= found.last ? found.country : std::string_view{};
}

}  // namespace postern::oraddress
