// rooms: vault
// Whatever JSON a client sends as data: one line comes out, it is JSON, and no string of the data stands in it in clear.
#include <boost/json.hpp>
#include <cstdlib>
#include <set>

#include "vault/audit.hpp"

using namespace postern;
using namespace postern::vault;
namespace json = boost::json;

namespace {

struct Keep final : AuditSink {
  Status write(std::string_view text) override {
    line = text;
    return {};
  }
  std::string line;
};

void expect(bool ok) {
  if (!ok) std::abort();
}

/// The strings of `value`, without keys.
void strings_of(const json::value& value, std::set<std::string>& out) {
  if (const auto* text = value.if_string()) out.emplace(text->data(), text->size());
  if (const auto* array = value.if_array()) {
    for (const json::value& each : *array) strings_of(each, out);
  }
  if (const auto* object = value.if_object()) {
    for (const auto& each : *object) strings_of(each.value(), out);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  boost::system::error_code error;
  json::parse_options depth;
  depth.max_depth = 300;
  const json::value value = json::parse({reinterpret_cast<const char*>(bytes), size}, error, {}, depth);
  if (error || !value.is_object()) return 0;

  static const auto sink = std::make_shared<Keep>();
  static AuditBroker& broker = *[] {
    auto* made = new AuditBroker;
    AuditDeviceOptions options;
    options.path = "fuzz";
    options.salt = SecretBytes(Bytes(32, 1));
    expect(made->add(std::move(options), sink).has_value());
    return made;
  }();
  Request request;
  request.id = "id";
  request.path = "p";
  request.data = value.get_object();
  AuditExchange exchange{request, Operation::Update, nullptr, {}, wall_from_millis(0), nullptr, nullptr, nullptr, {}, {}};
  exchange.response_data = &value.get_object();
  expect(broker.record_response(exchange).has_value());

  const std::string& line = sink->line;
  expect(!line.empty() && line.find('\n') == line.size() - 1);
  json::value read = json::parse(line, error, {}, depth);
  expect(!error && read.is_object());
  std::set<std::string> shown;
  for (const std::string_view part : {"request", "response"}) {
    if (const json::value* data = read.at(part).as_object().if_contains("data")) strings_of(*data, shown);
  }
  constexpr std::size_t kMasked = 12 + 64;
  for (const std::string& text : shown) expect(text.size() == kMasked && text.starts_with("hmac-sha256:"));
  return 0;
}
