// rooms: ipm
// Any octets are an interpersonal message or notification, or an error; what is one encodes and reads to the same value again, and its
// view keeps its bounds and its promises.
#include <cstdlib>

#include "base/text.hpp"
#include "ipm/correlate.hpp"
#include "ipm/downgrade.hpp"
#include "ipm/encoded_types.hpp"
#include "ipm/notifications.hpp"
#include "ipm/read.hpp"

using namespace postern;

namespace {

constexpr ipm::ReadLimits limits{4, 40};

std::size_t check(const ipm::MessageView& view, std::size_t depth) {
  if (depth > limits.depth + 1) std::abort();
  std::size_t parts = view.parts.size();
  for (const ipm::FieldLine& each : view.fields)
    if (!is_utf8(each.text)) std::abort();
  for (const ipm::PartView& each : view.parts) {
    if (!is_utf8(each.text) || !is_utf8(each.remark)) std::abort();
    if (each.file_name.find_first_of("/\\") != std::string::npos || each.file_name.starts_with('.')) std::abort();
    if (each.message.has_value()) parts += check(*each.message, depth + 1);
  }
  return parts;
}

void apply_rules(const ipm::InformationObject& object) {
  (void)ipm::content_type_of(object);
  (void)ipm::encoded_information_types(object);
  if (object.ipm() == nullptr) return;
  ipm::SentMessage sent = ipm::sent_message(*object.ipm(), {});
  for (const ipm::SentRecipient& each : sent.recipients) (void)ipm::owed(object.ipm()->heading, each.name);
  (void)ipm::is_expired(object.ipm()->heading, 0);
}

/// What is said to be of 1984 is.
void check_downgrade(ByteView content) {
  const auto made = ipm::downgrade_content(content, {});
  if (!made) return;
  const auto object = asn1::decode<ipm::InformationObject>(made->content);
  if (!object || ipm::content_type_of(*object) != mts::BuiltInContentType::InterpersonalMessaging1984) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto object = asn1::decode<ipm::InformationObject>(ByteView(data, size));
  if (!object) return 0;
  const auto octets = asn1::encode_as_taken(*object);
  if (!octets || !(asn1::decode<ipm::InformationObject>(*octets).value() == *object)) std::abort();
  if (check(ipm::read(*object, limits), 0) > limits.parts + limits.depth + 1) std::abort();
  apply_rules(*object);
  check_downgrade(ByteView(data, size));
  return 0;
}
