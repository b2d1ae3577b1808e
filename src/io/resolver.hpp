// DNS for coroutines: the port, the real resolver (libunbound, validating) and the one for tests and offline use.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dns/fixture.hpp"
#include "dns/record.hpp"
#include "io/task.hpp"

namespace postern::io {

class Resolver {
 public:
  virtual ~Resolver() = default;
  /// Callable from any loop; comes back to it. An Error means the question was not possible (BadInput: not a domain name; Exhausted: too
  /// many questions in flight); what DNS said, failures too, is an Answer. CNAMEs have been followed.
  [[nodiscard]] virtual Task<Result<dns::Answer>> query(std::string name, dns::RecordType type) = 0;
  /// What query() would say without asking anybody; nothing where it would have to. Thread safe. `name` is normalized.
  [[nodiscard]] virtual std::optional<dns::Answer> at_hand(const std::string& name, dns::RecordType type) const;
};

struct UnboundOptions {
  /// "192.0.2.53" or "192.0.2.53@5353". Empty: ask the authoritative servers from the root down.
  std::vector<std::string> forwarders;
  /// Take the forwarders from /etc/resolv.conf when `forwarders` is empty.
  bool use_resolv_conf = false;
  /// RFC 5011 or DS file with the root's trust anchor; when the file is missing nothing is ever `secure`, and the log says so.
  std::string root_key_file = "/usr/share/dns/root.key";
  bool validate = true;
  /// Facts that override the DNS, each a zone file line ("mx.test. 300 IN A 192.0.2.1"); for closed networks and tests.
  std::vector<std::string> local_data;
  std::chrono::milliseconds timeout{10000};  ///< Then AnswerStatus::Timeout; the question goes on inside and fills the cache.
  /// Questions that the library has at a time (12 KiB and, while a server does not answer, a socket each; fewer where the process may not
  /// open so many), each by TCP when its server wants that (5 KiB from the start). The rest waits in turn.
  std::size_t in_flight = 600;
  /// Askers, of the same question too. More, and of one zone more than a quarter: Exhausted.
  std::size_t max_outstanding = 20000;
};

/// libunbound with its own worker thread and one cache for all loops. Answers travel from that thread's pipe through one small thread
/// of ours to the loop that asked. Who asks what is asked already gets the same answer. Zones take turns, and no zone has more than an
/// eighth of what is in flight; a server that does not answer is given up after 3 s (one that was near before) to 12: who needs it waits,
/// and nobody else.
class UnboundResolver final : public Resolver {
 public:
  [[nodiscard]] static Result<std::unique_ptr<UnboundResolver>> open(UnboundOptions options);
  /// Answers what is outstanding with ServFail. Before the Loops are destroyed.
  ~UnboundResolver() override;

  [[nodiscard]] Task<Result<dns::Answer>> query(std::string name, dns::RecordType type) override;
  [[nodiscard]] std::optional<dns::Answer> at_hand(const std::string& name, dns::RecordType type) const override;

 private:
  struct Impl;
  explicit UnboundResolver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> m_impl;
};

/// Answers at once from a dns::Fixture.
class FixtureResolver final : public Resolver {
 public:
  explicit FixtureResolver(dns::Fixture fixture) : m_fixture(std::move(fixture)) {}
  [[nodiscard]] Task<Result<dns::Answer>> query(std::string name, dns::RecordType type) override;

 private:
  std::mutex m_mutex;
  dns::Fixture m_fixture;
};

}  // namespace postern::io
