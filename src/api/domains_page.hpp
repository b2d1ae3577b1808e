// What the page of domains and reports adds to the frame of every page (page.cpp).
#pragma once

#include <string_view>

namespace postern::api {

extern const std::string_view kDomainsBody, kDomainsCss;
extern const std::string_view kDomainsScript;  ///< DNS health and reports, as the API has them.
extern const std::string_view kChartsScript;   ///< Numbers by day as a picture and as a table.

}  // namespace postern::api
