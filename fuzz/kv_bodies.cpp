// rooms: secrets
// Lines of "VERB PATH BODY" as calls of a KV mount of version 2: an answer each time, never "internal error", and what a write took is what
// the next read gives.
#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "secrets/kv.hpp"
#include "secrets/testing/drive.hpp"

using namespace postern;
using namespace postern::vault;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

Operation verb_of(std::string_view word) {
  if (word == "write") return Operation::Update;
  if (word == "patch") return Operation::Patch;
  if (word == "delete") return Operation::Delete;
  if (word == "list") return Operation::List;
  if (word == "scan") return Operation::Scan;
  return Operation::Read;
}

boost::json::value body_of(std::string_view text) {
  boost::system::error_code failed;
  boost::json::value body = boost::json::parse(text, failed);
  return failed || !body.is_object() ? boost::json::value(boost::json::object()) : body;
}

/// Equal, but for the last bits of fractions: boost::json before 1.84 does not read all of them exactly.
bool same(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_double() || b.is_double()) return a.is_number() && b.is_number();
  if (a.kind() != b.kind()) return false;
  if (const auto* array = a.if_array()) return std::ranges::equal(*array, b.get_array(), same);
  const auto* object = a.if_object();
  if (object == nullptr) return a == b;
  return std::ranges::equal(*object, b.get_object(), [](const auto& left, const auto& right) {
    return left.key() == right.key() && same(left.value(), right.value());
  });
}

void one_call(testing::Drive& drive, std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return;
  const Operation operation = verb_of(line.substr(0, first));
  const std::string path(line.substr(first + 1, second - first - 1));
  const boost::json::value body = body_of(line.substr(second + 1));
  const testing::Seen outcome = drive.call(operation, path, body.as_object());
  require(outcome.status >= 200 && outcome.status < 500);
  if (operation != Operation::Update || outcome.status != 200 || !path.starts_with("data/")) return;
  const testing::Seen back = drive.read(path);
  require(back.status == 200 || !back.text("metadata/deletion_time").empty());
  if (back.status == 200) require(same(back.at("data"), body.at("data")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64U * 1024) return 0;
  testing::Drive drive(make_kv, {{"version", "2"}});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t calls = 0;
  for (const std::string_view line : split(text, '\n'))
    if (++calls <= 64) one_call(drive, line);
  return 0;
}
