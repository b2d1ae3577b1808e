#include "mhs/downgrade.hpp"

#include "ipm/downgrade.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mhs {
namespace {

ipm::DowngradeRules rules_of(const mts::MessageTransferEnvelope& envelope) {
  const auto loss = mts::extension_or<mts::StandardExtension::ConversionWithLossProhibited>(envelope.extensions);
  return {.may_convert = !envelope.per_message_indicators.test(mts::PerMessageIndicator::ImplicitConversionProhibited),
          .may_lose = loss != mts::ConversionWithLossProhibited::Prohibited};
}

}  // namespace

Result<std::optional<mts::NoDowngrade>> downgrade_for_1984(mts::MTSApdu& apdu, Outgoing& item, std::optional<Bytes>& content) {
  Status read;
  const auto port = [&](mts::Message& message) -> std::optional<mts::NoDowngrade> {
    if (item.content_size() > kDowngradedContent) return mts::NoDowngrade{.why = "the content is too large to be made fit for 1984"};
    auto octets = item.read_front(item.content_size());
    if (!octets) {
      read = fail(octets.error());
      return mts::NoDowngrade{};
    }
    auto made = ipm::downgrade_content(*octets, rules_of(message.envelope));
    if (!made) return made.error();
    content = std::move(made->content);
    // X.411 12.2.1.1.1.3: what the content is now.
    if (made->converted) mts::note_conversion(mts::trace_of(message.envelope), *made->converted);
    return std::nullopt;
  };
  auto answer = mts::downgrade_to_1984(apdu, port);
  POSTERN_CHECK(read);
  return answer;
}

}  // namespace postern::mhs
