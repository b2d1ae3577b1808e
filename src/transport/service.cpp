#include "transport/service.hpp"

#include "transport/credentials.hpp"
#include "transport/mock.hpp"
#include "transport/peer_service.hpp"

namespace postern::transport {
namespace {

class MockService final : public Service {
 public:
  explicit MockService(const Clock& clock) : m_transport(make_mock(clock)) {}
  std::string_view mode() const override { return "mock"; }
  Transport& transport() override { return *m_transport; }
  Result<Profile> profile() const override {
    Profile out;
    out.name = "mock";
    out.peer = "mock";
    out.user = kMockUser;
    return out;
  }
  Findings findings() const override {
    return {{"mode", Finding::State::Ok, "mock: X.400 is played in memory, and nothing leaves this process; see transport.mode"}};
  }
  Findings bind_test() override;

 private:
  std::unique_ptr<Transport> m_transport;
};

Findings MockService::bind_test() {
  Findings out = findings();
  const auto bound = m_transport->bind(profile()->bind_request(), {});
  if (!bound) return {{"bind", Finding::State::Failed, bound.error().text()}};
  (void)m_transport->unbind({bound->association}, {});
  out.push_back({"bind", Finding::State::Ok, std::string("as ") + kMockUser + ", " + std::to_string(bound->waiting) + " new entries"});
  return out;
}

}  // namespace

Result<std::unique_ptr<Service>> open_service(const config::Config& config, ServiceOptions options) {
  if (config.transport.mode == "mock") return std::make_unique<MockService>(*options.clock);
  POSTERN_CHECK(check_pinset(config));
  return std::make_unique<PeerService>(config, std::move(options));
}

}  // namespace postern::transport
