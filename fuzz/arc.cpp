// rooms: mailauth
// Any header against any key record: a chain gets a verdict, and only one of whole sets can pass.
#include <cstdlib>

#include "mailauth/arc.hpp"

using namespace postern;

namespace {

class OneRecord final : public DnsPort {
 public:
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    // The key of RFC 8463, A.2.
    const std::string text = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    return dns::Answer{
        dns::AnswerStatus::NoError, false, {dns::Record{std::string(name), type, 0, dns::TxtData{{text}}}}, std::string(name)};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto view = MessageView::parse({reinterpret_cast<const char*>(data), size});
  if (!view) return 0;
  OneRecord dns;
  const ArcVerdict verdict = arc_verify(*view, dns);
  const std::size_t seals = view->count("ARC-Seal");
  if (verdict.cv == ArcResult::Pass && (verdict.instances == 0 || verdict.instances != seals || verdict.instances > 50)) std::abort();
  if (verdict.cv == ArcResult::None && seals != 0) std::abort();
  if ((verdict.cv == ArcResult::Fail) == verdict.reason.empty()) std::abort();
  if (verdict.cv != ArcResult::Fail && arc_key_names(*view).size() > 2 * seals) std::abort();
  return 0;
}
