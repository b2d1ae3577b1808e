// rooms: secrets
//
// The promise: a batch of 128 small items is encrypted at 400,000 items per processor second at least, JSON both ways included.
//
//   transit_paths_bench [--seconds 0.5] [--alternations 5]         exit status 1 when the promise is not kept
//
// Calls as the core carries them out (path, fields, existence, handler), from the text of the body to the text of the answer; HTTP, tokens,
// policies and audit are not in it. Storage is memory.
#include <cstring>

#include "base/base64.hpp"
#include "bench/measure.hpp"
#include "secrets/testing/drive.hpp"
#include "secrets/transit.hpp"

namespace {

using namespace postern;
using namespace postern::bench;
using vault::testing::Drive;

constexpr double kPromise = 400'000;

std::string call(Drive& drive, std::string_view path, std::string_view body) {
  vault::WipingResource memory;
  boost::json::value parsed = boost::json::parse(body, &memory);
  const auto outcome = drive.bench.run(vault::Operation::Update, path, std::move(parsed.as_object()));
  must(outcome.status == 200, "the call");
  return boost::json::serialize(outcome.data);
}

std::string batch(std::string_view field, const std::vector<std::string>& values) {
  boost::json::array items;
  for (const std::string& value : values) items.push_back({{field, value}});
  return boost::json::serialize(boost::json::object{{"batch_input", items}});
}

std::string one(std::string_view field, std::string_view value) { return boost::json::serialize(boost::json::object{{field, value}}); }

struct Row {
  const char* name;
  double items;
  bool judged;
  std::string path, body;
  std::vector<double> seen;
};

std::vector<Row> rows(Drive& drive) {
  const std::string small = base64_encode(Bytes(16, 'x')), large = base64_encode(Bytes(1024, 'x'));
  std::vector<Row> out;
  out.push_back({"encrypt, 128 of 16 bytes", 128, true, "encrypt/k", batch("plaintext", std::vector<std::string>(128, small)), {}});
  const auto sealed = boost::json::parse(call(drive, "encrypt/k", out[0].body));
  std::vector<std::string> texts;
  for (const auto& item : sealed.at("batch_results").as_array()) texts.emplace_back(item.at("ciphertext").as_string());
  out.push_back({"decrypt, 128 of 16 bytes", 128, false, "decrypt/k", batch("ciphertext", texts), {}});
  out.push_back({"hmac, 128 of 16 bytes", 128, false, "hmac/k", batch("input", std::vector<std::string>(128, small)), {}});
  out.push_back({"encrypt, one of 16 bytes", 1, false, "encrypt/k", one("plaintext", small), {}});
  out.push_back({"encrypt, one of 1 KiB", 1, false, "encrypt/k", one("plaintext", large), {}});
  out.push_back({"sign, one, ed25519", 1, false, "sign/ed", one("input", small), {}});
  return out;
}

int run(double seconds, std::size_t alternations) {
  Drive drive(vault::make_transit);
  must(drive.write("keys/k").status == 200, "a key");
  must(drive.write("keys/ed", R"({"type":"ed25519"})").status == 200, "a key");
  std::vector<Row> table = rows(drive);
  for (std::size_t turn = 0; turn < alternations; ++turn)
    for (Row& row : table) row.seen.push_back(row.items / cost([&] { (void)call(drive, row.path, row.body); }, seconds));
  std::printf("| call | items per processor second | promised | kept |\n| --- | ---: | ---: | --- |\n");
  bool kept = true;
  for (Row& row : table) {
    const Spread speed = spread(row.seen);
    const bool ok = speed.median >= kPromise;
    if (row.judged) kept = kept && ok;
    std::printf("| %s | %s | %s | %s |\n", row.name, speed.text("%.0f").c_str(), row.judged ? "400000" : "",
                row.judged ? (ok ? "yes" : "NO") : "");
  }
  return kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0.5;
  std::size_t alternations = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0)
      seconds = std::strtod(argv[i + 1], nullptr);
    else if (std::strcmp(argv[i], "--alternations") == 0)
      alternations = std::max(1ULL, std::strtoull(argv[i + 1], nullptr, 10));
    else
      return std::fprintf(stderr, "usage: transit_paths_bench [--seconds S] [--alternations N]\n"), 2;
  }
  return run(seconds, alternations);
}
