// The service in modes native and sdk: a profile, its credentials and its peer, and whoever speaks X.400.
#pragma once

#include <condition_variable>
#include <thread>

#include "transport/sdk_transport.hpp"
#include "transport/service.hpp"
#include "transport/watched.hpp"

namespace postern::transport {

class PeerService final : public Service {
 public:
  /// By transport.mode. A library is started at once, beside everything else, so that one that cannot be used is known from the start.
  PeerService(config::Config config, ServiceOptions options);
  ~PeerService() override;

  std::string_view mode() const override { return m_config.transport.mode; }
  Transport& transport() override { return m_transport; }
  Result<Profile> profile() const override { return read_profile(m_config); }
  Findings findings() const override;
  Findings bind_test() override;

 private:
  [[nodiscard]] Watched::Make maker();
  [[nodiscard]] Findings judge_files() const;
  [[nodiscard]] Finding judge_library() const;
  [[nodiscard]] std::optional<Finding> judge_last_bind() const;
  void bind_and_leave(const Profile& profile, Findings& out);
  [[nodiscard]] Status meet_library();
  void meet_library_soon();

  const config::Config m_config;
  const ServiceOptions m_options;
  SdkTransport* m_library = nullptr;  ///< In mode sdk the transport itself, for what only a library has to tell.
  Watched m_transport;
  mutable std::mutex m_mutex;
  mutable std::optional<Findings> m_files;  ///< Of judge_files(); looked at again after a while.
  mutable SteadyTime m_files_at{};
  std::string m_library_name;  ///< As it calls itself; empty: it has not said yet.
  bool m_stopping = false;
  std::condition_variable m_stop;
  std::thread m_meeting;  ///< Last: it uses the others.
};

}  // namespace postern::transport
