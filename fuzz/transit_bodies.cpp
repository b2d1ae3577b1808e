// rooms: secrets
// Lines of "PATH BODY" as calls of a transit mount with one key of each quick kind: an answer each time, never a fault of ours; batches
// have a result for each item; what was encrypted decrypts to the same.
#include <cstdlib>

#include "base/text.hpp"
#include "secrets/testing/drive.hpp"
#include "secrets/transit.hpp"

using namespace postern;
using namespace postern::vault;

namespace {

namespace json = boost::json;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Kept from input to input: making keys for each would be all that is fuzzed. Keys that inputs make are few, as names must be short.
testing::Drive& mount() {
  static testing::Drive instance = [] { return testing::Drive(make_transit); }();
  static const bool made = [] {
    for (const char* key : {"a aes256-gcm96", "c chacha20-poly1305", "e ed25519", "p ecdsa-p256"})
      require(instance.call(Operation::Update, "keys/" + std::string(1, key[0]), {{"type", key + 2}}).status == 200);
    require(instance.write("keys/d", R"({"derived":true})").status == 200);
    require(instance.write("keys/v", R"({"derived":true,"convergent_encryption":true})").status == 200);
    return instance.write("keys/h", R"({"type":"hmac","key_size":32})").status == 200;
  }();
  require(made);
  return instance;
}

bool is_fuzzed(std::string_view path) {
  for (const char* verb :
       {"encrypt/", "decrypt/", "rewrap/", "datakey/", "hmac/", "sign/", "verify/", "hash", "random", "restore", "export/"})
    if (path.starts_with(verb)) return true;
  return path.ends_with("/import") || path.ends_with("/import_version") || path.ends_with("/trim");
}

void check_round_trip(testing::Drive& drive, std::string_view name, const json::object& body, const testing::Seen& seen) {
  const json::value* plaintext = body.if_contains("plaintext");
  if (seen.status != 200 || body.contains("batch_input") || plaintext == nullptr) return;
  json::object back{{"ciphertext", seen.text("ciphertext")}};
  for (const char* field : {"context", "associated_data"})
    if (const json::value* value = body.if_contains(field)) back.emplace(field, *value);
  require(drive.call(Operation::Update, "decrypt/" + std::string(name), back).at("plaintext") == *plaintext);
}

void one_call(testing::Drive& drive, std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space > 40 || !is_fuzzed(line.substr(0, space))) return;
  const std::string_view path = line.substr(0, space);
  boost::system::error_code failed;
  const json::value body = json::parse(line.substr(space + 1), failed);
  if (failed || !body.is_object()) return;
  const auto operation = path.starts_with("export/") ? Operation::Read : Operation::Update;
  const testing::Seen seen = drive.call(operation, path, body.as_object());
  const bool chosen = body.as_object().contains("partial_failure_response_code");
  require(chosen || (seen.status >= 200 && seen.status < 500));
  if (path.starts_with("encrypt/")) check_round_trip(drive, path.substr(8), body.as_object(), seen);
  if (const json::array* results = seen.at("batch_results").if_array())
    require(results->size() == body.at("batch_input").as_array().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 16U * 1024) return 0;
  testing::Drive& drive = mount();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t calls = 0;
  for (const std::string_view line : split(text, '\n'))
    if (++calls <= 16) one_call(drive, line);
  return 0;
}
