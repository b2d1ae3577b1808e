// Delivery status notifications, RFC 3464 (and 6533 for addresses in UTF-8): what a report about mail of ours says, as values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace postern {

/// Fields that are missing are empty. Of "rfc822; alice@example.org" and its like the type is taken off, except from diagnostic_code.
struct DeliveryStatusRecipient {
  std::string final_recipient, original_recipient;            ///< As written: of type utf-8 they may be encoded (RFC 6533 3).
  std::string final_recipient_type, original_recipient_type;  ///< "rfc822", "utf-8"; lower case.
  std::string action;                                         ///< "failed", "delayed", "delivered", "relayed", "expanded"
  std::string status;                                         ///< "5.1.1"
  std::string remote_mta, diagnostic_code;
  std::string last_attempt, will_retry_until;  ///< As written.
};

struct DeliveryStatus {
  std::string reporting_mta, received_from_mta, envelope_id, arrival_date;
  std::vector<DeliveryStatusRecipient> recipients;
};

/// A whole message. BadInput when it is no multipart/report with a delivery-status part, or names what is wrong in that
/// (recipient[2].Status); TooLarge by `limits`, or for more than 10,000 recipients.
[[nodiscard]] Result<DeliveryStatus> parse_delivery_status(std::string_view message, const Limits& limits = {});

}  // namespace postern
