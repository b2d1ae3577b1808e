// rooms: recorders
//
// What audit costs an operation: the processor time of one line on the thread that serves the request, one device, a typical encrypt of 1
// KiB.
//
//   audit_bench [--size 1024] [--alternations 7] [--seconds 0.3]         exit status 1 when a promise is not kept
//
// Rows: the HMAC of the plaintext alone (nobody can do without it); the request and the response line into a sink that takes all at once
// (promised: under 4 microseconds each for 1 KiB); the request line with two devices; and into the file recorder, whose own
// thread writes (/dev/shm). Only the caller's time is measured there: that is what the promise is about.
#include <unistd.h>

#include "bench/measure.hpp"
#include "crypto/hmac.hpp"
#include "recorders/file_recorder.hpp"
#include "vault/audit.hpp"

namespace {

using namespace postern;
using namespace postern::bench;
using namespace postern::vault;

constexpr double kPromise = 4e-6;

struct Nowhere final : AuditSink {
  Status write(std::string_view) override { return {}; }
};

AuditDeviceOptions device(std::string path, Byte salt) {
  AuditDeviceOptions options;
  options.path = std::move(path);
  options.salt = SecretBytes(Bytes(32, salt));
  return options;
}

struct Scene {
  Request request;
  AuditCaller caller;
  boost::json::object answer;
  AuditMount mount{"transit/", "transit", "transit_1a2b3c4d"};
  explicit Scene(std::size_t size) {
    const std::string text((size + 2) / 3 * 4, 'A');
    request.id = "7c8e3f8e-0000-4000-8000-000000000001";
    request.path = "transit/encrypt/mail_storage_key";
    request.token = "s.0123456789abcdefghijklmn";
    request.remote_address = "192.0.2.7";
    request.remote_port = 41000;
    request.data = {{"plaintext", text}};
    answer = {{"ciphertext", "vault:v1:" + text + std::string(38, 'A')}, {"key_version", 1}};
    caller.token = request.token;
    caller.accessor = "0123456789abcdefghijklmn";
    caller.display_name = "approle";
    caller.entity_id = "entity-1";
    caller.token_type = "service";
    caller.policies = {"default", "mail"};
    caller.granting_policies = {"mail"};
    caller.allowed = true;
    caller.ttl_seconds = 3600;
    caller.issue_time = "2026-11-22T00:00:00Z";
  }
  [[nodiscard]] AuditExchange exchange(bool response) const {
    return {request, Operation::Update, &caller, mount, wall_from_millis(1795308067123), response ? &answer : nullptr,
            nullptr, nullptr,           {},      {}};
  }
};

struct Contender {
  const char* name;
  bool judged;
  std::function<void()> work;
  std::vector<double> seen;
};

int run(const RunOptions& options) {
  const Scene scene(options.size);
  const SystemClock clock;
  AuditBroker one, two, file;
  must(one.add(device("one", 1), std::make_shared<Nowhere>()));
  must(two.add(device("one", 1), std::make_shared<Nowhere>()));
  must(two.add(device("two", 2), std::make_shared<Nowhere>()));
  FileOptions to;
  to.path = "/dev/shm/postern-audit-bench." + std::to_string(::getpid());
  to.queue.bytes = 256U << 20;
  to.queue.deadline = std::chrono::seconds(60);
  const auto recorder = must(FileRecorder::open(to, nullptr, clock));
  must(file.add(device("file", 1), recorder));
  Hmac hmac(HashAlgorithm::Sha256, Bytes(32, 1));
  const std::string& plaintext = [&]() -> std::string& {
    static std::string text((options.size + 2) / 3 * 4, 'A');
    return text;
  }();

  std::vector<Contender> contenders;
  contenders.push_back({"HMAC of the plaintext", false, [&] { (void)hmac.update(as_bytes(plaintext)).finish(); }, {}});
  contenders.push_back({"request line", true, [&] { must(one.record_request(scene.exchange(false))); }, {}});
  contenders.push_back({"response line", false, [&] { must(one.record_response(scene.exchange(true))); }, {}});
  contenders.push_back({"request line, two devices", false, [&] { must(two.record_request(scene.exchange(false))); }, {}});
  std::size_t lines = 0;
  contenders.push_back({"request line, file recorder",
                        true,
                        [&] {
                          must(file.record_request(scene.exchange(false)));
                          if (++lines % 4096 == 0)
                            must(recorder->flush(std::chrono::seconds(60)) && ::truncate(to.path.c_str(), 0) == 0, "flush");
                        },
                        {}});
  for (std::size_t turn = 0; turn < options.alternations; ++turn) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      Contender& contender = contenders[(i + turn) % contenders.size()];
      contender.seen.push_back(cost(contender.work, options.seconds));
    }
  }
  ::unlink(to.path.c_str());

  std::printf("%zu bytes, %zu alternations, processor time of the caller; median (least-most)\n\n", options.size, options.alternations);
  std::printf("| what | microseconds | promised | kept |\n| --- | ---: | ---: | --- |\n");
  bool kept = true;
  for (Contender& c : contenders) {
    std::vector<double> micro;
    for (const double seconds : c.seen) micro.push_back(seconds * 1e6);
    const Spread all = spread(micro);
    const bool judged = c.judged && options.size <= 1024;
    const bool ok = all.median < kPromise * 1e6;
    if (judged) kept = kept && ok;
    std::printf("| %s | %s | %s | %s |\n", c.name, all.text("%.2f").c_str(), judged ? "4" : "", judged ? (ok ? "yes" : "NO") : "");
  }
  return kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return run(read_options(argc, argv, {.size = 1024, .alternations = 7, .seconds = 0.3})); }
